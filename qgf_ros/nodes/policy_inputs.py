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
from qgf_ros.nodes import qos
from qgf_ros.nodes.policy_parameters import PolicySettings

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
) -> list[Any]:
    """The subscriptions to the contract's inputs, by name and kind, and to certificates."""
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
    topic = settings.certificate_topic
    return [*made, node.create_subscription(DiagnosticArray, topic, on_certificate, qos.CERTIFICATE)]
