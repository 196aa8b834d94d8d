"""Moves the command towards targets inside all limits: joints by the limiter, the tool by its guard, slowly where asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.path_speed import caps
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.control.stops import Stops
from qgf_ros.control.tool_guard import ToolGuard
from qgf_ros.datatypes import Finding, FloatArray, Verdict


class Mover:
    """State: the last command. `limits` are fixed: other limits, another mover. One thread."""

    def __init__(
        self,
        joints: tuple[str, ...],
        limits: LimitsInForce,
        tick_s: float,
        arm: npt.NDArray[np.bool_],
        kinematics: QuickKinematics | None,
    ) -> None:
        """`arm` (J,) is True for joints that slow down with the path; without `kinematics` there is no tool to guard."""
        self._joints, self._arm = joints, arm
        self._lower = np.array([limits.joints[joint].lower for joint in joints])
        self._upper = np.array([limits.joints[joint].upper for joint in joints])
        self.velocities: FloatArray = np.array([limits.joints[joint].velocity for joint in joints])
        self.limiter = JointLimiter(joints, limits.joints, tick_s)
        self.stops = Stops(joints, limits.joints, tick_s)
        self.guard: ToolGuard | None = None
        if limits.tool is not None and kinematics is not None:
            places = [joints.index(joint) for joint in kinematics.joints]
            self.guard = ToolGuard(limits.tool, kinematics, places, self.stops, tick_s)

    def step(self, targets: FloatArray, speed: float, peaks: FloatArray) -> tuple[Motion, Sequence[Finding]]:
        """The next command towards targets (J,) at a path speed in [0, 1], whose velocities at full speed peak at `peaks` (J,).

        Raises:
            LimiterError: as for `JointLimiter.brake`.
        """
        if speed <= 0.0:
            return self.limiter.brake(), ()
        slowed = caps(speed, peaks, self.velocities, self._arm)
        if self.guard is None:
            motion, outside = self.limiter.step(targets, slowed)
            return motion, self._outside(targets, outside)
        guarded = self.guard.step(self.limiter, targets, slowed)
        return guarded.motion, (*self._outside(targets, guarded.outside), *guarded.findings)

    def _outside(self, targets: FloatArray, count: int) -> Sequence[Finding]:
        """A finding for each target beyond its joint's limits, and for a motion that could not be planned."""
        if not count:
            return ()
        is_inside = (self._lower <= targets) & (targets <= self._upper)
        there = [joint for joint, inside in zip(self._joints, is_inside.tolist(), strict=True) if not inside]
        named = there + [""] * (count - len(there))
        return [Finding(Verdict.CLAMP, "position" if joint else "no_plan", joint) for joint in named]
