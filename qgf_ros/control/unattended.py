"""What controllers do when no command follows: those that were given a plan go on along it and stop, the others hold. Ours.

A plan to the targets alone would go on for as long as the action in force takes, which is long where the path is slow. A
control period bridges a computer that stalls; what lies beyond is a stop, so that a command node that dies leaves no joint
further than v T + v^2 / 2a, T being that period (docs/faults.md).

Where the tool has bounds they are proven for a command and the stop from it. So it is looked at whether the plan, and the stop
from each of its ticks, keep them too; where one does not, what is sent is that stop (docs/adr/0021-slow-down-first.md).
"""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.stops import Stops
from qgf_ros.control.tool_guard import ToolGuard
from qgf_ros.datatypes import FloatArray


def places_that_go_on(contract: Contract) -> list[int]:
    """Places of the joints whose controllers are given plans; the others hold what was commanded last."""
    outputs, joints = contract.deployment.outputs, contract.interface.joints
    followed = {joint for output in outputs if output.kind.ends_at_rest for joint in output.joints}
    return [place for place, joint in enumerate(joints) if joint in followed]


class Unattended:
    """Looks at the limiter's last plan, and plans the stop. State: how far the plan of the last command is good. One thread."""

    def __init__(
        self,
        limiter: JointLimiter,
        stops: Stops,
        goes_on_ticks: int,
        places: list[int],
        guard: ToolGuard | None = None,
    ) -> None:
        """`goes_on_ticks`: how long the plan is followed at most, by the joints at `places`; `guard` knows the tool's bounds."""
        self._limiter, self._stops, self._guard = limiter, stops, guard
        self._tick_s, self._goes_on_ticks = stops.tick_s, goes_on_ticks
        self._goes_on = np.isin(np.arange(stops.width), places)
        self._looked_at, self._until_s = -1, 0.0

    @property
    def seconds(self) -> float:
        """How long after the last command the arm rests, s. Raises LimiterError as `Stops.samples`."""
        planned_s, until_s = self._limiter.seconds_to_rest, self._goes_on_s()
        if planned_s <= until_s:
            return planned_s
        return until_s + self._stops.seconds(self._planned_at(until_s))

    @property
    def stop_seconds(self) -> float:
        """How long the shortest stop from the last command takes, s. Raises LimiterError as `Stops.samples`."""
        return self._stops.seconds(self._limiter.state)

    def motions(self, times_s: FloatArray) -> list[Motion]:
        """Where the arm is at times (T,), ascending, s after the last command. Raises LimiterError as `Stops.samples`."""
        until_s = self._goes_on_s()
        if self._limiter.seconds_to_rest <= until_s:
            return self._limiter.to_rest(times_s)
        count = int(np.searchsorted(times_s, until_s, side="right"))
        planned = self._limiter.to_rest(times_s[:count])
        if count == len(times_s):
            return planned
        return planned + self._stops.motions(self._planned_at(until_s), times_s[count:] - until_s)

    def is_stall(self, ticks: int) -> bool:
        """Whether so many ticks without a command are more than a controller's plan bridges."""
        return ticks > self._goes_on_ticks

    def follow(self, ticks: int) -> None:
        """After so many ticks without a command: moves the command to where the controllers are by now.

        Joints that hold stay where they were; after a stall they begin there at rest.
        """
        if not ticks:
            return
        last = self._limiter.state
        if self.is_stall(ticks):
            at_rest = np.zeros(len(last.positions))
            last = Motion(last.positions, at_rest, at_rest)
        [there] = self.motions(np.array([ticks * self._tick_s])) if self._goes_on.any() else [last]
        self._limiter.go_on_from(self._mixed(last, there))

    def _mixed(self, held: Motion, there: Motion) -> Motion:
        """Joints that go on as in `there`, the others as in `held`."""
        goes_on = self._goes_on
        return Motion(
            np.where(goes_on, there.positions, held.positions),
            np.where(goes_on, there.velocities, held.velocities),
            np.where(goes_on, there.accelerations, held.accelerations),
        )

    def _goes_on_s(self) -> float:
        """How long the plan of the last command is followed, s: 0 where the tool's bounds are proven for the stop only."""
        if self._looked_at != self._limiter.changes:
            self._looked_at = self._limiter.changes
            self._until_s = self._goes_on_ticks * self._tick_s if self._keeps_tool() else 0.0
        return self._until_s

    def _keeps_tool(self) -> bool:
        """Whether the tool keeps its bounds on the plan and on the stop from each of its ticks: there commands may go on."""
        if self._guard is None or not self._limiter.seconds_to_rest:
            return True
        held = before = self._limiter.state
        planned = self._limiter.to_rest(np.arange(1.0, self._goes_on_ticks + 1.0) * self._tick_s)
        motions = [self._mixed(held, motion) for motion in planned]
        steps = np.abs(np.diff([motion.positions for motion in (held, *motions)], axis=0))
        ways, speeds = self._stops.widest(motions)
        speeds = np.maximum(speeds, steps.max(axis=0) / self._tick_s)
        if self._guard.is_far_inside(held, steps.sum(axis=0) + ways, speeds):
            return True
        for motion in motions:
            if self._guard.broken_by(before, motion):
                return False
            before = motion
        return True

    def _planned_at(self, time_s: float) -> Motion:
        [motion] = self._limiter.to_rest(np.array([time_s]))
        return motion
