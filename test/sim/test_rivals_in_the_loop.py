"""Rivals in the loop in which everything is evaluated, chunks in real time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from closed_loops import CONTRACT, TASK, RecordingLoop, tiny_checkpoint

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.load import load_contract, with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.rollouts import Row, run_episode
from qgf_ros.inference.engines.engine import EngineConfig, EngineName
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.rivals.engine import RivalEngine, player
from qgf_ros.rivals.registry import RIVALS

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def contract() -> Contract:
    """In real time, and without a scene: chunks of random networks would be refused."""
    made = load_contract(CONTRACT)
    made = replace(made, deployment=replace(made.deployment, scene=None))
    return with_chunks(made, Chunking(ChunkMode.REAL_TIME, 3, 2))


@pytest.fixture(scope="module")
def checkpoint(contract: Contract) -> Checkpoint:
    """Random networks."""
    return tiny_checkpoint(contract.interface)


def commands(contract: Contract, policy: ChunkPolicy, row: Row) -> FloatArray:
    """Those of a short episode (T, 3, J)."""
    loop = RecordingLoop(contract, TASK)
    loop.simulation.max_steps = 12
    run_episode(loop, policy, row, seed=3)
    return np.stack(loop.rows)


@pytest.mark.parametrize(
    "name", ["qgf_regularised", "qgf_smoothed", "qgf_chain", "bptt", "grad_step", "robust_q", "cfgrl", "fql"]
)
def test_an_episode_of_a_rival_is_the_same_twice(
    name: str, contract: Contract, checkpoint: Checkpoint
) -> None:
    rival = RIVALS[name]
    policy, sampler = player(rival, checkpoint, rival.blank(checkpoint, seed=0))
    first, second = (commands(contract, policy, Row(name, sampler)) for _ in range(2))
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["qgf_best_of_4", "qgf_jacobian"])
def test_a_setting_asked_as_a_rival_moves_the_robot_as_the_engine_does(
    name: str, contract: Contract, checkpoint: Checkpoint
) -> None:
    played = player(RIVALS[name], checkpoint, engine=EngineConfig(EngineName.REFERENCE))
    asked = ChunkPolicy(contract.interface, RivalEngine(RIVALS[name], checkpoint, None))
    row = Row(name, played.sampler)
    np.testing.assert_allclose(
        commands(contract, asked, row), commands(contract, played.policy, row), atol=1e-5
    )
