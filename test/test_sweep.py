"""Chunks that keep an arm in motion for tests of what happens when it is interrupted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.sweep import Sweep

CONTRACT = Path(__file__).resolve().parents[1] / "config/contracts/ur5e_cube.yaml"


def test_chunks_follow_one_another_smoothly_within_the_actions_range() -> None:
    contract = load_contract(CONTRACT)
    sweep, scales = Sweep(contract, 3), [entry.scale for entry in contract.interface.action.dimensions]
    chunks = [sweep.chunk(stamp) for stamp in range(1, 40)]
    executed = np.vstack([chunk.actions[: contract.execution_horizon] for chunk in chunks])
    centre = np.array([entry.centre for entry in contract.interface.action.dimensions])
    assert (np.abs(executed - centre) < scales).all()
    steps = np.abs(np.diff(executed, axis=0))
    assert (steps < 2 * np.pi / 30.0 * np.array(scales)).all()  # the steepest a wave of 30 actions can be
    assert (np.ptp(executed, axis=0) > 0.2 * np.array(scales)).all()


def test_one_seed_gives_one_sequence() -> None:
    contract = load_contract(CONTRACT)
    one, again, other = (Sweep(contract, seed).chunk(1).actions for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
