"""Every example runs as its docstring says and prints what it promises. The checkpoint is a small one made here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
TIME_LIMIT_S = 240.0  # the slowest takes 6 s on a quiet machine


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Random networks under the contract that the examples use."""
    interface = load_contract(ROOT / "config/contracts/ur5e_cube.yaml").interface
    config = NetworkConfig(
        interface.observation_dim, interface.action_dim, interface.chunk_length, hidden=(16, 16)
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    width = interface.observation_dim
    normalizer = Normalizer(np.zeros(width, np.float32), np.ones(width, np.float32))
    save_checkpoint(
        tmp_path / "checkpoint", Checkpoint(networks, normalizer, interface, SamplerDefaults(), {})
    )
    return tmp_path / "checkpoint"


def run(name: str, *arguments: object) -> list[str]:
    """The lines that an example prints, called from the clone."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "sim")])
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths, "MUJOCO_GL": "disable", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_denoising_starts_at_the_same_estimate_with_and_without_guidance(checkpoint: Path) -> None:
    lines = run("01_denoise_a_chunk.py", checkpoint)
    steps = [line.split() for line in lines if re.match(r" [0-9]\.", line)]
    assert len(steps) == 20
    assert steps[0][3] == steps[10][3]
    assert all(float(bent) == 0.0 for _, _, bent, _ in steps[:10])
    assert all(float(bent) > 0.0 for _, _, bent, _ in steps[10:])


def test_more_weight_moves_the_chunk_further(checkpoint: Path) -> None:
    rows = [line.split() for line in run("02_guidance_weight.py", checkpoint)[1:]]
    assert len(rows) == 18
    for first in range(0, len(rows), 6):  # one estimator, the smallest weight against the largest
        assert float(rows[first + 5][4]) > float(rows[first][4])


@pytest.mark.sim
def test_an_episode_runs_unguided_and_guided_on_the_same_seed(checkpoint: Path) -> None:
    rows = [line.split() for line in run("03_run_an_episode.py", checkpoint, 1)[1:]]
    assert [row[:2] for row in rows] == [["0", "unguided"], ["0", "guided"]]


@pytest.mark.sim
def test_a_small_training_ends_in_a_checkpoint_that_loads(tmp_path: Path) -> None:
    assert run("04_train_small.py", tmp_path)[-1] == "saved and loaded: {'steps': 50}"
    assert (tmp_path / "checkpoint" / "weights.safetensors").is_file()


def test_examples_are_numbered_short_and_say_how_they_are_run() -> None:
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02}" for number in range(1, len(EXAMPLES) + 1)]
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        assert f"Run: python examples/{path.name}" in text
        assert len(text.splitlines()) <= 45
