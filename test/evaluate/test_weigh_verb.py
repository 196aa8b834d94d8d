"""`qgf weigh` as a user calls it, and the same choice in a recipe of `qgf train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.contract.load import load_contract
from qgf_ros.data.dataset import read_slices
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.critic_view import logged_windows
from qgf_ros.evaluate.guidance_weight import Yardstick
from qgf_ros.lineage import events, weights_digest
from test.data.conftest import write_slice
from test.small_checkpoints import saved_small

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "config/contracts/ur5e_cube.yaml"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a small checkpoint and episodes of its interface."""
    robot = load_contract(CONTRACT).interface
    saved_small(tmp_path / "checkpoint", robot, 0)
    (tmp_path / "data").mkdir()
    write_slice(tmp_path / "data" / "a.npz", robot, [30] * 5, 1)
    return tmp_path


def weigh(work: Path, *more: str) -> dict[str, Any]:
    figures = work / "figures.json"
    assert main(["weigh", str(work / "checkpoint"), str(work / "data"), "--json", str(figures), *more]) == 0
    return json.loads(figures.read_text())


def test_a_look_shows_what_weights_do_and_writes_nothing(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (work / "checkpoint/checkpoint.json").read_bytes()
    figures = weigh(work)
    assert (work / "checkpoint/checkpoint.json").read_bytes() == before
    chosen = next(pull for pull in figures["pulls"] if pull["weight"] == figures["weight"])
    assert chosen["strength"] == pytest.approx(figures["strength"], rel=1e-3)
    out = capsys.readouterr().out
    assert "now" in out
    assert "strength 0.3" in out


def test_what_is_written_is_the_default_and_the_history_says_from_where(work: Path) -> None:
    before = load_checkpoint(work / "checkpoint")
    figures = weigh(work, "--strength", "0.2", "--write")
    after = load_checkpoint(work / "checkpoint")
    assert after.defaults.guidance_weight == figures["weight"] != before.defaults.guidance_weight
    (event,) = events(after.provenance)
    assert (event["event"], event["strength"]) == ("weighed", 0.2)
    assert event["before"] == before.defaults.guidance_weight
    assert (
        weights_digest(work / "checkpoint")
        == json.loads((work / "checkpoint/checkpoint.json").read_text())["weights_sha256"]
    )


def test_a_detector_of_the_weight_before_is_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "checkpoint/detector.json").write_text("{}")
    weigh(work, "--write")
    assert "its detector was calibrated with the weight before" in capsys.readouterr().out


@pytest.mark.parametrize("strength", ["-1", "0", "nan"])
def test_a_strength_that_is_none_is_refused_in_a_sentence(
    work: Path, capsys: pytest.CaptureFixture[str], strength: str
) -> None:
    call = ["weigh", str(work / "checkpoint"), str(work / "data"), "--strength", strength]
    assert main(call) == EXIT_USER_ERROR
    assert "a number above 0" in capsys.readouterr().err


def recipe(work: Path, **more: Any) -> Path:
    """A recipe for a short training on the episodes."""
    content = yaml.safe_load((ROOT / "config/train/ur5e_cube.yaml").read_text())
    for key in ("collect", "calibrate", "evaluate"):
        del content[key]
    content |= {"contract": str(CONTRACT), "dataset": str(work / "data"), "output": str(work / "made")} | more
    content["train"] |= {"steps": 3, "batch_size": 8, "held_out": 0.4, "networks": {"hidden": [16, 16]}}
    path = work / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def train(work: Path, **more: Any) -> None:
    assert main(["train", str(recipe(work, **more)), "--run-folder", str(work / "run")]) == 0


def test_a_recipe_with_a_strength_gives_its_checkpoint_the_weight_of_it(work: Path) -> None:
    train(work, guidance_strength=0.2)
    made = load_checkpoint(work / "made")
    held_out = logged_windows(read_slices(work / "data", made.interface), made)
    found = Yardstick(made, held_out).pull(made.defaults.guidance_weight).strength
    assert found == pytest.approx(0.2, rel=0.5)  # here all episodes are asked, there the held-out ones
    assert made.defaults.candidates == 4


def test_a_recipe_without_a_strength_keeps_its_weight(work: Path) -> None:
    train(work)
    assert load_checkpoint(work / "made").defaults.guidance_weight == 0.03


@pytest.mark.parametrize("strength", [0.0, -0.3, 11.0])
def test_a_recipe_whose_strength_is_none_is_refused(work: Path, strength: float) -> None:
    with pytest.raises(InvalidSetting, match="guidance_strength"):
        load_recipe(recipe(work, guidance_strength=strength))
