"""Where the arm goes if it brakes now: the shortest limited stop from a commanded state, sampled at the ticks. Ruckig's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import ruckig

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import Motion
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import LimiterError


class Stops:
    """Plans what `JointLimiter.brake` would do, without doing it. One thread."""

    def __init__(self, joints: tuple[str, ...], limits: Mapping[str, JointLimits], tick_s: float) -> None:
        self._joints, self.tick_s = joints, tick_s
        self._generator, self._trajectory = ruckig.Ruckig(len(joints)), ruckig.Trajectory(len(joints))
        self._input = ruckig.InputParameter(len(joints))
        self._input.control_interface = ruckig.ControlInterface.Velocity
        self._input.synchronization = ruckig.Synchronization.No
        self._input.max_velocity = [limits[joint].velocity for joint in joints]
        self._input.max_acceleration = [limits[joint].acceleration for joint in joints]
        self._input.max_jerk = [limits[joint].jerk for joint in joints]

    @property
    def width(self) -> int:
        """How many joints there are."""
        return len(self._joints)

    def samples(self, motion: Motion) -> tuple[FloatArray, FloatArray]:
        """Positions and velocities (N, J), rad and rad/s, at each tick after `motion` until all joints rest; N = 0 at rest.

        Raises:
            LimiterError: Ruckig cannot plan a stop under these limits.
        """
        self._plan(motion)
        count = int(np.ceil(self._trajectory.duration / self.tick_s - 1e-9))
        rows = [self._trajectory.at_time((tick + 1) * self.tick_s)[:2] for tick in range(count)]
        both = np.array(rows).reshape(count, 2, len(self._joints))
        return both[:, 0], both[:, 1]

    def motions(self, motion: Motion, times_s: FloatArray) -> list[Motion]:
        """The states at times (T,), s after `motion`, at rest from the stop's end on. Raises as `samples`."""
        self._plan(motion)
        rows = [self._trajectory.at_time(min(time, self._trajectory.duration)) for time in times_s.tolist()]
        return [Motion(np.array(row[0]), np.array(row[1]), np.array(row[2])) for row in rows]

    def widest(self, motions: list[Motion]) -> tuple[FloatArray, FloatArray]:
        """Bounds (J,) of what each joint does on the stop from any of these states: its way, rad, and its speed, rad/s.

        In a / j the acceleration a is gone, at no more speed than max(|v|, |v + a |a| / 2j|); from there s^2 / 2A + s A / 2j.
        """
        v = np.array([motion.velocities for motion in motions])
        a = np.array([motion.accelerations for motion in motions])
        A, j = np.array(self._input.max_acceleration), np.array(self._input.max_jerk)
        speeds = np.maximum(np.abs(v), np.abs(v + a * np.abs(a) / (2 * j)))
        ways = speeds * (np.abs(a) / j + speeds / (2 * A) + A / (2 * j))
        return ways.max(axis=0), speeds.max(axis=0)

    def seconds(self, motion: Motion) -> float:
        """How long the stop takes, s. Raises as `samples`."""
        self._plan(motion)
        return float(self._trajectory.duration)

    def _plan(self, motion: Motion) -> None:
        self._input.current_position = motion.positions.tolist()
        self._input.current_velocity = motion.velocities.tolist()
        self._input.current_acceleration = motion.accelerations.tolist()
        try:
            self._generator.calculate(self._input, self._trajectory)
        except ruckig.RuckigError as error:
            raise LimiterError(self._joints, str(error)) from error
