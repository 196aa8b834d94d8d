"""`qgf train` and `qgf evaluate` as a user calls them: what they write, how they go on, what they refuse."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from closed_loops import CONTRACT, TASK, saved, tiny_checkpoint

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.load import load_contract
from qgf_ros.seen import load_seen

pytestmark = pytest.mark.sim


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """The shipped recipe, as small as it runs."""
    content: dict[str, Any] = yaml.safe_load((CONTRACT.parents[1] / "train" / "ur5e_cube.yaml").read_text())
    content |= {"contract": str(CONTRACT), "dataset": str(tmp_path / "data"), "output": str(tmp_path / "out")}
    content["collect"] |= {"slices": 2, "episodes_per_slice": 1, "steps": 30}
    content["train"] |= {"networks": {"hidden": [16, 16]}, "steps": 4, "batch_size": 8, "evaluate_every": 99}
    content["train"]["log_every"] = 1
    content["evaluate"] = None
    return content


def train(folder: Path, recipe: dict[str, Any], *more: str) -> int:
    """Runs the recipe in `folder`; the exit code."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    figures = ["--run-folder", str(folder / "run"), "--processes", "1", "--json", str(folder / "train.json")]
    return main(["train", str(path), *figures, *more])


def test_a_recipe_leads_from_nothing_to_a_checkpoint(tmp_path: Path, recipe: dict[str, Any]) -> None:
    assert train(tmp_path, recipe) == 0
    checkpoint = load_checkpoint(tmp_path / "out", load_contract(CONTRACT).interface)
    assert checkpoint.provenance["steps"] == 4
    seen = load_seen(tmp_path / "out")
    assert seen is not None
    assert seen.joints == checkpoint.interface.joints
    assert json.loads((tmp_path / "train.json").read_text())["steps"] == 4


def test_seeds_and_tasks_are_trained_as_one_program_to_a_checkpoint_each_and_continue(
    tmp_path: Path, recipe: dict[str, Any]
) -> None:
    anywhere = {"near": [{"term": "cube_position", "point": [0.4, 0.1, 0.02], "radius": 5.0}]}
    recipe["tasks"] = {"near": {"relabel": recipe["train"]["relabel"]}, "anywhere": {"relabel": anywhere}}
    assert train(tmp_path, recipe, "--seeds", "0", "7") == 0
    assert train(tmp_path, recipe, "--seeds", "0", "7", "--steps", "6") == 0
    figures = json.loads((tmp_path / "train.json").read_text())["runs"]
    names = [f"out-{task}-seed{seed}" for task in ("anywhere", "near") for seed in (0, 7)]
    assert [Path(run["output"]).name for run in figures] == names
    made = [load_checkpoint(tmp_path / name) for name in names]
    assert [one.provenance["seed"] for one in made] == [0, 7, 0, 7]
    assert {one.provenance["steps"] for one in made} == {6}
    weights = [one.networks.value.layers.out.kernel for one in made]
    assert not any((one == other).all() for one, other in itertools.combinations(weights, 2))


def test_a_task_whose_name_can_be_no_folder_is_refused(
    tmp_path: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe["tasks"] = {"../elsewhere": {"relabel": recipe["train"]["relabel"]}}
    assert train(tmp_path, recipe) == EXIT_USER_ERROR
    assert "names of letters, digits" in capsys.readouterr().err


def test_more_steps_continue_a_finished_run(
    tmp_path: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, recipe) == 0
    assert train(tmp_path, recipe, "--steps", "6") == 0
    assert "resumed at step 4" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "out").provenance["steps"] == 6


def test_a_finished_run_writes_its_checkpoint_again(tmp_path: Path, recipe: dict[str, Any]) -> None:
    assert train(tmp_path, recipe) == 0
    recipe["defaults"]["guidance_weight"] = 0.5
    assert train(tmp_path, recipe, "--output", str(tmp_path / "elsewhere")) == 0
    assert load_checkpoint(tmp_path / "elsewhere").defaults.guidance_weight == 0.5
    assert load_checkpoint(tmp_path / "elsewhere").provenance["steps"] == 4


def test_a_changed_recipe_does_not_continue_another_run(
    tmp_path: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, recipe) == 0
    recipe["train"]["batch_size"] = 16
    assert train(tmp_path, recipe) == EXIT_USER_ERROR
    assert "give --restart to begin anew" in capsys.readouterr().err
    assert train(tmp_path, recipe, "--restart") == 0


def test_an_unknown_key_of_a_recipe_is_named(
    tmp_path: Path, recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe["train"]["learning_rate"] = 0.1
    assert train(tmp_path, recipe) == EXIT_USER_ERROR
    assert "unknown keys learning_rate; the valid keys are" in capsys.readouterr().err


def test_an_evaluation_reports_every_row_with_its_interval(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / "tiny", tiny_checkpoint(load_contract(CONTRACT).interface))
    arguments = [str(checkpoint), "--contract", str(CONTRACT), "--episodes", "2", "--processes", "1"]
    rows = ["--rows", "unguided", "guided", "guided_bf16", "--chunks", "real_time:3:2"]
    assert main(["evaluate", *arguments, *rows, "--json", str(tmp_path / "eval.json")]) == 0
    report = json.loads((tmp_path / "eval.json").read_text())
    for row in ("unguided", "guided"):
        low, high = report[row]["interval"]
        assert low <= report[row]["success"] <= high
    assert report["guided"]["gain_over_unguided"]["pairs"] == report["episodes"] == 2
    assert report["guided_bf16"]["gain_over_guided"]["pairs"] == 2
    assert report["latency_ms"]["p99"] >= report["latency_ms"]["p50"] > 0
    assert report["missed_commands"] == 0
    assert report["chunks"] == "real_time:3:2"
    seams = report["guided"]["seams"]
    assert 0 < seams["velocity_rad_s"]["mean"] <= seams["velocity_rad_s"]["worst"]
    assert report["task"] == TASK


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--episodes", "0"], "--episodes is 0, but it must be at least 1"),
        (["--rows", "best"], "one of unguided, best_of_4, best_of_16, guided_n1, guided"),
        (["--task", "cube-single-task9"], "There is no task 'cube-single-task9'"),
        (["--contract", "nowhere.yaml"], "nowhere.yaml"),
        (["--chunks", "quick"], "one of synchronous, real_time, naive, ensemble"),
        (["--chunks", "real_time:5:1"], "with delay 1 it may be 1 to 4"),
    ],
)
def test_an_impossible_evaluation_is_refused_in_one_sentence(
    tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = saved(tmp_path / "tiny", tiny_checkpoint(load_contract(CONTRACT).interface))
    given = ["--contract", str(CONTRACT), *arguments]
    assert main(["evaluate", str(checkpoint), *given]) == EXIT_USER_ERROR
    assert sentence in capsys.readouterr().err


def test_a_checkpoint_that_names_no_contract_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = dataclasses.replace(tiny_checkpoint(load_contract(CONTRACT).interface), provenance={})
    assert main(["evaluate", str(saved(tmp_path / "tiny", tiny))]) == EXIT_USER_ERROR
    assert "the checkpoint names no contract that it was made for" in capsys.readouterr().err
