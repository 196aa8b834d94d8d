"""`qgf finetune` as a user calls it: what it writes, how it goes on, what it refuses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import EXIT_USER_ERROR, main
from qgf_ros.contract.load import load_contract
from qgf_ros.lineage import events, weights_digest
from qgf_ros.seen import load_seen
from test.data.conftest import interface as interface
from test.data.conftest import write_slice
from test.small_checkpoints import saved_small
from test.train.test_finetune import CRITIC, POLICY, tensors
from test.train.test_resume import same

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "config/contracts/ur5e_cube.yaml"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a small parent, and episodes of its interface."""
    robot = load_contract(CONTRACT).interface
    saved_small(tmp_path / "parent", robot, 0)
    for name, seed in (("new", 1), ("old", 2)):
        (tmp_path / name).mkdir()
        write_slice(tmp_path / name / "a.npz", robot, [30] * 5, seed)
    recipe = yaml.safe_load((ROOT / "config/train/ur5e_cube.yaml").read_text())
    recipe["train"]["batch_size"] = 16  # so that a step costs little
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def finetune(work: Path, *more: str, out: str = "candidate") -> tuple[int, dict[str, Any]]:
    """The exit code and the figures of a call; of `out` depends where its state lies."""
    places = ["--out", str(work / out), "--run-folder", str(work / f"run_{out}"), "--contract", str(CONTRACT)]
    places += ["--recipe", str(work / "recipe.yaml")]
    arguments = [
        "finetune",
        str(work / "parent"),
        str(work / "new"),
        *places,
        "--json",
        str(work / "figures.json"),
        *more,
    ]
    code = main(arguments)
    return code, json.loads((work / "figures.json").read_text()) if code == 0 else {}


def test_a_policy_is_trained_alone_and_its_candidate_says_from_what(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures = finetune(work, "--part", "policy", "--steps", "20", "--old", str(work / "old"))
    assert code == 0
    parent, candidate = load_checkpoint(work / "parent"), load_checkpoint(work / "candidate")
    assert same(tensors(parent.networks, CRITIC), tensors(candidate.networks, CRITIC))
    (event,) = events(candidate.provenance)
    assert event["event"] == "finetuned"
    assert event["parent_sha256"] == weights_digest(work / "parent")
    assert (event["part"], event["old_share"], event["steps"]) == ("policy", 0.5, 20)
    assert event["kept"]["policy"]["loss"] == figures["kept"]["policy"]["loss"] > 0.0
    assert figures["episodes"] == {"new": 4, "held_out": 1}
    assert figures["decision"] is None
    weight = figures["guidance_weight"]  # that of the same strength, of another policy's spread
    assert candidate.defaults == dataclasses.replace(parent.defaults, guidance_weight=weight)
    assert load_seen(work / "candidate") is not None
    assert "it has not been compared with its parent" in capsys.readouterr().out


def test_a_critic_is_trained_under_an_unchanged_policy_and_brings_its_weight(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, figures = finetune(work, "--part", "critic", "--steps", "20")
    assert code == 0
    parent, candidate = load_checkpoint(work / "parent"), load_checkpoint(work / "candidate")
    assert same(tensors(parent.networks, POLICY), tensors(candidate.networks, POLICY))
    assert candidate.defaults.guidance_weight == figures["guidance_weight"] != parent.defaults.guidance_weight
    ceiling = figures["ceiling"]
    assert ceiling["q_unguided"] <= ceiling["q_best_of_32"]
    assert figures["at_goal"] == 0  # random walks
    out = capsys.readouterr().out
    assert "the goal holds in 0 rows of the new data: a critic hears of no success from them" in out
    assert out.index("what it has to choose from") < out.index("kept weights")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_to_the_same_candidate(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--old", str(work / "old"))
    finetune(work, "--steps", "500", *more, out="whole")
    finetune(work, "--steps", "250", *more, out="cut")
    finetune(work, "--steps", "500", *more, out="cut")
    assert "resumed at step 250" in capsys.readouterr().out
    whole, cut = (load_checkpoint(work / name) for name in ("whole", "cut"))
    assert all(
        torch.equal(one, other)
        for one, other in zip(
            whole.networks.state_dict().values(), cut.networks.state_dict().values(), strict=True
        )
    )
    assert whole.defaults == cut.defaults


def test_another_setting_does_not_continue_a_run(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finetune(work, "--part", "policy", "--steps", "20")
    assert finetune(work, "--part", "policy", "--steps", "20", "--seed", "1")[0] == EXIT_USER_ERROR
    assert "give --restart to begin anew" in capsys.readouterr().err
    assert finetune(work, "--part", "policy", "--steps", "20", "--seed", "1", "--restart")[0] == 0


def test_a_critic_without_a_goal_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--out", str(work / "candidate"), "--contract", str(CONTRACT), "--part", "critic"]
    assert main(["finetune", str(work / "parent"), str(work / "new"), *places]) == EXIT_USER_ERROR
    assert "--recipe is None, but it must be given" in capsys.readouterr().err


def test_data_of_another_interface_are_refused(
    work: Path, interface: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_slice(work / "new" / "b.npz", interface, [30, 30])
    assert finetune(work, "--part", "policy")[0] == EXIT_USER_ERROR
    assert "was made for interface" in capsys.readouterr().err


def test_a_share_that_mixes_nothing_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        finetune(work, "--part", "policy", "--old", str(work / "old"), "--old-share", "1.0")[0]
        == EXIT_USER_ERROR
    )
    assert "share of new data" in capsys.readouterr().err
