"""Rewards and masks of a task for recorded rows: from a goal, from how episodes ended, from recorded rewards, or by hand.

One recording serves many tasks. Whatever the source, it comes down to the same two things: in which rows the goal holds, and
the reward of each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.goal import Counts, Goal, Truths
from qgf_ros.contract.goal import Inside as Inside
from qgf_ros.contract.goal import Near as Near
from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Array
from qgf_ros.errors import InvalidSetting, NotLabelledError

ROWS_AT_ONCE = 100_000


class MaskRule(Enum):
    """Where no value is added after a transition.

    SUCCESS is OGBench's rule; TIME_LIMIT is what the QGF authors' loader for large data sets does: it goes on past
    success and stops where a recording ends.
    """

    SUCCESS = "success"
    TIME_LIMIT = "time_limit"


class Source(Enum):
    """Who says in which rows the goal holds."""

    GOAL = "goal"  # the conditions `near` and `inside`, in every row
    OUTCOME = "outcome"  # how an episode was marked: the end of one that succeeded
    REWARD = "reward"  # the recorded rewards, as they are; the goal holds where they reach `reached_at`
    HAND = "hand"  # `marks`: rows by episode


@dataclass(frozen=True)
class Labelled:
    """Rows of a file that are to be labelled: what a source may look at. Arrays have M rows, or are None where the file has none.

    `outcomes` (M,): at an episode's last row 1 success, 0 failure, -1 not marked. `ends` (M,) true at last rows. `name` of the file,
    `first_episode` the number there of the first one here.
    """

    name: str
    observations: Array
    ends: Truths
    outcomes: npt.NDArray[np.int8] | None = None
    rewards: Array | None = None
    first_episode: int = 0


@dataclass(frozen=True)
class Relabel:
    """A task on recorded data: reward 0 where the goal holds, else -1 (`by: reward`: as recorded). `masks`: see MaskRule.

    `counts`: of a goal in parts, minus the number of things not in place, as OGBench's own tasks have it. `by` says who tells, `near` and
    `inside` are a goal's conditions, `reached_at` belongs to `reward`, `marks` to `hand`: for an episode `FILE/NUMBER`, counted from 0 in
    its file, the rows in which the goal holds.
    """

    near: tuple[Near, ...] = ()
    masks: MaskRule = MaskRule.SUCCESS
    inside: tuple[Inside, ...] = ()
    by: Source = Source.GOAL
    reached_at: float = 0.0
    marks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    counts: bool = False

    def __post_init__(self) -> None:
        """Check that there is something to count; raises InvalidSetting."""
        if self.counts and self.by is not Source.GOAL:
            raise InvalidSetting(
                "relabel.counts", self.counts, f"false beside by: {self.by.value}, which has no parts"
            )

    def label(self, interface: Interface, rows: Labelled) -> tuple[Truths, Array]:
        """Whether the goal holds in each row (M,), and the reward of each (M,).

        Raises:
            InvalidSetting: as the goal's conditions, or a mark outside of its episode.
            NotLabelledError: the file has not what the source needs.
        """
        if self.by is Source.GOAL:
            lacking = self._lacking(interface, rows.observations)
            return lacking == 0, -(lacking if self.counts else lacking > 0).astype(np.float32)
        if self.by is Source.OUTCOME:
            if rows.outcomes is None:
                raise NotLabelledError(rows.name, "outcomes of its episodes", self.by.value)
            return _with_rewards(_by_outcome(rows.ends, rows.ends & (rows.outcomes == 1)))
        if self.by is Source.REWARD:
            if rows.rewards is None:
                raise NotLabelledError(rows.name, "rewards", self.by.value)
            rewards = np.asarray(rows.rewards, np.float32)
            return rewards >= self.reached_at, rewards
        return _with_rewards(self._by_hand(rows))

    def _lacking(self, interface: Interface, observations: Array) -> Counts:
        goal, starts = Goal(self.near, self.inside), range(0, max(len(observations), 1), ROWS_AT_ONCE)
        return np.concatenate([goal.lacking(interface, observations[s : s + ROWS_AT_ONCE]) for s in starts])

    def _by_hand(self, rows: Labelled) -> Truths:
        reached = np.zeros(len(rows.ends), bool)
        begins = [0, *(np.flatnonzero(rows.ends) + 1).tolist()]
        for number, (begin, end) in enumerate(pairwise(begins), rows.first_episode):
            episode = f"{rows.name}/{number}"
            for row in self.marks.get(episode, ()):
                if not 0 <= row < end - begin:
                    accepted = f"a row of that episode: 0 to {end - begin - 1}"
                    raise InvalidSetting(f"relabel.marks.{episode}", row, accepted)
                reached[begin + row] = True
        return reached


def _by_outcome(ends: Truths, ended_well: Truths) -> Truths:
    """The last row of an episode that succeeded, which begins no transition, and the one before, whose transition led there."""
    reached = ended_well.copy()
    reached[:-1] |= ended_well[1:] & ~ends[:-1]
    return reached


def masks_of(reached: Truths, ends: Truths, rule: MaskRule) -> Array:
    """1 where the value goes on after a transition, else 0 (M,)."""
    return 1.0 - (reached if rule is MaskRule.SUCCESS else ends).astype(np.float32)


def _with_rewards(reached: Truths) -> tuple[Truths, Array]:
    """-1 a step until the goal holds, 0 while it does."""
    return reached, reached.astype(np.float32) - 1.0
