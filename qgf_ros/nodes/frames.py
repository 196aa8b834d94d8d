"""Brings poses into the contract's frames where tf2 is installed; where it is not, the assembler refuses other frames.

tf2_ros has no wheel: this plug-in is imported only on a ROS installation, and was not tried on one yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from pyquaternion import Quaternion
from rclpy.node import Node
from rclpy.time import Time

from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Input, Message
from qgf_ros.datatypes import PoseReading, Reading

FrameChange = Callable[[PoseReading, str], PoseReading]
"""(pose, frame wanted) -> the pose in that frame; as it was where the transform is not known."""


def frame_change(node: Node) -> FrameChange | None:
    """A function that asks tf2, or None where tf2 is not installed."""
    try:
        import tf2_ros
    except ImportError:
        return None
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, node)

    def change(pose: PoseReading, frame: str) -> PoseReading:
        assert listener is not None, "it lives as long as this function"
        try:
            found = buffer.lookup_transform(frame, pose.frame, Time(nanoseconds=pose.stamp_ns))
        except tf2_ros.TransformException:
            return pose  # the assembler names both frames in its refusal
        return moved(pose, found.transform, frame)

    return change


def bring(readings: dict[str, Reading], inputs: Iterable[Input], change: FrameChange | None) -> None:
    """Replaces the poses in `readings` that are in another frame than their input's; nothing without tf2."""
    for entry in inputs:
        reading = readings.get(entry.name)
        if isinstance(reading, PoseReading):
            readings[entry.name] = _in_its_frame(reading, entry, change)


def in_frame(message: PoseStamped, wanted: Input | None, change: FrameChange | None) -> PoseReading:
    """A pose that came, in the frame that is wanted of it, if tf2 knows the way."""
    reading = read(message, Message.POSE)
    assert isinstance(reading, PoseReading), "poses are read as such"
    return reading if wanted is None else _in_its_frame(reading, wanted, change)


def _in_its_frame(pose: PoseReading, wanted: Input, change: FrameChange | None) -> PoseReading:
    if change is None or wanted.frame is None or pose.frame == wanted.frame:
        return pose
    return change(pose, wanted.frame)


def moved(pose: PoseReading, transform: Any, frame: str) -> PoseReading:
    """The pose under a `geometry_msgs/Transform` into `frame`."""
    shift, turn = transform.translation, transform.rotation
    rotation = Quaternion(w=turn.w, x=turn.x, y=turn.y, z=turn.z)
    position = rotation.rotate(pose.position) + np.array([shift.x, shift.y, shift.z])
    attitude = rotation * Quaternion(pose.quat_wxyz)
    return replace(pose, frame=frame, position=position, quat_wxyz=attitude.elements)
