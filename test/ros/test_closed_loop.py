"""Simulator, policy node and command node in lockstep: what the loop in one process gives, bit by bit."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_loops import CONTRACT, ROOT, InProcess, graph_in_lockstep, saved, tiny_checkpoint
from contract_files import write_shipped

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import Rung
from qgf_ros.nodes.conductor import Conductor

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
SHIPPED = ROOT / "checkpoints/ur5e_cube"
SEEDS_OF_THE_LONG_RUN = range(1000, 1050)


@pytest.fixture
def contract() -> Contract:
    return load_contract(CONTRACT)


def under(folder: Path, chunks: Chunking) -> Contract:
    """The cube's contract with another way of chunks following one another, in a file."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["chunks"] = dataclasses.asdict(chunks) | {"mode": chunks.mode.value}

    return load_contract(write_shipped(folder, edit))


@pytest.fixture
def checkpoint(tmp_path: Path, contract: Contract) -> Path:
    return saved(tmp_path / "tiny", tiny_checkpoint(contract.interface))


def test_every_seed_gives_the_commands_of_the_loop_in_process_and_gives_them_again(
    contract: Contract, checkpoint: Path, namespace: str
) -> None:
    in_process = InProcess(contract, checkpoint)
    expected = {seed: in_process.commands(seed) for seed in (3, 4)}
    with graph_in_lockstep(contract, checkpoint, namespace) as conductor:
        records = [conductor.run_episode(seed) for seed in (3, 4, 3)]
    for record in records:
        np.testing.assert_array_equal(record.commands, expected[record.seed])
    assert not np.array_equal(expected[3], expected[4])


@pytest.mark.slow  # the contract's own way is that of the tests above and below
@pytest.mark.parametrize(
    "chunks",
    [
        Chunking(ChunkMode.SYNCHRONOUS),
        Chunking(ChunkMode.REAL_TIME, 2, 2),
        Chunking(ChunkMode.ENSEMBLE, 3, 1),
    ],
    ids=lambda chunks: f"{chunks.mode.value}_{chunks.execution_horizon}_{chunks.delay}",
)
def test_every_way_of_chunks_following_one_another_gives_the_commands_of_the_loop_in_process(
    chunks: Chunking, namespace: str, tmp_path: Path
) -> None:
    contract = under(tmp_path, chunks)
    checkpoint = saved(tmp_path / "tiny", tiny_checkpoint(contract.interface))
    with graph_in_lockstep(contract, checkpoint, namespace) as conductor:
        records = [conductor.run_episode(seed) for seed in (3, 3)]
    in_process = InProcess(contract, checkpoint)
    expected = in_process.commands(3)
    for record in records:
        np.testing.assert_array_equal(record.commands, expected)
        assert (record.tail_ticks, record.hold_ticks) == (in_process.rungs.count(Rung.TAIL), 0)


def test_a_record_tells_what_happened(contract: Contract, checkpoint: Path, namespace: str) -> None:
    in_process = InProcess(contract, checkpoint)
    episode = in_process.run(3)
    with graph_in_lockstep(contract, checkpoint, namespace) as conductor:
        record = conductor.run_episode(3)
    assert record.steps * contract.ticks_per_action == len(record.commands)
    assert len(record.latencies_ms) == len(episode.latencies_ms)
    assert set(record.weights) == {load_checkpoint(checkpoint).defaults.guidance_weight}
    assert (record.success, record.total_return) == (False, -record.steps)
    tail_ticks = in_process.rungs.count(Rung.TAIL)  # a random policy's chunks are refused at times
    assert (record.missed_commands, record.tail_ticks, record.hold_ticks) == (0, tail_ticks, 0)
    assert len(record.paths["cube"]) == len(record.commands)


@pytest.mark.slow
def test_two_robots_in_one_graph_do_not_hear_each_other(
    contract: Contract, checkpoint: Path, namespace: str
) -> None:
    in_process = InProcess(contract, checkpoint)
    expected = {side: in_process.commands(seed) for side, seed in (("left", 5), ("right", 6))}

    def drive(conductor: Conductor, seed: int) -> np.ndarray:
        return conductor.run_episode(seed).commands

    with (
        graph_in_lockstep(contract, checkpoint, f"{namespace}/left") as left,
        graph_in_lockstep(contract, checkpoint, f"{namespace}/right") as right,
        ThreadPoolExecutor(2) as threads,
    ):
        going = {"left": threads.submit(drive, left, 5), "right": threads.submit(drive, right, 6)}
        found = {side: future.result() for side, future in going.items()}
    for side in found:
        np.testing.assert_array_equal(found[side], expected[side])


@pytest.mark.slow
def test_fifty_seeds_of_the_shipped_policy_give_identical_commands(
    contract: Contract, namespace: str
) -> None:
    task = str(load_checkpoint(SHIPPED).provenance["task"])
    in_process, identical = InProcess(contract, SHIPPED, task), []
    with graph_in_lockstep(contract, SHIPPED, namespace, {"task": task}) as conductor:
        for seed in SEEDS_OF_THE_LONG_RUN:
            commands = conductor.run_episode(seed).commands
            identical.append(np.array_equal(commands, in_process.commands(seed)))
    print(
        f"{sum(identical)} of {len(identical)} seeds gave identical command streams over ROS and in process"
    )
    assert all(identical)
