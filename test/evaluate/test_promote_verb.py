"""`qgf promote` as a user calls it: what is decided, what is changed, what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from point_world import episodes

from qgf_ros.checkpoint import load_checkpoint, save_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.schema import Interface
from qgf_ros.evaluate.runs_file import Runs
from qgf_ros.lineage import weights_digest
from qgf_ros.named import Named
from qgf_ros.train.finetune import copied
from test.data.conftest import interface as interface
from test.small_checkpoints import saved_small

BETTER = {"candidate": [True] * 40, "parent": [True, False] * 20}
WORSE = {"candidate": [True, False] * 60, "parent": [True] * 120}
EVEN = {"candidate": [True, False] * 5, "parent": [False, True] * 5}


@pytest.fixture
def work(tmp_path: Path, interface: Interface) -> Path:
    """A folder with a parent, a candidate that agrees with it, one with its critic's sign flipped, and recorded walks."""
    (tmp_path / "walks").mkdir()
    episodes(tmp_path / "walks", interface, 0, count=8)
    parent = load_checkpoint(saved_small(tmp_path / "parent", interface, 0))
    for name, factor in (("candidate", 1.01), ("flipped", -1.0)):
        networks = copied(parent.networks).requires_grad_(False)
        networks.target_critic.layers.out.kernel *= factor
        save_checkpoint(tmp_path / name, dataclasses.replace(parent, networks=networks))
    return tmp_path


def promote(
    work: Path, runs: dict[str, Any], *more: str, candidate: str = "candidate", parent: str = "parent"
) -> tuple[int, dict[str, Any]]:
    """The exit code and the figures of a call with these outcomes."""
    (work / "runs.json").write_text(json.dumps(runs))
    places = [str(work / candidate), str(work / parent), "--data", str(work / "walks")]
    files = ["--runs-file", str(work / "runs.json"), "--json", str(work / "figures.json"), "--pairs", "150"]
    code = main(["promote", *places, *files, *more])
    return code, json.loads((work / "figures.json").read_text()) if code == 0 else {}


def test_a_better_candidate_is_promoted_and_the_figures_say_why(work: Path) -> None:
    code, figures = promote(work, BETTER)
    assert code == 0
    assert figures["decision"] == "promote"
    assert figures["e_value"] >= 20.0
    assert figures["pairs"] < 40
    assert figures["candidate"]["success"] == 1.0
    assert figures["parent"]["success"] == pytest.approx(0.5, abs=0.05)
    assert figures["smallest_detectable"] == pytest.approx(0.2, abs=0.05)


def test_a_worse_one_is_kept_out(work: Path) -> None:
    assert promote(work, WORSE)[1]["decision"] == "keep"


def test_a_few_trials_that_are_even_decide_nothing(work: Path) -> None:
    assert promote(work, EVEN)[1]["decision"] == "undecided"


def test_a_planted_critic_is_refused_whatever_its_trials_say(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = promote(work, BETTER, candidate="flipped")[1]
    assert (figures["decision"], figures["pairs"]) == ("keep", 0)
    assert figures["refused"]
    assert "refused before any trial" in capsys.readouterr().out


def test_a_promotion_changes_the_name_and_a_refusal_does_not(work: Path) -> None:
    name = Named(work / "robot")
    figures = promote(work, BETTER, "--name", str(name.folder))[1]
    assert figures["version"] == name.version()
    assert weights_digest(name.current) == weights_digest(work / "candidate")
    more = ("--name", str(name.folder))
    assert promote(work, WORSE, *more, candidate="parent", parent="robot/current")[1]["decision"] == "keep"
    assert weights_digest(name.current) == weights_digest(work / "candidate")
    decisions = [
        json.loads(line)["decision"] for line in (name.folder / "log.jsonl").read_text().splitlines()
    ]
    assert decisions == ["promote", "keep"]


def test_a_candidate_in_use_is_rolled_back_when_its_own_trials_speak_against_it(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, more = Named(work / "robot"), ("--name", str(work / "robot"))
    promote(work, BETTER, *more)
    assert promote(work, WORSE, *more)[1]["version"] == name.version()
    assert weights_digest(name.current) == weights_digest(work / "parent")
    assert "is rolled back to 0001-" in capsys.readouterr().out


def test_trials_against_another_parent_than_the_one_in_use_are_refused(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promote(work, BETTER, "--name", str(work / "robot"))
    code, _ = promote(work, BETTER, "--name", str(work / "robot"), candidate="flipped")
    assert code == EXIT_USER_ERROR
    assert "current as the parent" in capsys.readouterr().err


def test_the_power_of_the_test_is_told_without_any_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "--power", "--pairs", "30", "--json", str(tmp_path / "power.json")]) == 0
    rows = json.loads((tmp_path / "power.json").read_text())["power"]
    assert all(row["promoted"] <= 0.05 for row in rows if row["candidate"] <= row["parent"])
    assert "parent  candidate  promoted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ({"candidate": [True]}, "lacks parent"),
        ({"candidate": [], "parent": [True]}, "runs.candidate is 0"),
        ({"candidate": [True], "parent": [True, False], "paired": True}, "of one length"),
        ({"candidate": [0.5], "parent": [True]}, "true or false"),
        ({"candidate": [True], "parent": [True], "robot": 1}, "unknown keys robot"),
    ],
)
def test_outcomes_that_cannot_be_read_are_refused_in_one_sentence(
    work: Path, runs: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote(work, runs)[0] == EXIT_USER_ERROR
    assert sentence in capsys.readouterr().err


def test_without_a_candidate_there_is_nothing_to_decide(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote"]) == EXIT_USER_ERROR
    assert "candidate is None, but it must be given" in capsys.readouterr().err


def test_unpaired_trials_may_differ_in_number() -> None:
    assert len(Runs((True,) * 3, (False,) * 5).parent) == 5
