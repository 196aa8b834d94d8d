"""Bytes on the command node's topics that are no messages, and messages of absurd size: it goes on, and holds where it must."""

from __future__ import annotations

import contextlib
import math
import time
from random import Random
from typing import Any

import pytest

pytest.importorskip("rosbags", reason="serialises the messages: pip install 'qgf_ros[test]'")
from command_arm import Arm
from fuzz import messages, mutate
from rclpy._rclpy_pybind11 import RCLError
from ros_graph import values
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

pytestmark = pytest.mark.ros
TOPICS: dict[str, Any] = {
    "joints": (JointState, "joint_states"),
    "chunk": (JointTrajectory, "policy_node/chunk"),
}


def test_bytes_that_are_no_messages_do_not_end_the_node(active: Arm) -> None:
    draw, valid = Random(0), messages.serialised()
    for kind, (message, topic) in TOPICS.items():
        publisher = active.peer.node.create_publisher(message, topic, 10)
        active.peer.matched(publisher)
        for _ in range(200):
            publisher.publish(mutate.blind(draw, valid[kind])[:60_000])
            active.peer.until(lambda: True, "a turn")
        active.peer.node.destroy_publisher(publisher)
    for message, topic in ((Bool, "emergency_stop"), (String, "robot_description")):
        publisher = active.peer.node.create_publisher(message, topic, 10)
        for content in (b"", b"\0", b"\0\1\0\0", b"\0\1\0\0\xff\xff\xff\xff", draw.randbytes(100)):
            with contextlib.suppress(
                RCLError
            ):  # the sender itself refuses what no message of the type can be
                publisher.publish(content)
        active.peer.node.destroy_publisher(publisher)
    active.until_certified("commands as before", commands="1", rung="hold")


def test_a_message_of_a_hundred_thousand_joints_is_refused_and_the_next_good_one_taken(active: Arm) -> None:
    active.is_publishing = False
    active.until_certified("old joint states", reason="stale")
    publisher = active.peer.node.create_publisher(JointState, "joint_states", 10)
    active.peer.matched(publisher)
    names = [f"joint_{index}" for index in range(100_000)]
    message = JointState(name=names, position=[0.0] * len(names))
    sent_s = -math.inf

    def is_refused() -> bool:
        nonlocal sent_s
        if (
            time.monotonic() - sent_s > 5.0
        ):  # it is large, and asked for best effort: a busy machine may lose it
            sent_s = time.monotonic()
            message.header.stamp = active.peer.node.get_clock().now().to_msg()
            publisher.publish(message)
        return any(values(certificate)["reason"] == "shape" for certificate in active.certificates)

    active.peer.until(is_refused, "the refusal")
    active.is_publishing = True
    active.peer.until(
        lambda: values(active.certificates[-1])["reason"] not in ("shape", "stale"),
        "good joint states to be taken",
    )


def test_a_chunk_of_thousands_of_points_is_refused(active: Arm) -> None:
    publisher = active.peer.node.create_publisher(JointTrajectory, "policy_node/chunk", 1)
    active.peer.matched(publisher)
    point = JointTrajectoryPoint(positions=[0.1, 0.1])
    message = JointTrajectory(joint_names=["shoulder", "elbow"], points=[point] * 5000)
    message.header.stamp = active.peer.node.get_clock().now().to_msg()
    publisher.publish(message)
    active.until_certified("the refusal", refused="chunk_shape")
