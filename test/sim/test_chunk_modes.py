"""Episodes in process under every way of chunks following one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from closed_loops import CONTRACT, TASK, RecordingLoop, tiny_checkpoint

from qgf_ros.contract.load import load_contract, with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.rollouts import Episode, Row, make_policy, run_episode
from qgf_ros.flow.sampler import SamplerConfig

pytestmark = pytest.mark.sim
GUIDED = Row("guided", SamplerConfig(denoise_steps=4, weight=0.5, candidates=2))


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Without a scene: chunks of random networks would be refused."""
    made = load_contract(CONTRACT)
    return replace(made, deployment=replace(made.deployment, scene=None))


def run(contract: Contract, chunks: Chunking, seed: int = 3) -> tuple[Episode, FloatArray]:
    """An episode of random networks, which never succeeds, and its commands (T, 3, J)."""
    torch.set_num_threads(1)
    loop = RecordingLoop(with_chunks(contract, chunks), TASK)
    loop.simulation.max_steps = 40
    episode = run_episode(loop, make_policy(tiny_checkpoint(contract.interface)), GUIDED, seed)
    return episode, np.stack(loop.rows)


@pytest.mark.parametrize("mode", [ChunkMode.REAL_TIME, ChunkMode.NAIVE, ChunkMode.ENSEMBLE])
def test_without_overlap_every_mode_gives_the_commands_of_the_synchronous_one(
    contract: Contract, mode: ChunkMode
) -> None:
    _, expected = run(contract, Chunking())
    _, found = run(contract, Chunking(mode))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", [ChunkMode.REAL_TIME, ChunkMode.NAIVE, ChunkMode.ENSEMBLE])
@pytest.mark.parametrize(("horizon", "delay"), [(4, 1), (3, 2), (2, 2), (1, 0)])
def test_a_chunk_is_made_every_execution_horizon_and_every_tick_has_a_command(
    contract: Contract, mode: ChunkMode, horizon: int, delay: int
) -> None:
    episode, commands = run(contract, Chunking(mode, horizon, delay))
    assert episode.commands == len(commands) == episode.steps * contract.ticks_per_action
    asked = 1 + (episode.steps - 1) // horizon
    assert len(episode.latencies_ms) == asked
    taken_over = (episode.steps - delay - 1) // horizon
    assert len(episode.seams) == taken_over


def test_chunks_that_keep_to_what_is_committed_move_as_those_that_do_not_until_the_first_take_over(
    contract: Contract,
) -> None:
    _, kept = run(contract, Chunking(ChunkMode.REAL_TIME, 3, 2))
    _, free = run(contract, Chunking(ChunkMode.NAIVE, 3, 2))
    same = (3 + 2) * contract.ticks_per_action
    np.testing.assert_array_equal(kept[:same], free[:same])
    next_action = slice(same, same + contract.ticks_per_action)
    assert not np.array_equal(kept[next_action], free[next_action])
