"""What a controller that was given a plan does when no command follows: the plan for a control period, then the shortest stop.

A plan to the targets alone would go on for as long as the action in force takes, which is long where the path is slow. A
control period bridges a computer that stalls; what lies beyond is a stop, so that a command node that dies leaves no joint
further than v T + v^2 / 2a, T being that period (docs/faults.md). Ours.
"""

from __future__ import annotations

import numpy as np

from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.stops import Stops
from qgf_ros.datatypes import FloatArray


class Unattended:
    """Looks at the limiter's last plan, and plans the stop. One thread."""

    def __init__(self, limiter: JointLimiter, stops: Stops, goes_on_s: float) -> None:
        """`goes_on_s`: how long the plan is followed, s."""
        self._limiter, self._stops, self._goes_on_s = limiter, stops, goes_on_s

    @property
    def seconds(self) -> float:
        """How long after the last command the arm rests, s. Raises LimiterError as `Stops.samples`."""
        planned_s = self._limiter.seconds_to_rest
        if planned_s <= self._goes_on_s:
            return planned_s
        return self._goes_on_s + self._stops.seconds(self._when_braking())

    def motions(self, times_s: FloatArray) -> list[Motion]:
        """Where the arm is at times (T,), ascending, s after the last command. Raises LimiterError as `Stops.samples`."""
        if self._limiter.seconds_to_rest <= self._goes_on_s:
            return self._limiter.to_rest(times_s)
        count = int(np.searchsorted(times_s, self._goes_on_s, side="right"))
        planned = self._limiter.to_rest(times_s[:count])
        if count == len(times_s):
            return planned
        return planned + self._stops.motions(self._when_braking(), times_s[count:] - self._goes_on_s)

    def follow(self, places: list[int], seconds: float) -> None:
        """Moves the command of the joints at `places` to where their controller is by now; the others' commands stay."""
        if places and seconds > 0.0:
            [there] = self.motions(np.array([seconds]))
            self._limiter.continue_at(places, there)

    def _when_braking(self) -> Motion:
        [motion] = self._limiter.to_rest(np.array([self._goes_on_s]))
        return motion
