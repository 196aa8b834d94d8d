"""The rules of ros2_control's two position controllers, in plain Python: docs/controllers.md lists them, test by test.

Messages come in as plain values; what a real controller would refuse raises `CommandRejected` and changes nothing.
A controller is asked once a step for the set-points of the step's end. Times in ns, positions in rad.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qgf_sim.simulation import FloatArray
from qgf_sim.splines import State, interpolate

KINDS = ("group", "trajectory")
END_VELOCITY_TOLERANCE = float(np.finfo(np.float32).eps)  # rad/s, as in the real controller


class CommandRejected(ValueError):
    """A message that the real controller would not follow; `rule` is a short stable name."""

    def __init__(self, controller: str, rule: str, sentence: str) -> None:
        super().__init__(f"{controller}: {sentence}")
        self.rule = rule


class Controller(Protocol):
    """Holds the joints that it claims."""

    name: str
    joints: tuple[str, ...]

    def reset(self, positions: Mapping[str, float]) -> None:
        """Activated anew: holds these positions."""

    def set_points(self, at_ns: int) -> dict[str, float]:
        """Where the joints shall be at `at_ns`, by name. Called with times that do not fall."""


class ForwardPositionController:
    """`position_controllers/JointGroupPositionController`: values in the order of its joints, held until the next."""

    def __init__(self, name: str, joints: tuple[str, ...]) -> None:
        self.name, self.joints = name, joints
        self._values = (0.0,) * len(joints)

    def reset(self, positions: Mapping[str, float]) -> None:
        """Activated anew: holds these positions."""
        self._values = tuple(positions[joint] for joint in self.joints)

    def command(self, values: Sequence[float]) -> None:
        """Takes a `Float64MultiArray`.

        Raises:
            CommandRejected: `length` or `not_finite`; the last values stay.
        """
        if len(values) != len(self.joints):
            sentence = f"got {len(values)} values for {len(self.joints)} joints ({', '.join(self.joints)})"
            raise CommandRejected(self.name, "length", sentence)
        if not all(map(math.isfinite, values)):
            raise CommandRejected(self.name, "not_finite", "got values that are not finite")
        self._values = tuple(values)

    def set_points(self, at_ns: int) -> dict[str, float]:
        """The last values."""
        return dict(zip(self.joints, self._values, strict=True))


@dataclass(frozen=True)
class Point:
    """A `JointTrajectoryPoint`: positions (J,), velocities and accelerations (J,) or empty, ns after the start."""

    time_from_start_ns: int
    positions: tuple[float, ...]
    velocities: tuple[float, ...] = ()
    accelerations: tuple[float, ...] = ()


@dataclass(frozen=True)
class Trajectory:
    """A `JointTrajectory`; `stamp_ns` 0 means: start now."""

    joint_names: tuple[str, ...]
    stamp_ns: int
    points: tuple[Point, ...]


class JointTrajectoryController:
    """`joint_trajectory_controller` with `interpolate_from_desired_state`, position commands, all joints required."""

    def __init__(self, name: str, joints: tuple[str, ...]) -> None:
        self.name, self.joints = name, joints
        self._knots: list[
            tuple[int, State]
        ] = []  # time and state: the desired state when the message came, then its points
        self._desired = State.at_rest(np.zeros(len(joints)))

    def reset(self, positions: Mapping[str, float]) -> None:
        """Activated anew: holds these positions."""
        self._desired = State.at_rest(np.array([positions[joint] for joint in self.joints]))
        self._knots = []

    def command(self, trajectory: Trajectory, now_ns: int) -> None:
        """Takes a trajectory that came at `now_ns`, in place of the one being followed.

        Raises:
            CommandRejected: `joints`, `length`, `not_finite`, `time`, `end_velocity` or `past`; the last one is followed on.
        """
        if not trajectory.points:
            self._desired = State.at_rest(self._sample(now_ns).positions)
            self._knots = []
            return
        self._check(trajectory, now_ns)
        start_ns = trajectory.stamp_ns or now_ns
        order = [trajectory.joint_names.index(joint) for joint in self.joints]
        points = [(start_ns + point.time_from_start_ns, _state(point, order)) for point in trajectory.points]
        self._knots = [(now_ns, self._sample(now_ns)), *(knot for knot in points if knot[0] > now_ns)]

    def set_points(self, at_ns: int) -> dict[str, float]:
        """The trajectory's positions at `at_ns`; after its end, the last ones."""
        return dict(zip(self.joints, self._sample(at_ns).positions.tolist(), strict=True))

    def _sample(self, at_ns: int) -> State:
        passed = [knot for knot in self._knots if knot[0] <= at_ns]
        if len(passed) == len(self._knots):
            return State.at_rest(self._knots[-1][1].positions) if self._knots else self._desired
        (from_ns, before), (to_ns, after) = passed[-1], self._knots[len(passed)]
        return interpolate(before, after, (at_ns - from_ns) * 1e-9, (to_ns - from_ns) * 1e-9)

    def _check(self, trajectory: Trajectory, now_ns: int) -> None:
        if sorted(trajectory.joint_names) != sorted(self.joints):
            sentence = f"names {', '.join(trajectory.joint_names) or 'no joints'}; all of {', '.join(self.joints)} are needed"
            raise CommandRejected(self.name, "joints", sentence)
        before_ns = 0
        for point in trajectory.points:
            self._check_point(point)
            if point.time_from_start_ns <= before_ns:
                raise CommandRejected(
                    self.name, "time", "time_from_start must be above 0 and grow from point to point"
                )
            before_ns = point.time_from_start_ns
        if any(abs(velocity) > END_VELOCITY_TOLERANCE for velocity in trajectory.points[-1].velocities):
            raise CommandRejected(self.name, "end_velocity", "the velocity of the last point must be zero")
        if trajectory.stamp_ns and trajectory.stamp_ns + before_ns <= now_ns:
            raise CommandRejected(self.name, "past", "the trajectory ends in the past")

    def _check_point(self, point: Point) -> None:
        if len(point.positions) != len(self.joints):
            raise CommandRejected(
                self.name,
                "length",
                f"a point has {len(point.positions)} positions for {len(self.joints)} joints",
            )
        for values in (point.velocities, point.accelerations):
            if len(values) not in (0, len(self.joints)):
                raise CommandRejected(
                    self.name,
                    "length",
                    f"a point has {len(values)} derivatives for {len(self.joints)} joints",
                )
        if not np.isfinite([*point.positions, *point.velocities, *point.accelerations]).all():
            raise CommandRejected(self.name, "not_finite", "a point has values that are not finite")


def make_controller(
    entry: str, robot_joints: Sequence[str]
) -> ForwardPositionController | JointTrajectoryController:
    """The controller that `name:kind:joint,joint` describes.

    Raises:
        ValueError: another form, an unknown kind, or joints that the robot lacks; the message says what would do.
    """
    parts = entry.split(":")
    if len(parts) != 3 or parts[1] not in KINDS:
        raise ValueError(
            f"controllers has the entry '{entry}', but it must read name:kind:joint,joint with kind {' or '.join(KINDS)}."
        )
    joints = tuple(parts[2].split(","))
    unknown = [joint for joint in joints if joint not in robot_joints]
    if unknown:
        raise ValueError(
            f"Controller {parts[0]} claims {', '.join(unknown)}, but the robot's joints are {', '.join(robot_joints)}."
        )
    return (
        ForwardPositionController(parts[0], joints)
        if parts[1] == "group"
        else JointTrajectoryController(parts[0], joints)
    )


def _state(point: Point, order: Sequence[int]) -> State:
    def in_order(values: tuple[float, ...]) -> FloatArray | None:
        return np.array([values[index] for index in order]) if values else None

    return State(
        np.array([point.positions[index] for index in order]),
        in_order(point.velocities),
        in_order(point.accelerations),
    )
