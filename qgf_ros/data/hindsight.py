"""Windows of recorded rows with a goal each, told in hindsight: where the object was, came to, or was in another episode.

One recording serves every goal. Shares as in Decoupled Q-Chunking (arXiv 2512.10926); equation (33).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Array, Indices
from qgf_ros.data.dataset import ALL, Slice
from qgf_ros.errors import DatasetTooShort, InvalidSetting

ROUNDING = 1e-6


@dataclass(frozen=True)
class GoalShares:
    """Of the goals of a batch: that of the window's first row; of a later row of its episode, all alike; of any row of the data."""

    current: float = 0.2
    future: float = 0.5
    random: float = 0.3

    def __post_init__(self) -> None:
        """Check the shares; raises InvalidSetting."""
        shares = (self.current, self.future, self.random)
        if min(shares) < 0.0 or abs(sum(shares) - 1.0) > ROUNDING:
            raise InvalidSetting("goals.shares", shares, "shares from 0 whose sum is 1")


@dataclass(frozen=True)
class GoalWindows:
    """B windows of n steps, each within one episode, and the goals they are judged by.

    observations (B, O) at the first row; actions (B, n, A); next_observations (B, O) n rows later; goals (B, G), in the interface's
    units; `reached_after` (B,) how many steps after the first row the goal first holds, n + 1 where it does not up to the last.
    """

    observations: Array
    actions: Array
    next_observations: Array
    goals: Array
    reached_after: Indices


class Hindsight:
    """Recorded rows, ready to be drawn from. State: none that changes; what was achieved in each row is held in memory."""

    def __init__(self, slices: list[Slice], interface: Interface, horizon: int) -> None:
        """Windows have `horizon` steps n.

        Raises:
            InvalidSetting: the interface has no goal.
            DatasetTooShort: no episode is longer than a window.
        """
        if interface.goal is None:
            raise InvalidSetting("interface.goal", None, "given: a contract says what goals are places for")
        place, self.radius, self.horizon = (
            interface.slice_of(interface.goal.term),
            interface.goal.radius,
            horizon,
        )
        self._observations = [part.observations for part in slices]
        self._actions = [part.actions for part in slices]
        rows = [len(part.terminals) for part in slices]
        self._begins = np.cumsum([0, *rows])[:-1]
        self.achieved: Array = np.concatenate(
            [np.asarray(part.observations[:, place], np.float32) for part in slices]
        )
        self.ends = np.concatenate(
            [_ends(part) + begin for part, begin in zip(slices, self._begins, strict=True)]
        )
        self.starts: Indices = np.flatnonzero(np.arange(len(self.ends)) + horizon <= self.ends)
        if len(self.starts) == 0:
            raise DatasetTooShort(max(rows), horizon + 1)

    def draw(
        self, count: int, shares: GoalShares, generator: np.random.Generator, share: slice = ALL
    ) -> GoalWindows:
        """`count` windows, uniform over those that cross no episode's end, of which `share` is given: draws are the same whoever takes which."""
        start = generator.choice(self.starts, count)
        goals = self._goals(start, shares, generator)
        start, goals = start[share], goals[share]
        within = start[:, None] + np.arange(self.horizon + 1)
        away = np.linalg.norm(self.achieved[within] - goals[:, None], axis=-1)
        reached = np.column_stack([away <= self.radius, np.ones(len(start), bool)])
        return GoalWindows(
            observations=self._take(self._observations, start),
            actions=self._take(self._actions, within[:, :-1]),
            next_observations=self._take(self._observations, start + self.horizon),
            goals=goals,
            reached_after=reached.argmax(axis=1),
        )

    def _goals(self, start: Indices, shares: GoalShares, generator: np.random.Generator) -> Array:
        kind = generator.random(len(start))
        future = generator.integers(start + 1, self.ends[start] + 1)
        anywhere = generator.integers(0, len(self.ends), len(start))
        rows = np.where(kind < shares.current + shares.future, future, anywhere)
        return self.achieved[np.where(kind < shares.current, start, rows)]

    def _take(self, arrays: list[Array], index: Indices) -> Array:
        """Rows by their number over all slices: (*index, width)."""
        flat = index.reshape(-1)
        lies_in = np.searchsorted(self._begins, flat, side="right") - 1
        taken = np.empty((len(flat), arrays[0].shape[1]), np.float32)
        for number in np.unique(lies_in):
            here = lies_in == number
            taken[here] = arrays[number][flat[here] - self._begins[number]]
        return taken.reshape(*index.shape, -1)


def _ends(part: Slice) -> npt.NDArray[np.int64]:
    """For each row (M,) the last row of its episode."""
    rows = np.arange(len(part.terminals))
    ends = np.append(np.flatnonzero(part.terminals[:-1]), len(rows) - 1)
    return ends[np.searchsorted(ends, rows)]
