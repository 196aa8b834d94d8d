"""Candidate against parent in the simulator: pairs on the same seeds, and what the verbs make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from closed_loops import CONTRACT, TASK, saved, tiny_checkpoint

from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.load import load_contract
from test.data.conftest import write_slice

pytestmark = pytest.mark.sim


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present folder, with a tiny parent and random episodes of its interface."""
    interface = load_contract(CONTRACT).interface
    saved(tmp_path / "parent", tiny_checkpoint(interface))
    (tmp_path / "data").mkdir()
    write_slice(tmp_path / "data" / "a.npz", interface, [40] * 4)
    monkeypatch.chdir(tmp_path)


def call(verb: str, words: str) -> tuple[int, dict[str, Any]]:
    """The verb in the present folder; its exit code and figures, none where it was refused."""
    code = main([verb, *words.split(), "--contract", str(CONTRACT), "--json", "figures.json"])
    path = Path("figures.json")
    return code, json.loads(path.read_text()) if path.is_file() else {}


@pytest.mark.slow
@pytest.mark.usefixtures("work")
def test_a_checkpoint_against_itself_ties_on_every_seed_and_is_not_promoted() -> None:
    code, figures = call("promote", "parent parent --data data --pairs 2 --processes 2 --name robot")
    assert code == 0
    assert (figures["pairs"], figures["wins"], figures["losses"]) == (2, 0, 0)
    assert (figures["decision"], figures["e_value"]) == ("undecided", pytest.approx(1.0))
    assert figures["parent"]["success"] == figures["candidate"]["success"]
    assert figures["version"] is None
    assert not Path("robot").exists()


@pytest.mark.usefixtures("work")
def test_a_fine_tuned_policy_is_compared_with_its_parent_where_a_task_is_named() -> None:
    trained = "parent data --out candidate --run-folder run --part policy --steps 5"
    code, figures = call("finetune", f"{trained} --task {TASK} --episodes 1 --processes 1")
    assert code == 0
    assert (figures["steps"], figures["pairs"], figures["decision"]) == (5, 1, "undecided")


@pytest.mark.usefixtures("work")
def test_a_task_that_does_not_exist_is_refused_before_any_training(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _ = call("finetune", "parent data --out candidate --run-folder run --task nothing")
    assert code == EXIT_USER_ERROR
    assert "There is no task 'nothing'" in capsys.readouterr().err
    assert not Path("run").exists()
