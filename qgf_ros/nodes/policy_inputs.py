"""What the policy node listens to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.errors import ObservationRefused
from qgf_ros.nodes import qos
from qgf_ros.nodes.policy_parameters import PolicySettings
from qgf_ros.nodes.publishers import MISMATCH, PublisherWatch, listened

MESSAGE_TYPES: dict[Message, Any] = {
    Message.JOINT_STATE: JointState,
    Message.POSE: PoseStamped,
    Message.COMMAND: JointTrajectory,
}


def listen(
    node: Node,
    contract: Contract,
    settings: PolicySettings,
    on_input: Callable[[str, Message, Any], None],
    on_certificate: Callable[[DiagnosticArray], None],
    on_goal: Callable[[PoseStamped], None],
) -> list[Any]:
    """The subscriptions to the contract's inputs, by name and kind, to certificates, and to goals, where it has some."""
    profile = qos.sensor(settings.lockstep)
    made = [
        node.create_subscription(
            MESSAGE_TYPES[entry.message],
            contract.deployment.inputs[entry.name].topic,
            partial(on_input, entry.name, entry.message),
            profile,
        )
        for entry in contract.interface.inputs
    ]
    if contract.deployment.goal is not None:
        topic = contract.deployment.goal.topic
        made.append(node.create_subscription(PoseStamped, topic, on_goal, qos.GOAL))
    topic = settings.certificate_topic
    return [*made, node.create_subscription(DiagnosticArray, topic, on_certificate, qos.CERTIFICATE)]


class HeardInputs:
    """Whether those who publish the inputs can be heard. State: what was found at the last look. One thread.

    Certificates are left out: without them nothing is wanted.
    """

    def __init__(self, node: Node, contract: Contract, settings: PolicySettings) -> None:
        profile, topics = qos.sensor(settings.lockstep), contract.deployment.inputs
        inputs = [
            listened(MESSAGE_TYPES[entry.message], topics[entry.name].topic, profile)
            for entry in contract.interface.inputs
        ]
        if contract.deployment.goal is not None:
            inputs.append(listened(PoseStamped, contract.deployment.goal.topic, qos.GOAL))
        self._watch = PublisherWatch(node, (), inputs)
        self.refusal: ObservationRefused | None = None

    def look(self) -> None:
        """Looks who publishes: some milliseconds, a few times a second."""
        sentence = self._watch.look()[MISMATCH]
        self.refusal = ObservationRefused(MISMATCH, sentence) if sentence else None

    def check(self) -> None:
        """Raises ObservationRefused, reason `qos`, where one of them never is."""
        if self.refusal is not None:
            raise self.refusal
