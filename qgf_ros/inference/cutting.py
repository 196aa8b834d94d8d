"""Stops a walk that has fallen behind: the last resort, when a plan that fitted no longer does."""

from __future__ import annotations

from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import Deadline

MIN_TIME = 0.5  # PROVISIONAL until measured: an answer from an earlier t is a mean over modes, the last chunk's tail is better


class Cutter:
    """Asked before each step of one walk whether it may begin, by what steps cost at present.

    From `MIN_TIME` on the walk goes on while a further step and the end still fit before the deadline. Before it, while
    `MIN_TIME` can be reached before a chunk is useless; otherwise nothing will be sent, and the walk ends at once.
    `after_s` is what follows the walk's last step: scoring, units, message.
    """

    def __init__(self, walk: Walk, cost: WalkCost, after_s: float, deadline: Deadline) -> None:
        self._walk = walk
        self._cost = cost
        self._after_s = after_s
        self._deadline = deadline
        self._first_good = next(k for k, time in enumerate(walk.times) if time >= MIN_TIME)

    def go_on(self, step: int) -> bool:
        """Whether step `step` may begin; the steps before it are done."""
        if step >= self._first_good:
            return self._time_until(step, step + 1) <= self._deadline.left_s()
        return self._time_until(step, self._first_good) <= self._deadline.useful_s()

    def _time_until(self, step: int, end: int) -> float:
        guided = sum(weight != 0.0 for weight in self._walk.weights[step:end])
        return self._cost.of_steps(end - step, guided) + self._after_s


def is_good(walk: Walk, steps: int) -> bool:
    """Whether the answer after `steps` of a walk is better than nothing."""
    return walk.times[steps] >= MIN_TIME
