"""How soon the goal followed, in recorded rows: what a critic should have known. Ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import Slice
from qgf_ros.data.relabel import Labelled, Relabel
from qgf_ros.datatypes import FloatArray

NEVER = 1e6  # control periods: more than an episode has


def with_steps_to_goal(slices: list[Slice], interface: Interface, relabel: Relabel) -> list[Slice]:
    """The slices with other `rewards`: in each row how many control periods it is until the goal holds in that episode, or NEVER.

    Raises InvalidSetting or NotLabelledError as `Relabel.label`.
    """
    return [replace(part, rewards=_steps(part, interface, relabel).astype(np.float32)) for part in slices]


def _steps(part: Slice, interface: Interface, relabel: Relabel) -> FloatArray:
    rows = Labelled(
        part.path.stem, part.observations, part.terminals, part.outcomes, part.rewards, part.first_episode
    )
    reached, _ = relabel.label(interface, rows)
    count = np.arange(len(reached))
    ends = np.flatnonzero(part.terminals)
    end_of = ends[np.minimum(np.searchsorted(ends, count), len(ends) - 1)] if len(ends) else count
    goals = np.append(np.flatnonzero(reached), len(reached))
    next_goal = goals[np.searchsorted(goals, count)]
    return np.where(next_goal <= end_of, next_goal - count, NEVER)
