"""Candidate against parent in the simulator, on the same seeds, until the evidence suffices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.schema import Contract
from qgf_ros.evaluate.calibrate import usual_row
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.promotion import Decision, Rule, Verdict, verdict
from qgf_ros.evaluate.rollouts import make_caution, make_policy, run_episode
from qgf_ros.evaluate.workers import run_jobs

FIRST_SEED = 3_000_000  # of trials that decide: far from those of data, evaluation, calibration and studies
GLANCE_SEED = 3_500_000  # of comparisons after training: whoever chose a candidate by them decides on others


def run_trials(
    contract: Contract,
    candidate: Path,
    parent: Path,
    task: str,
    rule: Rule,
    first_seed: int,
    processes: int,
) -> Iterator[Verdict]:
    """The verdict after each pair of episodes, each as the node samples by default, with the detector where there is one.

    Pairs count in the order of their seeds, not in that in which they end: failures take longer. Ends with a decision, or at the cap.

    Raises:
        InvalidSetting, CheckpointError, UnknownTaskError, ...: as `run_jobs`, `load_checkpoint`, `ClosedLoop`, `make_caution`.
    """
    seeds = range(first_seed, first_seed + rule.cap)
    ours: list[bool] = []
    theirs: list[bool] = []
    for one, other in run_jobs(
        partial(_player, contract, (candidate, parent), task), seeds, processes, in_order=True
    ):
        ours.append(one)
        theirs.append(other)
        found = verdict(ours, theirs, rule)
        yield found
        if found.decision is not Decision.UNDECIDED:
            return


def _player(contract: Contract, folders: Sequence[Path], task: str) -> Callable[[int], tuple[bool, ...]]:
    """Plays an episode of each checkpoint on a seed, in a process of its own."""
    torch.set_num_threads(1)
    loop = ClosedLoop(contract, task)
    sides = []
    for folder in folders:
        checkpoint = load_checkpoint(folder, contract.interface)
        sides.append((make_policy(checkpoint), usual_row(checkpoint), make_caution(folder, contract)))

    def play(seed: int) -> tuple[bool, ...]:
        return tuple(run_episode(loop, policy, row, seed, caution).success for policy, row, caution in sides)

    return play
