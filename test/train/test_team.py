"""The same recipe in two processes gives the losses and the networks of one: each takes its share of every batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from closed_loops import CONTRACT

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.main import main
from qgf_ros.errors import InvalidSetting
from qgf_ros.train.team import ALONE, Team

ROOT = Path(__file__).parents[2]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node")
STEPS = 12
LOSSES, WEIGHTS = (
    1e-5,
    1e-6,
)  # relative; absolute. Sums of two halves round otherwise: 4e-7 and 3e-8 were seen


def recipe(folder: Path, **sizes: Any) -> Path:
    content: dict[str, Any] = yaml.safe_load((CONTRACT.parents[1] / "train" / "ur5e_cube.yaml").read_text())
    content |= {"contract": str(CONTRACT), "dataset": str(folder / "data"), "output": str(folder / "out")}
    content["collect"] |= {"slices": 2, "episodes_per_slice": 1, "steps": 30}
    content["train"] |= {"networks": {"hidden": [16, 16]} | sizes, "steps": STEPS, "batch_size": 8}
    content["train"] |= {"log_every": 1, "evaluate_every": 99}
    content |= {"evaluate": None, "calibrate": None}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def words_for(path: Path, name: str) -> list[str]:
    folder = path.parent / name
    words = ["train", str(path), "--processes", "1", "--run-folder", str(folder / "run")]
    return [*words, "--output", str(folder / "out"), "--json", str(folder / "figures.json")]


def figures(path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path.parent / name / "figures.json").read_text())
    return found


def run_in_two(*program: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *TORCHRUN, "2", *program],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'sim'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.sim
def test_two_processes_give_the_losses_and_networks_of_one(tmp_path: Path) -> None:
    path = recipe(tmp_path, max_delay=2)  # shares of a batch then count unlike many actions
    assert main(words_for(path, "alone")) == 0
    done = run_in_two("-m", "qgf_ros.cli.main", *words_for(path, "together"))
    assert done.returncode == 0, done.stderr[-3000:]
    alone, together = figures(path, "alone"), figures(path, "together")
    assert (alone["processes"], together["processes"]) == (1, 2)
    for name in ("bc_loss", "critic_loss", "value_loss", "q_mean", "target_mean"):
        assert together[name] == pytest.approx(alone[name], rel=LOSSES, abs=1e-7), name
    ours, theirs = (
        load_checkpoint(tmp_path / name / "out").networks.state_dict() for name in ("together", "alone")
    )
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=0.0, atol=WEIGHTS)
    assert done.stdout.count("transitions,") == 1  # one speaks for all


LEAVES = """
import os, torch
from qgf_ros.train.team import joined
with joined(torch.device("cpu")) as team:
    weight = torch.ones(3, requires_grad=True)
    weight.grad = team.average(torch.ones(3))
    torch.optim.Adam([weight]).step()  # torch imports more of itself here
print(*(open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")))
"""


@pytest.mark.sim
def test_who_leaves_the_team_keeps_no_thread_of_it(tmp_path: Path) -> None:
    """One that was still busy while the interpreter ended killed a finished run, about once in ten."""
    (tmp_path / "leaves.py").write_text(LEAVES)
    done = run_in_two(tmp_path / "leaves.py")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "python" in done.stdout
    assert "gloo" not in done.stdout


def test_a_batch_that_does_not_part_evenly_is_refused_with_the_number_of_processes() -> None:
    with pytest.raises(InvalidSetting, match="a multiple of the 3 processes"):
        Team(rank=1, size=3).share(8)


def test_shares_are_the_whole_batch_in_order() -> None:
    rows = list(range(12))
    assert [row for rank in range(4) for row in rows[Team(rank, 4).share(12)]] == rows
    assert rows[ALONE.share(12)] == rows
