"""Plays what a study lacks: one row after the other, in parallel processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.deployment import Chunking
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.evaluate import rollouts
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.study_rows import Key, Row
from qgf_ros.evaluate.workers import run_jobs
from qgf_ros.inference.engines.engine import EngineConfig, EngineName
from qgf_ros.rivals.engine import player
from qgf_ros.rivals.extra_file import load_extra
from qgf_ros.rivals.rival import Rival


@dataclass(frozen=True)
class Play:
    """All that a worker needs for one row. `rival` has its value; `extra` is the file of what it learned; `chunk_length` as in `Cell`. The rest:
    see `Row`."""

    key: Key
    rival: Rival
    task: str
    contract: Path
    chunk_length: int | None
    checkpoint: Path
    extra: Path | None
    made_from: str
    first_seed: int
    episodes: int
    engine: EngineName
    train_s: float | None
    parent_train_s: float | None


def load_contract_of(path: Path, chunk_length: int | None) -> Contract:
    """The contract of a cell: that of the file, or with chunks of another length, each executed whole. Raises as `load_contract`."""
    contract = load_contract(path)
    if chunk_length is None:
        return contract
    return replace(
        contract,
        interface=replace(contract.interface, chunk_length=chunk_length),
        deployment=replace(contract.deployment, chunks=Chunking()),
    )


def play_all(plays: Sequence[Play], processes: int, commit: str | None) -> Iterator[Row]:
    """The rows, as they end.

    Raises:
        InvalidSetting: fewer than one process.
        CheckpointError, UnknownTaskError, ContractError, ...: as `load_checkpoint`, `load_extra`, `ClosedLoop`.
        WorkerDiedError: a process died; finished rows are finished.
    """
    yield from run_jobs(partial(_worker, min(processes, len(plays)), commit), plays, processes)


def _worker(processes: int, commit: str | None) -> Callable[[Play], Row]:
    """Plays in a process of its own, which keeps simulations and checkpoints."""
    torch.set_num_threads(1)
    contract_of = cache(load_contract_of)

    @cache
    def checkpoint_of(folder: Path, contract: Path, chunk_length: int | None) -> Checkpoint:
        return load_checkpoint(folder, contract_of(contract, chunk_length).interface)

    @cache
    def loop_of(contract: Path, chunk_length: int | None, task: str) -> ClosedLoop:
        return ClosedLoop(contract_of(contract, chunk_length), task)

    def run(play: Play) -> Row:
        checkpoint = checkpoint_of(play.checkpoint, play.contract, play.chunk_length)
        loop = loop_of(play.contract, play.chunk_length, play.task)
        return played(play, checkpoint, loop, processes, commit)

    return run


def played(play: Play, checkpoint: Checkpoint, loop: ClosedLoop, processes: int, commit: str | None) -> Row:
    """One row, in this process."""
    rival, key = play.rival, play.key
    extra = None if play.extra is None else load_extra(play.extra, rival, checkpoint)
    policy, sampler = player(rival, checkpoint, extra, EngineConfig(play.engine))
    sampled, seeds = (
        rollouts.Row(rival.name, sampler),
        range(play.first_seed, play.first_seed + play.episodes),
    )
    episodes = [rollouts.run_episode(loop, policy, sampled, seed) for seed in seeds]
    latencies = [ms for episode in episodes for ms in episode.latencies_ms]
    steps = [episode.steps for episode in episodes]
    return Row(
        cell=key.cell,
        task=play.task,
        training_seed=key.training_seed,
        rival=key.rival,
        value=key.value,
        purpose=key.purpose,
        made_from=play.made_from,
        first_seed=play.first_seed,
        episodes=play.episodes,
        success=tuple(episode.success for episode in episodes),
        steps=tuple(steps),
        weight=sampler.weight if sampler.guided and not callable(sampler.weight) else None,
        engine=policy.engine.description,
        ms_per_action=sum(latencies) / max(sum(steps), 1),
        ms_per_chunk=float(np.median(latencies)) if latencies else 0.0,
        processes=processes,
        passes=rival.passes(checkpoint.defaults.denoise_steps)._asdict(),
        train_s=play.train_s,
        parent_train_s=play.parent_train_s,
        commit=commit,
    )
