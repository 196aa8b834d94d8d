"""Stops a walk that has fallen behind: the last resort, when a plan that fitted no longer does."""

from __future__ import annotations

import statistics

from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import Deadline

MIN_TIME = 0.2  # measured (docs/adr/0018-plan-and-ladder.md): before it the estimate is a mean over modes, and the last chunk's tail is better


class Cutter:
    """Asked before each step of one walk whether it may begin, by what steps cost at present.

    From `MIN_TIME` on the walk goes on while a further step and the end still fit before the deadline. Before it, while
    `MIN_TIME` can be reached before a chunk is useless; otherwise nothing will be sent, and the walk ends at once.
    `after_s` is what follows the walk's last step: scoring, units, message. State: when it was asked.
    """

    def __init__(self, walk: Walk, cost: WalkCost, after_s: float, deadline: Deadline) -> None:
        self._walk = walk
        self._cost = cost
        self._after_s = after_s
        self._deadline = deadline
        self._first_good = next(k for k, time in enumerate(walk.times) if time >= MIN_TIME)
        self._asked_s: list[float] = []

    def go_on(self, step: int) -> bool:
        """Whether step `step` may begin; the steps before it are done."""
        self._asked_s.append(self._deadline.clock.now_s())
        if step >= self._first_good:
            return self._time_until(step, step + 1) <= self._deadline.left_s()
        return self._time_until(step, self._first_good) <= self._deadline.useful_s()

    def step_ratio(self) -> float | None:
        """The steps' time over what `cost` says, in the median: one that waited does not count. None without two questions."""
        between = zip(self._asked_s, self._asked_s[1:], self._walk.weights[1:], strict=False)
        ratios = [
            (later - asked) / expected
            for asked, later, weight in between
            if (expected := self._cost.of_steps(1, int(weight != 0.0))) > 0.0
        ]
        return statistics.median(ratios) if ratios else None

    def _time_until(self, step: int, end: int) -> float:
        guided = sum(weight != 0.0 for weight in self._walk.weights[step:end])
        return self._cost.of_steps(end - step, guided) + self._after_s


def is_good(walk: Walk, steps: int) -> bool:
    """Whether the answer after `steps` of a walk is better than nothing."""
    return walk.times[steps] >= MIN_TIME
