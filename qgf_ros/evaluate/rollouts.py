"""Runs episodes in process: one policy setting, one seed, one episode at a time, or many in parallel processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointCommand, Seam
from qgf_ros.errors import ChunkRefused
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.sent import SentChunks

BF16_ROW = "guided_bf16"


@dataclass(frozen=True)
class Row:
    """One line of a comparison: a name, how chunks are sampled, and with which engine."""

    name: str
    sampler: SamplerConfig
    engine: EngineConfig = field(default_factory=EngineConfig)


@dataclass(frozen=True)
class Episode:
    """What one episode gave.

    `steps` are control periods, `commands` joint commands, `clipped` action components or targets that the gate bounded,
    `q_final` the mean over chunks (nan when the critic was not asked), `latencies_ms` how long each chunk took to compute,
    `seams` how hard each one took over from the last.
    """

    row: str
    seed: int
    success: bool
    total_reward: float
    steps: int
    commands: int
    clipped: int
    q_final: float
    latencies_ms: tuple[float, ...]
    seams: tuple[Seam, ...]


def standard_rows(checkpoint: Checkpoint, engine: EngineName = EngineName.AUTO) -> list[Row]:
    """The rows every evaluation shows: unguided, best-of-4 and -16, guided N = 1, and the node's default."""
    d = checkpoint.defaults
    plain = SamplerConfig(denoise_steps=d.denoise_steps)
    guided = SamplerConfig(d.denoise_steps, d.guidance_weight, d.estimator, d.candidates)
    config = EngineConfig(engine)
    return [
        Row("unguided", plain, config),
        Row("best_of_4", SamplerConfig(d.denoise_steps, candidates=4), config),
        Row("best_of_16", SamplerConfig(d.denoise_steps, candidates=16), config),
        Row("guided_n1", SamplerConfig(d.denoise_steps, d.guidance_weight, d.estimator, 1), config),
        Row("guided", guided, config),
    ]


def bf16_row(guided: Row) -> Row:
    """The row `guided` once more, with weights rounded to bf16: shown where it is asked for."""
    return replace(guided, name=BF16_ROW, engine=replace(guided.engine, precision=Precision.BF16))


def make_policy(checkpoint: Checkpoint, engine: EngineConfig | None = None) -> ChunkPolicy:
    """The policy of a checkpoint on this machine's CPU, with the engine that the node would choose there."""
    made = make_engine(engine or EngineConfig(), checkpoint, Device.CPU)
    return ChunkPolicy(checkpoint.interface, made, checkpoint.defaults.noise_scale)


def run_episode(loop: ClosedLoop, policy: ChunkPolicy, row: Row, seed: int) -> Episode:
    """One episode from `seed` (scene and noise), until success or the task's time limit.

    Chunks follow one another as the loop's contract says; each one takes over as planned, as if computed within the delay.
    """
    loop.reset(seed)
    sent = SentChunks(loop.contract)
    total, steps = 0.0, 0
    commands: list[JointCommand] = []
    scores: list[float] = []
    latencies: list[float] = []
    while steps < loop.simulation.max_steps and not loop.simulation.success():
        if loop.gate.wants_chunk:
            observation, demand, began = loop.observe(), loop.demand(), time.perf_counter()
            prefix = sent.prefix_for(demand)
            proposal = policy.propose(observation, row.sampler.walk(), seed, len(scores), prefix)
            latencies.append(1e3 * (time.perf_counter() - began))
            with suppress(ChunkRefused):  # the arm rests at its last target, and the next chunk is asked for
                loop.gate.load(sent.keep(demand, proposal.chunk))
            scores.append(proposal.report.q_final)
        commands += loop.play_action()
        total += loop.simulation.reward()
        steps += 1
    return Episode(
        row=row.name,
        seed=seed,
        success=loop.simulation.success(),
        total_reward=total,
        steps=steps,
        commands=len(commands),
        clipped=sum(command.clipped for command in commands),
        q_final=sum(scores) / max(len(scores), 1),
        latencies_ms=tuple(latencies),
        seams=tuple(command.seam for command in commands if command.seam is not None),
    )


def run_all(
    contract: Contract, checkpoint: Path, task: str, rows: Sequence[Row], seeds: Sequence[int], processes: int
) -> Iterator[Episode]:
    """Every row on every seed, in parallel processes, as they end (in any order)."""
    jobs = [(row, seed) for seed in seeds for row in rows]
    os.environ.setdefault("MUJOCO_GL", "disable")
    with multiprocessing.get_context("spawn").Pool(
        processes, _start_worker, (contract, checkpoint, task)
    ) as pool:
        yield from pool.imap_unordered(_run_job, jobs)


def glance(contract: Contract, task: str, checkpoint: Checkpoint, episodes: int) -> dict[str, float]:
    """Success of the unguided and the default policy over a few episodes, in this process: for a look while training."""
    loop, policy = ClosedLoop(contract, task), make_policy(checkpoint)
    rows = [row for row in standard_rows(checkpoint) if row.name in ("unguided", "guided")]
    return {
        row.name: sum(run_episode(loop, policy, row, seed).success for seed in range(episodes)) / episodes
        for row in rows
    }


_worker: tuple[ClosedLoop, Checkpoint, dict[EngineConfig, ChunkPolicy]] | None = None  # of a worker process


def _start_worker(contract: Contract, checkpoint_path: Path, task: str) -> None:
    global _worker
    torch.set_num_threads(1)
    _worker = ClosedLoop(contract, task), load_checkpoint(checkpoint_path, contract.interface), {}


def _run_job(job: tuple[Row, int]) -> Episode:
    assert _worker is not None, "the pool's initializer has run"
    row, seed = job
    loop, checkpoint, policies = _worker
    if row.engine not in policies:
        policies[row.engine] = make_policy(checkpoint, row.engine)
    return run_episode(loop, policies[row.engine], row, seed)
