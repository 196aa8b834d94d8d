"""Where joint commands go: one small class for each kind of controller interface, chosen in the contract."""

from __future__ import annotations

import importlib.util
from array import array
from typing import Any, Protocol

import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.contract.schema import Contract, Output, OutputKind
from qgf_ros.control.limits import Motion
from qgf_ros.control.unattended import Unattended
from qgf_ros.datatypes import JointCommand
from qgf_ros.errors import MissingMessagesError
from qgf_ros.nodes import qos
from qgf_ros.nodes.convert import to_duration

LAST_WORDS = Duration(seconds=0.2)  # on one computer a message is acknowledged within milliseconds
SAMPLE_S = 0.02  # between points of a published trajectory; its first point is the command itself
SHORTEST_S = 1e-4  # points closer than this are one


class CommandOutput(Protocol):
    """Sends commands for some joints of the contract. Lives from configure to cleanup."""

    name: str
    is_topic: bool  # False: an action, whose goals are no messages of a topic
    message: Any  # of the last `send`; None before it, and of an action

    @property
    def is_heard(self) -> bool:
        """True when a controller listens."""

    def send(self, command: JointCommand, unattended: Unattended) -> int:
        """Sends a tick's command; the number of topic messages that were published."""

    def close(self) -> None:
        """Releases what it holds of the node."""


class GroupOutput:
    """`Float64MultiArray` in the order of the controller's joints."""

    def __init__(self, node: Node, topic: str, places: list[int]) -> None:
        self._node, self._places, self.name = node, places, topic
        self.is_topic = True
        self.message: Any = None
        self._publisher = node.create_publisher(Float64MultiArray, topic, qos.COMMAND)

    @property
    def is_heard(self) -> bool:
        """True when the topic has a subscriber."""
        return bool(self._publisher.get_subscription_count())

    def send(self, command: JointCommand, unattended: Unattended) -> int:
        """Publishes the positions."""
        self.message = Float64MultiArray(data=array("d", command.positions[self._places].tolist()))
        self._publisher.publish(self.message)
        return 1

    def close(self) -> None:
        """Waits until the last command has arrived, then destroys the publisher."""
        self._publisher.wait_for_all_acked(LAST_WORDS)
        self._node.destroy_publisher(self._publisher)


class TrajectoryPlan:
    """What some joints do if nothing follows, as a trajectory that ends at rest, with positions and velocities."""

    def __init__(self, joints: tuple[str, ...], places: list[int], tick_ns: int) -> None:
        self._joints, self.places, self._tick_ns = joints, places, tick_ns

    def message(self, command: JointCommand | Motion, unattended: Unattended) -> JointTrajectory:
        """From the command, due one tick after arrival, to rest. The stamp is zero: start on arrival."""
        times = sample_times(unattended.seconds)
        motions = [command, *unattended.motions(np.array(times))[1:]]
        points = [self._point(time, motion) for time, motion in zip(times, motions, strict=True)]
        points[-1].velocities = array("d", [0.0] * len(self.places))
        return JointTrajectory(joint_names=list(self._joints), points=points)

    def _point(self, time_s: float, motion: JointCommand | Motion) -> JointTrajectoryPoint:
        return JointTrajectoryPoint(
            positions=array("d", motion.positions[self.places].tolist()),
            velocities=array("d", motion.velocities[self.places].tolist()),
            time_from_start=to_duration(self._tick_ns + round(time_s * 1e9)),
        )


class TrajectoryOutput:
    """`JointTrajectory` every tick: if nothing follows, the arm comes to rest by itself."""

    def __init__(self, node: Node, topic: str, plan: TrajectoryPlan) -> None:
        self._node, self._plan, self.name = node, plan, topic
        self.is_topic = True
        self.message: Any = None
        self._publisher = node.create_publisher(JointTrajectory, topic, qos.COMMAND)

    @property
    def is_heard(self) -> bool:
        """True when the topic has a subscriber."""
        return bool(self._publisher.get_subscription_count())

    def send(self, command: JointCommand, unattended: Unattended) -> int:
        """Publishes the plan."""
        self.message = self._plan.message(command, unattended)
        self._publisher.publish(self.message)
        return 1

    def close(self) -> None:
        """Waits until the last command has arrived, then destroys the publisher."""
        self._publisher.wait_for_all_acked(LAST_WORDS)
        self._node.destroy_publisher(self._publisher)


def sample_times(seconds_to_rest: float) -> list[float]:
    """When to sample a motion of this length: at 0, every `SAMPLE_S`, and at its end; strictly increasing, s."""
    if seconds_to_rest < SHORTEST_S:
        return [0.0]
    inner = np.arange(0.0, seconds_to_rest - SHORTEST_S, SAMPLE_S)
    return [*inner.tolist(), seconds_to_rest]


def make_output(node: Node, output: Output, contract: Contract) -> CommandOutput:
    """The output that a contract describes.

    Raises:
        MissingMessagesError: its kind needs a message package that is not installed.
    """
    places = [contract.interface.joints.index(joint) for joint in output.joints]
    if output.kind is OutputKind.GROUP:
        return GroupOutput(node, output.topic, places)
    plan = TrajectoryPlan(output.joints, places, contract.tick_ns)
    if output.kind is OutputKind.TRAJECTORY:
        return TrajectoryOutput(node, output.topic, plan)
    if importlib.util.find_spec("control_msgs") is None:
        raise MissingMessagesError(output.topic, output.kind.value, "control_msgs", "group, trajectory")
    from qgf_ros.nodes.action_outputs import FollowTrajectoryOutput, GripperOutput

    if output.kind is OutputKind.GRIPPER_COMMAND:
        return GripperOutput(node, output.topic, places)
    return FollowTrajectoryOutput(node, output.topic, plan)
