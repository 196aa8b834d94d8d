"""Runs episodes in process: one policy setting, one seed, one episode at a time, or many in parallel processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import torch

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, Observation, Seam
from qgf_ros.errors import ChunkRefused
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.goals import goal_of, other_goal
from qgf_ros.evaluate.workers import run_jobs
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import SamplerConfig, default_config
from qgf_ros.inference.caution import Alert, Caution
from qgf_ros.inference.detector_file import load_detector
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.aimed import aim_of
from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.sent import SentChunks

BF16_ROW = "guided_bf16"
SHUFFLED_ROW = "shuffled_goal"


@dataclass(frozen=True)
class Row:
    """One line of a comparison: a name, how chunks are sampled, with which engine, and whether the detector watches and acts.

    `shuffled`: a control in which the critic is told the goal of another task of the family; success is still the task's own.
    """

    name: str
    sampler: SamplerConfig
    engine: EngineConfig = field(default_factory=EngineConfig)
    watched: bool = False
    shuffled: bool = False


@dataclass(frozen=True)
class Episode:
    """What one episode gave.

    `steps` are control periods, `commands` joint commands, `clipped` action components or targets that the gate bounded,
    `q_final` the mean over chunks (nan when the critic was not asked), `latencies_ms` how long each chunk took to compute,
    `seams` how hard each one took over from the last, `refused` how many were not played, `stopped` whether the arm did not follow and was
    stopped for good. `alert`: the last one of an episode
    that the detector watched; `worst_score` the highest of its scores.
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
    refused: int = 0
    stopped: bool = False
    alert: Alert | None = None
    worst_score: float = float("-inf")


def standard_rows(checkpoint: Checkpoint, engine: EngineName = EngineName.AUTO) -> list[Row]:
    """The rows every evaluation shows: unguided, best-of-4 and -16, guided N = 1, and the node's default."""
    d = checkpoint.defaults
    plain = SamplerConfig(denoise_steps=d.denoise_steps)
    guided = default_config(d)
    config = EngineConfig(engine)
    return [
        Row("unguided", plain, config),
        Row("best_of_4", SamplerConfig(d.denoise_steps, candidates=4), config),
        Row("best_of_16", SamplerConfig(d.denoise_steps, candidates=16), config),
        Row("guided_n1", replace(guided, candidates=1), config),
        Row("guided", guided, config, watched=True),
    ]


def bf16_row(guided: Row) -> Row:
    """The row `guided` once more, with weights rounded to bf16: shown where it is asked for."""
    return replace(guided, name=BF16_ROW, engine=replace(guided.engine, precision=Precision.BF16))


def shuffled_row(guided: Row) -> Row:
    """The row `guided` once more, with goals of other tasks: what of its success is owed to knowing the goal."""
    return replace(guided, name=SHUFFLED_ROW, watched=False, shuffled=True)


def make_policy(checkpoint: Checkpoint, engine: EngineConfig | None = None) -> ChunkPolicy:
    """The policy of a checkpoint on this machine's CPU, with the engine that the node would choose there."""
    made = make_engine(engine or EngineConfig(), checkpoint, Device.CPU)
    return ChunkPolicy(checkpoint.interface, made, aim_of(made))


def make_caution(checkpoint: Path, contract: Contract) -> Caution | None:
    """The detector and reaction of the checkpoint's folder, if it has them. Raises CheckpointError as `load_detector`."""
    found = load_detector(checkpoint, contract.interface)
    return None if found is None else Caution(found.detector, contract.interface, found.reaction)


def run_episode(
    loop: ClosedLoop, policy: ChunkPolicy, row: Row, seed: int, caution: Caution | None = None
) -> Episode:
    """One episode from `seed` (scene and noise), until success or the task's time limit.

    Chunks follow one another as the loop's contract says; each one takes over as planned, as if computed within the delay.
    With `caution` guidance fades and chunks slow down as they do in the policy node. Where the contract has goals the critic is told
    the task's. Raises ContractError where it has none.
    """
    loop.reset(seed)
    if loop.contract.interface.goal is not None:
        policy.aim(_told(loop, row, seed))
    sent, asked = SentChunks(loop.contract), Asked(policy, row.sampler, seed, caution)
    total, ticks, refused, ask_from = 0.0, 0, 0, 0
    per_action = loop.contract.ticks_per_action
    commands: list[JointCommand] = []
    is_stopped = False
    while ticks % per_action or (
        ticks < loop.simulation.max_steps * per_action and not loop.simulation.success()
    ):
        if loop.gate.wants_chunk and ticks >= ask_from:
            observation, demand = loop.observe(), loop.demand()
            chunk = sent.keep(demand, asked.chunk(observation, sent.prefix_for(demand)))
            try:
                loop.gate.load(chunk)
            except ChunkRefused:
                # What is in play goes on; as in the command node, a control period later another is asked for.
                refused, ask_from = refused + 1, ticks + per_action
        is_stopped = loop.stop_if_lost() or is_stopped
        commands.append(loop.tick())
        ticks += 1
        total += loop.simulation.reward() if ticks % per_action == 0 else 0.0
    return Episode(
        row=row.name,
        seed=seed,
        success=loop.simulation.success(),
        total_reward=total,
        steps=ticks // per_action,
        commands=len(commands),
        clipped=sum(command.clipped for command in commands),
        q_final=sum(asked.scores) / max(len(asked.scores), 1),
        latencies_ms=tuple(asked.latencies_ms),
        seams=tuple(command.seam for command in commands if command.seam is not None),
        refused=refused,
        stopped=is_stopped,
        alert=asked.alert,
        worst_score=asked.worst_score,
    )


def _told(loop: ClosedLoop, row: Row, seed: int) -> FloatArray:
    """The goal that the critic is told in an episode."""
    if row.shuffled:
        return other_goal(loop.contract, loop.simulation.task, seed)
    return goal_of(loop.contract, loop.simulation)


class Asked:
    """State: an episode's chunks so far, as the policy was asked for them: Q, times, the detector's last word. One thread."""

    def __init__(
        self, policy: ChunkPolicy, sampler: SamplerConfig, seed: int, caution: Caution | None
    ) -> None:
        self._policy, self._sampler, self._seed, self._caution = policy, sampler, seed, caution
        self.scores: list[float] = []
        self.latencies_ms: list[float] = []
        self.alert: Alert | None = None
        self.worst_score = float("-inf")
        if caution is not None:
            caution.reset()

    def chunk(self, observation: Observation, prefix: Prefix | None) -> ActionChunk:
        """The next chunk of the episode."""
        began, sampler, index = time.perf_counter(), self._sampler, len(self.scores)
        if self._caution is not None and not callable(sampler.weight):
            sampler = replace(sampler, weight=sampler.weight * self._caution.share)
        proposal = self._policy.propose(observation, sampler.walk(), self._seed, index, prefix)
        chunk = proposal.chunk
        if self._caution is not None:
            self.alert = self._caution.look(observation, chunk.actions)
            self.worst_score = max(self.worst_score, self.alert.score)
            chunk = replace(chunk, speed=self.alert.speed)
        self.latencies_ms.append(1e3 * (time.perf_counter() - began))
        self.scores.append(proposal.report.q_final)
        return chunk


def run_all(
    contract: Contract, checkpoint: Path, task: str, rows: Sequence[Row], seeds: Sequence[int], processes: int
) -> Iterator[Episode]:
    """Every row on every seed, in parallel processes, as they end (in any order).

    Raises:
        InvalidSetting: fewer than one process.
        CheckpointError, UnknownTaskError, ContractError, ...: as `load_checkpoint`, `ClosedLoop`, `make_caution`.
    """
    jobs = [(row, seed) for seed in seeds for row in rows]
    yield from run_jobs(partial(_worker, contract, checkpoint, task), jobs, processes)


def glance(contract: Contract, task: str, checkpoint: Checkpoint, episodes: int) -> dict[str, float]:
    """Success of the unguided and the default policy over a few episodes, in this process: for a look while training."""
    loop, policy = ClosedLoop(contract, task), make_policy(checkpoint)
    rows = [row for row in standard_rows(checkpoint) if row.name in ("unguided", "guided")]
    return {
        row.name: sum(run_episode(loop, policy, row, seed).success for seed in range(episodes)) / episodes
        for row in rows
    }


def _worker(contract: Contract, checkpoint_path: Path, task: str) -> Callable[[tuple[Row, int]], Episode]:
    """Runs episodes in a process of its own, with one policy for each engine."""
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(checkpoint_path, contract.interface)
    loop, caution = ClosedLoop(contract, task), make_caution(checkpoint_path, contract)
    policy_of = cache(partial(make_policy, checkpoint))

    def run(job: tuple[Row, int]) -> Episode:
        row, seed = job
        return run_episode(loop, policy_of(row.engine), row, seed, caution if row.watched else None)

    return run
