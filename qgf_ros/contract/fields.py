"""Reads messages into plain values, by the layout of their fields alone.

Serves rclpy and rosbags messages alike and imports neither. ROS writes quaternions xyzw; here they become
wxyz, and nowhere else does the order change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qgf_ros.bounds import NAMES
from qgf_ros.contract.schema import Message
from qgf_ros.datatypes import FloatArray, JointReading, PoseReading, Reading


def stamp_ns(stamp: Any) -> int:
    """A `builtin_interfaces/Time` in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def texts_of(status: Any) -> dict[str, str]:
    """The values of a DiagnosticStatus by key."""
    return {pair.key: pair.value for pair in status.values}


def read(message: Any, kind: Message) -> Reading:
    """The reading in a message of the stated kind (a `JointReading` or a `PoseReading`)."""
    if kind is Message.POSE:
        return _read_pose(message)
    if kind is Message.COMMAND:
        return _read_command(message)
    if len(message.name) > NAMES:
        return _oversized(message.header, message.name)
    return JointReading(
        stamp_ns(message.header.stamp),
        tuple(message.name),
        _floats(message.position),
        _floats(message.velocity),
        _floats(message.effort),
    )


def _read_command(message: Any) -> JointReading:
    """A `JointTrajectory` of one point as a reading; an empty one reads as no joints."""
    if len(message.joint_names) > NAMES:
        return _oversized(message.header, message.joint_names)
    point = message.points[0] if len(message.points) else None
    positions = _floats(point.positions) if point is not None else np.zeros(0)
    velocities = _floats(point.velocities) if point is not None else np.zeros(0)
    return JointReading(
        stamp_ns(message.header.stamp), tuple(message.joint_names), positions, velocities, np.zeros(0)
    )


def _oversized(header: Any, names: Any) -> JointReading:
    """Of a message with more names than any robot has joints: names without values, which nobody takes for a reading."""
    none = np.zeros(0)
    return JointReading(stamp_ns(header.stamp), tuple(names[: NAMES + 1]), none, none, none)


def _read_pose(message: Any) -> PoseReading:
    position, attitude = message.pose.position, message.pose.orientation
    return PoseReading(
        stamp_ns(message.header.stamp),
        str(message.header.frame_id),
        np.array([position.x, position.y, position.z], np.float64),
        np.array([attitude.w, attitude.x, attitude.y, attitude.z], np.float64),
    )


def _floats(values: Any) -> FloatArray:
    return np.array(values, dtype=np.float64)
