"""Keeps joint commands inside position, velocity, acceleration and jerk limits, on Ruckig.

Every tick plans the fastest limited motion that *ends at rest* at the newest target and publishes its first
sample, so that stopping is always possible inside the limits. Ruckig knows no position limits (its community
edition): they hold because targets are clipped, and because each joint is planned alone and as fast as it
can. The state on such a plan can stop before the plan's end, which lies inside; with time-synchronised joints
that would not follow (docs/adr/0004-ruckig-per-joint.md, test/control/test_limits.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ruckig

from qgf_ros.contract.schema import JointLimits
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import LimiterError, ObservationRefused

LEAST_SHARE = 0.01  # of a velocity limit: slower motion is none
ROUNDING = 1e-11  # rad or m: of a plan that ends on a limit; without it that plan counted as outside, and nothing was slowed
START_TOLERANCE = 0.01  # rad or m: how far beyond its range a joint may be measured at the start


@dataclass(frozen=True)
class Motion:
    """A sampled state of all joints: positions (J,) rad, velocities rad/s, accelerations rad/s2."""

    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray


class JointLimiter:
    """Online limiter for the joints of a contract. State: the last command and its plan. One thread."""

    def __init__(self, joints: tuple[str, ...], limits: Mapping[str, JointLimits], tick_s: float) -> None:
        self._joints = joints
        self._lower = np.array([limits[joint].lower for joint in joints])
        self._upper = np.array([limits[joint].upper for joint in joints])
        self._tick_s = tick_s
        self._generator = ruckig.Ruckig(len(joints), tick_s)
        self._output = ruckig.OutputParameter(len(joints))
        self._input = ruckig.InputParameter(len(joints))
        self._velocities = np.array([limits[joint].velocity for joint in joints])
        self._input.max_velocity = self._velocities.tolist()
        self._input.max_acceleration = [limits[joint].acceleration for joint in joints]
        self._input.max_jerk = [limits[joint].jerk for joint in joints]
        self._input.synchronization = ruckig.Synchronization.No
        self._at_rest = [0.0] * len(joints)
        self._input.target_velocity = self._at_rest
        self._input.target_acceleration = self._at_rest
        self._planned = False
        self.changes = 0  # how often the last command became another one

    def reset(self, positions: FloatArray) -> None:
        """Starts at rest at these joint positions (J,), rad; those a little outside the range start at its
        edge.

        Raises:
            ObservationRefused: reason `limits`, a joint is not finite or further than `START_TOLERANCE`
            outside.
        """
        inside = np.clip(positions, self._lower, self._upper)
        for index, joint in enumerate(self._joints):
            if not abs(inside[index] - positions[index]) <= START_TOLERANCE:
                raise ObservationRefused("limits", self._outside(joint, index, positions[index]))
        at_rest = np.zeros(len(inside))
        self.go_on_from(Motion(inside, at_rest, at_rest))

    def go_on_from(self, motion: Motion) -> None:
        """Takes a state that keeps the same limits, and from which a stop does, as its own last command."""
        self._input.current_position = motion.positions.tolist()
        self._input.current_velocity = motion.velocities.tolist()
        self._input.current_acceleration = motion.accelerations.tolist()
        self._generator.reset()
        self._planned = False
        self.changes += 1

    def _outside(self, joint: str, index: int, position: float) -> str:
        accepted = f"{self._lower[index]:g} to {self._upper[index]:g}"
        return (
            f"{joint} stands at {position:.4g}, outside its range {accepted}: "
            "move it inside by the robot's own means."
        )

    @property
    def state(self) -> Motion:
        """The last command."""
        given = self._input
        return Motion(
            np.array(given.current_position),
            np.array(given.current_velocity),
            np.array(given.current_acceleration),
        )

    def step(self, targets: FloatArray, caps: FloatArray | None = None) -> tuple[Motion, int]:
        """The next command towards targets (J,) rad, and how many targets were outside the position limits.

        `caps` (J,) rad/s slow the motion down: velocities to stay below, and to come down to at full braking where they
        are above. A wish: the limits themselves always hold. A target that is not finite, or that Ruckig finds no way to,
        counts too: at that tick all joints brake.

        Raises:
            LimiterError: as for `brake`.
        """
        motion, outside = self.plan(targets, caps)
        self.accept()
        return motion, outside

    def plan(self, targets: FloatArray, caps: FloatArray | None = None) -> tuple[Motion, int]:
        """As `step`, without making it the last command: `accept` does, another `plan` forgets it."""
        inside = np.clip(targets, self._lower, self._upper)
        outside = int(np.sum(inside != targets))
        if not np.isfinite(inside).all():
            return self.plan_brake(), outside
        self._input.control_interface = ruckig.ControlInterface.Position
        self._input.target_position = inside.tolist()
        try:
            if caps is not None and (motion := self._slowly(caps)) is not None:
                return motion, outside
            self._input.max_velocity = self._velocities.tolist()
            return self._sample(), outside
        except ruckig.RuckigError:
            return self.plan_brake(), outside + 1

    def _slowly(self, caps: FloatArray) -> Motion | None:
        """The sample of a slowed plan; None where that plan would pass a position limit, or cannot be made.

        Where a joint is faster than its cap, the plan is no longer the fastest one, and the argument above does not hold:
        so its extremes are looked at.
        """
        self._input.max_velocity = np.clip(caps, LEAST_SHARE * self._velocities, self._velocities).tolist()
        try:
            motion = self._sample()
        except ruckig.RuckigError:
            return None
        extrema = self._output.trajectory.position_extrema
        lowest, highest = np.array([(bound.min, bound.max) for bound in extrema]).T
        state = np.array(self._input.current_position)  # rounding may have it a little outside already
        is_inside = np.all(lowest >= np.minimum(self._lower, state) - ROUNDING) and np.all(
            highest <= np.maximum(self._upper, state) + ROUNDING
        )
        return motion if is_inside else None

    def brake(self) -> Motion:
        """The next command of the shortest limited stop.

        Raises:
            LimiterError: Ruckig cannot plan a stop under these limits; not seen for limits of any real joint.
        """
        motion = self.plan_brake()
        self.accept()
        return motion

    def plan_brake(self) -> Motion:
        """As `brake`, without making it the last command."""
        self._input.control_interface = ruckig.ControlInterface.Velocity
        self._input.max_velocity = self._velocities.tolist()
        try:
            return self._sample()
        except ruckig.RuckigError as error:
            raise LimiterError(self._joints, str(error)) from error

    def to_rest(self, times_s: FloatArray) -> list[Motion]:
        """Samples of the planned motion at times (T,), s, after the last command; it ends at rest."""
        if not self._planned:
            return [self.state for _ in times_s]
        trajectory = self._output.trajectory
        samples = [
            trajectory.at_time(min(self._output.time + time, trajectory.duration))
            for time in times_s.tolist()
        ]
        return [Motion(np.array(sample[0]), np.array(sample[1]), np.array(sample[2])) for sample in samples]

    @property
    def seconds_to_rest(self) -> float:
        """How long the planned motion still takes, s."""
        if not self._planned:
            return 0.0
        return float(max(self._output.trajectory.duration - self._output.time, 0.0))

    def _sample(self) -> Motion:
        self._generator.update(self._input, self._output)
        new = self._output
        return Motion(np.array(new.new_position), np.array(new.new_velocity), np.array(new.new_acceleration))

    def accept(self) -> None:
        """Makes the motion that was planned last the last command."""
        self._output.pass_to_input(self._input)
        self._planned = True
        self.changes += 1
