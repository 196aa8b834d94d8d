"""Which checkpoint is in use: changed by one rename, with its history, and back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import NothingBeforeError, NotNamedError, OtherParentError
from qgf_ros.lineage import after, events, weights_digest
from qgf_ros.named import Named
from test.data.conftest import interface as interface
from test.small_checkpoints import saved_small

EVENT = {"e_value": 31.0}


@pytest.fixture
def three(tmp_path: Path, interface: Interface) -> tuple[Path, Path, Path]:
    """Three checkpoints of one interface."""
    one, two, three = (saved_small(tmp_path / f"made{seed}", interface, seed) for seed in range(3))
    return one, two, three


def test_a_promotion_points_at_a_copy_with_its_history(
    tmp_path: Path, three: tuple[Path, Path, Path]
) -> None:
    parent, candidate, _ = three
    name = Named(tmp_path / "robot")
    version = name.promote(candidate, parent, EVENT)
    assert weights_digest(name.current) == weights_digest(candidate)
    assert name.version() == version == f"0002-{weights_digest(candidate)[:12]}"
    history = events(load_checkpoint(name.current).provenance)
    assert history[-1] == EVENT | {
        "event": "promoted",
        "version": version,
        "previous": f"0001-{weights_digest(parent)[:12]}",
    }
    assert events(load_checkpoint(candidate).provenance) == []  # what was given is not touched


def test_rolling_back_follows_the_promotions_to_the_first(
    tmp_path: Path, three: tuple[Path, Path, Path]
) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    name.promote(three[2], name.current, EVENT)
    for expected in (three[1], three[0]):
        name.roll_back("a test")
        assert weights_digest(name.current) == weights_digest(expected)
    with pytest.raises(NothingBeforeError, match="is the first version that it pointed at"):
        name.roll_back("a test")


def test_after_a_rollback_another_candidate_may_come(tmp_path: Path, three: tuple[Path, Path, Path]) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    name.roll_back("a test")
    name.promote(three[2], three[0], EVENT)
    assert weights_digest(name.current) == weights_digest(three[2])
    assert name.version().startswith("0003-")
    name.roll_back("a test")
    assert weights_digest(name.current) == weights_digest(three[0])


def test_trials_against_another_checkpoint_than_the_one_in_use_promote_nothing(
    tmp_path: Path, three: tuple[Path, Path, Path]
) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    before = os.readlink(name.current)
    with pytest.raises(OtherParentError, match=r"give .*/current as the parent"):
        name.promote(three[2], three[0], EVENT)
    assert os.readlink(name.current) == before


def test_a_candidate_that_took_its_parents_place_is_known(
    tmp_path: Path, three: tuple[Path, Path, Path]
) -> None:
    name = Named(tmp_path / "robot")
    assert not name.is_trial_of(three[1], three[0])
    name.promote(three[1], three[0], EVENT)
    assert name.is_trial_of(three[1], three[0])
    assert not name.is_trial_of(three[2], three[0])
    assert not name.is_trial_of(three[0], three[1])


@pytest.mark.parametrize("target", ["../elsewhere", "versions/../../elsewhere", "versions/0001", "/etc"])
def test_a_link_that_leads_elsewhere_names_nothing(tmp_path: Path, target: str) -> None:
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "current").symlink_to(target)
    with pytest.raises(NotNamedError, match="names no checkpoint"):
        Named(tmp_path / "robot").version()


def test_every_decision_is_a_line_of_the_log(tmp_path: Path, three: tuple[Path, Path, Path]) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    name.note({"decision": "keep"})
    name.roll_back("it drops cubes")
    lines = [json.loads(line) for line in (tmp_path / "robot" / "log.jsonl").read_text().splitlines()]
    assert [line["decision"] for line in lines] == ["promote", "keep", "rollback"]
    assert lines[-1]["why"] == "it drops cubes"


def test_a_promotion_that_was_interrupted_before_the_rename_changes_nothing(
    tmp_path: Path, three: tuple[Path, Path, Path]
) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    before = name.version()
    name._add(three[2], EVENT, before)  # the copy is there, the link not yet changed
    assert name.version() == before
    name.promote(three[2], three[1], EVENT)
    assert name.version().startswith("0004-")


def test_an_event_is_added_to_those_before(interface: Interface, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(saved_small(tmp_path / "made", interface, 0))
    later = after(after(checkpoint, {"event": "one"}), {"event": "two"})
    assert [event["event"] for event in events(later.provenance)] == ["one", "two"]
    assert events({"history": "no list"}) == []


def test_the_verb_rolls_back_and_says_where_to(
    tmp_path: Path, three: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name = Named(tmp_path / "robot")
    name.promote(three[1], three[0], EVENT)
    assert main(["rollback", str(name.folder), "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["version"] == name.version()
    assert main(["rollback", str(name.folder)]) == EXIT_USER_ERROR
    assert "cannot be rolled back" in capsys.readouterr().err
