"""`qgf compare` as a user calls it: every method, from nothing to a report; and what a second call does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file as read_tensors

from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.rivals.registry import RIVALS

pytestmark = pytest.mark.sim

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "config" / "studies" / "smoke.yaml"
RECIPE = ROOT / "config" / "train" / "smoke.yaml"


def study(folder: Path, **changes: Any) -> list[str]:
    """The arguments for the smoke study, as small as it runs, with all files in `folder`."""
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe |= {"contract": str(ROOT / recipe["contract"]), "dataset": str(folder / "data")}
    recipe["train"] |= {"steps": 6, "batch_size": 8}
    recipe["collect"] |= {"steps": 30}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    content = yaml.safe_load(SMOKE.read_text())
    content["cells"]["reach"]["recipe"] = str(folder / "recipe.yaml")
    content |= {"folder": str(folder / "results"), "work": str(folder / "work"), "episodes": 1} | changes
    (folder / "study.yaml").write_text(yaml.safe_dump(content))
    return ["compare", str(folder / "study.yaml"), "--processes", "1", "--json", str(folder / "compare.json")]


def written(folder: Path) -> dict[Path, int]:
    """When each row and all weights were written."""
    kept = [*(folder / "results" / "rows").rglob("*.json"), *(folder / "work").rglob("*.safetensors")]
    return {path: path.stat().st_mtime_ns for path in kept}


@pytest.mark.slow
def test_every_rival_has_its_row(tmp_path: Path) -> None:
    assert main(study(tmp_path)) == 0
    figures = json.loads((tmp_path / "compare.json").read_text())
    assert {row["method"] for row in figures["rows"]} == {"default", *RIVALS}
    for row in figures["rows"]:
        low, high = row["interval"]
        assert low <= row["success"] <= high
        assert row["ms_per_action"] > 0.0
        assert row["train_s"] is not None
    assert {row["method"] for row in figures["differences"]} == set(RIVALS)
    report, page = ((tmp_path / "results" / f"report.{kind}").read_text() for kind in ("md", "html"))
    assert all(name in report and name in page for name in RIVALS)


def test_a_few_methods_from_nothing_to_a_report_and_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"cfgrl": [2.0, 3.0], "edp": [10.0, 30.0]}
    few = {
        "rivals": ["unguided", "cfgrl", "edp"],
        "tuning": {"episodes": 1, "training_seeds": [0], "values": values},
    }
    assert main([*study(tmp_path, **few), "--until", "tuning"]) == 0
    assert not (tmp_path / "results" / "rows" / "reporting").exists()
    assert not (tmp_path / "work" / "checkpoints" / "reach-seed1").exists(), (
        "only reported, so not trained yet"
    )
    assert main(study(tmp_path, **few)) == 0
    figures = json.loads((tmp_path / "compare.json").read_text())
    assert [row["method"] for row in figures["rows"]] == ["default", "unguided", "cfgrl", "edp"]
    assert figures["rows"][3]["seeds"] == [0, 1]
    learned = sorted(path.stem for path in (tmp_path / "work" / "extras" / "reach-seed0").iterdir())
    assert learned == ["cfgrl", "edp-10", "edp-30"], "a knob that bends only the walk needs one training"
    before = written(tmp_path)
    capsys.readouterr()
    assert main(study(tmp_path, **few)) == 0
    assert written(tmp_path) == before
    assert "training" not in capsys.readouterr().out.split("# smoke")[0]
    again = json.loads((tmp_path / "compare.json").read_text())
    assert again == figures
    assert main([*study(tmp_path, **few), "--base", "unguided"]) == 0
    assert written(tmp_path) == before, "the same rows, seen from another method"
    other = json.loads((tmp_path / "compare.json").read_text())
    assert [row["method"] for row in other["differences"] if row["cell"] == "all"] == [
        "default",
        "cfgrl",
        "edp",
    ]
    assert "Against unguided" in (tmp_path / "results" / "report-unguided.md").read_text()
    assert "Against default" in (tmp_path / "results" / "report.md").read_text()


def test_tasks_of_a_seed_share_one_training_of_the_policy_and_each_is_what_it_is_alone(
    tmp_path: Path,
) -> None:
    """Labels differ, and no policy sees labels: bit by bit the same, at half of the cost."""
    label = {"near": [{"term": "tool_position", "point": [0.3, 0.0, 0.3], "radius": 0.2}]}
    made = {}
    for name, cells in (("both", ("first", "second")), ("alone", ("second",))):
        folder = tmp_path / name
        folder.mkdir()
        arguments = study(folder, rivals=["unguided"], training_seeds=[0], tuning={"chosen_on": "nothing"})
        content = yaml.safe_load((folder / "study.yaml").read_text())
        reach = content["cells"]["reach"]
        all_cells = {"first": reach, "second": reach | {"relabel": label}}
        content["cells"] = {cell: all_cells[cell] for cell in cells}
        (folder / "study.yaml").write_text(yaml.safe_dump(content))
        assert main(arguments) == 0
        made[name] = read_tensors(folder / "work" / "checkpoints" / "second-seed0" / "weights.safetensors")
    assert made["both"].keys() == made["alone"].keys()
    for key, value in made["both"].items():
        np.testing.assert_array_equal(value, made["alone"][key])
    trained = json.loads(
        (tmp_path / "both" / "work" / "checkpoints" / "second-seed0" / "checkpoint.json").read_text()
    )
    assert trained["provenance"]["parent"].endswith("first-seed0")


def test_cells_of_other_widths_and_chunk_lengths_are_trained_apart_and_played(tmp_path: Path) -> None:
    few = {"rivals": ["edp"], "training_seeds": [0], "tuning": {"chosen_on": "nothing"}}
    arguments = study(tmp_path, **few)
    content = yaml.safe_load((tmp_path / "study.yaml").read_text())
    reach = content["cells"]["reach"]
    content["cells"] = {
        "plain": reach,
        "wide": reach | {"changes": {"train.networks.hidden": [48, 48]}},
        "long": reach | {"chunk_length": 9},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    assert main(arguments) == 0
    of = {
        name: json.loads(
            (tmp_path / "work" / "checkpoints" / f"{name}-seed0" / "checkpoint.json").read_text()
        )
        for name in content["cells"]
    }
    assert of["plain"]["networks"]["hidden"] == of["long"]["networks"]["hidden"] == [32, 32]
    assert of["wide"]["networks"]["hidden"] == [48, 48]
    assert of["long"]["networks"]["horizon"] == 9
    assert of["plain"]["networks"]["horizon"] != 9
    rows = json.loads((tmp_path / "compare.json").read_text())["rows"]
    assert {(row["cell"], row["method"]) for row in rows} == {
        (name, method) for name in content["cells"] for method in ("default", "edp")
    }


def test_a_row_alone_is_enough_to_report(tmp_path: Path) -> None:
    """Rows may be committed; weights are not."""
    few = {"rivals": ["unguided"], "training_seeds": [0], "tuning": {"chosen_on": "nothing"}}
    assert main(study(tmp_path, **few)) == 0
    first = json.loads((tmp_path / "compare.json").read_text())
    (tmp_path / "work").rename(tmp_path / "gone")
    (tmp_path / "data").rename(tmp_path / "gone_too")
    assert main(study(tmp_path, **few)) == 0
    assert json.loads((tmp_path / "compare.json").read_text()) == first


def test_a_study_with_an_unknown_rival_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(study(tmp_path, rivals=["nobody"], tuning={})) == EXIT_USER_ERROR
    assert (
        "qgf compare: rivals is 'nobody', but it must be one of default, full_noise, unguided"
        in capsys.readouterr().err
    )
