"""Candidate against parent in the simulator: pairs on the same seeds, and what the verbs make of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from closed_loops import CONTRACT, TASK, saved, tiny_checkpoint

from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.load import load_contract
from test.data.conftest import write_slice

pytestmark = pytest.mark.sim


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a tiny parent and random episodes of its interface."""
    interface = load_contract(CONTRACT).interface
    saved(tmp_path / "parent", tiny_checkpoint(interface))
    (tmp_path / "data").mkdir()
    write_slice(tmp_path / "data" / "a.npz", interface, [40] * 4)
    return tmp_path


@pytest.mark.slow
def test_a_checkpoint_against_itself_ties_on_every_seed_and_is_not_promoted(work: Path) -> None:
    same = [
        str(work / "parent"),
        str(work / "parent"),
        "--data",
        str(work / "data"),
        "--contract",
        str(CONTRACT),
    ]
    more = [
        "--pairs",
        "2",
        "--processes",
        "2",
        "--json",
        str(work / "figures.json"),
        "--name",
        str(work / "robot"),
    ]
    assert main(["promote", *same, *more]) == 0
    figures = json.loads((work / "figures.json").read_text())
    assert (figures["pairs"], figures["wins"], figures["losses"]) == (2, 0, 0)
    assert (figures["decision"], figures["e_value"]) == ("undecided", pytest.approx(1.0))
    assert figures["parent"]["success"] == figures["candidate"]["success"]
    assert figures["version"] is None
    assert not (work / "robot").exists()


def test_a_fine_tuned_policy_is_compared_with_its_parent_where_a_task_is_named(work: Path) -> None:
    places = [
        str(work / "parent"),
        str(work / "data"),
        "--out",
        str(work / "candidate"),
        "--run-folder",
        str(work / "run"),
    ]
    more = ["--contract", str(CONTRACT), "--task", TASK, "--episodes", "1", "--processes", "1"]
    figures = ["--json", str(work / "figures.json")]
    assert main(["finetune", *places, "--part", "policy", "--steps", "5", *more, *figures]) == 0
    found = json.loads((work / "figures.json").read_text())
    assert (found["steps"], found["pairs"], found["decision"]) == (5, 1, "undecided")


def test_a_task_that_does_not_exist_is_refused_before_any_training(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [
        str(work / "parent"),
        str(work / "data"),
        "--out",
        str(work / "candidate"),
        "--run-folder",
        str(work / "run"),
    ]
    assert main(["finetune", *places, "--contract", str(CONTRACT), "--task", "nothing"]) == EXIT_USER_ERROR
    assert "There is no task 'nothing'" in capsys.readouterr().err
    assert not (work / "run").exists()
