"""Where the task's object shall be, as a topic: told to whoever comes, early or late, and changed by whoever says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from qgf_sim import messages
from qgf_sim.simulation import Simulation

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


class Goals:
    """Publishes `goal` where the task has one, and moves it where `~/goal` says. One thread."""

    def __init__(self, node: Node, simulation: Simulation, stamp_ns: Callable[[], int]) -> None:
        self._node, self._simulation, self._stamp_ns = node, simulation, stamp_ns
        if simulation.goal() is None:
            return
        self._publisher = node.create_publisher(PoseStamped, "goal", LATCHED)
        node.create_subscription(PoseStamped, "~/goal", self._on_goal, LATCHED)

    def publish(self) -> None:
        """The present goal, if there is one."""
        goal = self._simulation.goal()
        if goal is not None:
            self._publisher.publish(messages.pose(goal, messages.to_stamp(self._stamp_ns())))

    def _on_goal(self, message: PoseStamped) -> None:
        wanted, place = self._simulation.goal(), message.pose.position
        assert wanted is not None, "it listens where there is one"
        position = np.array([place.x, place.y, place.z])
        if message.header.frame_id != wanted.frame or not np.isfinite(position).all():
            found = f"{position.tolist()} in frame '{message.header.frame_id}'"
            self._node.get_logger().warning(
                f"A goal was not taken: {found}, where numbers in '{wanted.frame}' are expected."
            )
            return
        self._simulation.set_goal(position)
        self.publish()
