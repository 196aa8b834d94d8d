"""Keeps joint commands inside position, velocity, acceleration and jerk limits, on Ruckig.

Every tick plans the fastest limited motion that *ends at rest* at the newest target and publishes its first sample, so
that stopping is always possible inside the limits. Joints are planned one by one: a joint whose last motion ended at
rest inside its range can always brake inside it, which would not hold for time-synchronised joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ruckig

from qgf_ros.contract.schema import JointLimits
from qgf_ros.datatypes import FloatArray

_FAILURES = (ruckig.Result.Error, ruckig.Result.ErrorInvalidInput, ruckig.Result.ErrorExecutionTimeCalculation)


@dataclass(frozen=True)
class Motion:
    """A sampled state of all joints: positions (J,) rad, velocities rad/s, accelerations rad/s2."""

    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray


class JointLimiter:
    """Online limiter for the joints of a contract. State: the last command; one thread."""

    def __init__(self, joints: tuple[str, ...], limits: Mapping[str, JointLimits], tick_s: float) -> None:
        self._lower = np.array([limits[joint].lower for joint in joints])
        self._upper = np.array([limits[joint].upper for joint in joints])
        self._generator = ruckig.Ruckig(len(joints), tick_s)
        self._output = ruckig.OutputParameter(len(joints))
        self._input = ruckig.InputParameter(len(joints))
        self._input.max_velocity = [limits[joint].velocity for joint in joints]
        self._input.max_acceleration = [limits[joint].acceleration for joint in joints]
        self._input.max_jerk = [limits[joint].jerk for joint in joints]
        self._input.synchronization = ruckig.Synchronization.No
        self._at_rest = [0.0] * len(joints)
        self._input.target_velocity = self._at_rest
        self._input.target_acceleration = self._at_rest

    def reset(self, positions: FloatArray) -> None:
        """Starts at rest at these joint positions (J,), rad."""
        self._input.current_position = positions.tolist()
        self._input.current_velocity = self._at_rest
        self._input.current_acceleration = self._at_rest

    @property
    def state(self) -> Motion:
        """The last command."""
        given = self._input
        return Motion(np.array(given.current_position), np.array(given.current_velocity), np.array(given.current_acceleration))

    def step(self, targets: FloatArray) -> tuple[Motion, int]:
        """The next command towards targets (J,) rad, and how many targets lay outside the position limits."""
        inside = np.clip(targets, self._lower, self._upper)
        self._input.control_interface = ruckig.ControlInterface.Position
        self._input.target_position = inside.tolist()
        return self._advance(), int(np.sum(inside != targets))

    def brake(self) -> Motion:
        """The next command of the shortest limited stop."""
        self._input.control_interface = ruckig.ControlInterface.Velocity
        return self._advance()

    def to_rest(self, times_s: FloatArray) -> list[Motion]:
        """Samples of the planned motion at times (T,) after the last command; it ends at rest."""
        trajectory = self._output.trajectory
        samples = [trajectory.at_time(min(self._output.time + time, trajectory.duration)) for time in times_s.tolist()]
        return [Motion(np.array(sample[0]), np.array(sample[1]), np.array(sample[2])) for sample in samples]

    @property
    def seconds_to_rest(self) -> float:
        """How long the planned motion still takes, s."""
        return max(self._output.trajectory.duration - self._output.time, 0.0)

    def _advance(self) -> Motion:
        result = self._generator.update(self._input, self._output)
        if result in _FAILURES:
            raise RuntimeError(f"the limiter could not plan from {self._input}: {result}")
        self._output.pass_to_input(self._input)
        return self.state
