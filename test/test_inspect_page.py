"""The page of `qgf inspect` says first what is bad, then what to look at; it needs nothing beside it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints_with_command

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from played_bags import goal, surrounded, write

from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.inspect_findings import Grade, findings
from qgf_ros.evaluate.inspect_page import page

Figures = dict[str, Any]


def inspected(path: Path, folder: Path) -> tuple[str, Figures]:
    """The page and its figures."""
    file = folder / "pages" / "page.html"
    main(["inspect", str(path), "--html", str(file), "--json", str(folder / "figures.json")])
    return file.read_text(), json.loads((folder / "figures.json").read_text())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Of a bag in which nothing is wrong."""
    folder = tmp_path_factory.mktemp("sound")
    contract = load_contract(two_joints_with_command(folder))
    return inspected(write(folder / "bag", surrounded(30, 30), contract), folder)[1]


def test_it_needs_nothing_beside_it_and_names_out_of_the_file_are_text_on_it(tmp_path: Path) -> None:
    contract = load_contract(two_joints_with_command(tmp_path))
    strange = replace(goal(31), topic="/<script>alert(1)</script>")
    text, _ = inspected(write(tmp_path / "bag", [*surrounded(30, 30), strange], contract), tmp_path)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("class=name") >= 4 + 15
    assert text.count("<svg") >= 4 + 1


def test_of_a_sound_bag_it_says_that_nothing_is_bad_and_what_was_found_to_be_good(sound: Figures) -> None:
    assert {finding.grade for finding in findings(sound)} == {Grade.GOOD}
    text = page(sound)
    assert "<h2>Nothing bad, nothing to look at</h2>" in text
    assert "Every value is a finite number." in text


def component(figures: Figures) -> Figures:
    return figures["columns"]["observations"][0]


PLANTED: list[tuple[str, Grade, Callable[[Figures], None], str]] = [
    ("a damaged file", Grade.BAD, lambda it: it.update(problem="Damaged."), "Damaged."),
    ("an unfinished bag", Grade.BAD, lambda it: it.update(is_finished=False), "did not finish"),
    (
        "lost messages",
        Grade.BAD,
        lambda it: it.update(lost=3, lost_by_topic={"/a": 3}),
        "lost 3 messages. /a: 3",
    ),
    ("a silent topic", Grade.BAD, lambda it: it.update(silent=["/pose"]), "/pose has no message"),
    (
        "a recording that does not fit",
        Grade.BAD,
        lambda it: it["refused"].append({"recording": "a", "problem": "a is too wide."}),
        "Refused: a is too wide.",
    ),
    (
        "observations that differ",
        Grade.BAD,
        lambda it: it.update(parity={"live": 9, "same": 8, "different": 1, "not_made": 0, "why": ""}),
        "1 live observations differ",
    ),
    (
        "values that are not finite",
        Grade.BAD,
        lambda it: component(it).update(not_finite=2),
        "no finite numbers: 2 of angles shoulder.",
    ),
    (
        "values far out",
        Grade.LOOK,
        lambda it: component(it).update(outliers=0.01),
        "Values far out: 1.00% of angles shoulder.",
    ),
    (
        "a gap",
        Grade.LOOK,
        lambda it: it["topics"][0].update(gaps=2, longest_gap_s=0.5),
        "paused 2 times, for 0.50 s at most",
    ),
    (
        "an end that comes too soon",
        Grade.LOOK,
        lambda it: it["topics"][0].update(silent_at_end_s=4.0),
        "says nothing in the last 4.0 s",
    ),
    (
        "rows that are left out",
        Grade.LOOK,
        lambda it: it.update(left_out={"2 actions": "too late"}),
        "Left out: 2 actions. too late",
    ),
]


@pytest.mark.parametrize(
    ("grade", "plant", "words"), [entry[1:] for entry in PLANTED], ids=[entry[0] for entry in PLANTED]
)
def test_each_fault_of_a_recording_is_one_finding_that_stands_first(
    sound: Figures, grade: Grade, plant: Callable[[Figures], None], words: str
) -> None:
    figures = copy.deepcopy(sound)
    plant(figures)
    first, *others = findings(figures)
    assert first.grade is grade
    assert words in first.words
    assert {finding.grade for finding in others} == {Grade.GOOD}
    assert f"1 {'bad' if grade is Grade.BAD else 'to look at'}" in page(figures)


def test_of_an_array_without_names_the_places_are_named_and_rounding_errors_are_nought(
    tmp_path: Path,
) -> None:
    values = np.linspace(-1e-17, 0.8, 50)
    broken = np.full(50, np.nan)
    arrays = {"observations": np.stack([values, broken], axis=1), "actions": np.full((50, 1), 0.25)}
    np.savez(tmp_path / "foreign.npz", **arrays, terminals=np.arange(50) == 49)
    text, _ = inspected(tmp_path / "foreign.npz", tmp_path)
    first, second, action = re.findall(r"<div class='card[^']*'>.*?</div></div>", text)[-3:]
    assert "observations[0]" in first
    assert "<span>0.000</span><span>0.800</span>" in first
    assert "50 not finite" in second
    assert "<svg" not in second
    assert "never changes" not in second
    assert "actions[0]" in action
    assert "never changes: 0.25" in action
