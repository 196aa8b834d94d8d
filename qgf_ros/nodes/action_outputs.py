"""Outputs through actions of control_msgs. Imported only where that package exists; not tried on a robot (docs/controllers.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory, GripperCommand
from rclpy.action import ActionClient
from rclpy.node import Node

from qgf_ros.control.unattended import Unattended
from qgf_ros.datatypes import FloatArray, JointCommand
from qgf_ros.nodes.outputs import TrajectoryPlan

GRIPPER_STEP = 0.01  # rad or m: a smaller change sends no new goal
MAX_EFFORT = 0.0  # the gripper's own default


class GripperOutput:
    """`GripperCommand` goals, one joint; a new goal when the command has moved by `GRIPPER_STEP`."""

    def __init__(self, node: Node, name: str, places: list[int]) -> None:
        self.name = name
        self.is_topic = False
        self.message: Any = None
        self._client: Any = ActionClient(node, GripperCommand, name)
        self._place = places[0]
        self._sent: float | None = None

    @property
    def is_heard(self) -> bool:
        """True when the action has a server."""
        return bool(self._client.server_is_ready())

    def send(self, command: JointCommand, unattended: Unattended) -> int:
        """Sends a goal where needed; goals are not topic messages, so the count is 0."""
        position = float(command.positions[self._place])
        if self.is_heard and (self._sent is None or abs(position - self._sent) >= GRIPPER_STEP):
            goal = GripperCommand.Goal()
            goal.command.position, goal.command.max_effort = position, MAX_EFFORT
            self._client.send_goal_async(goal)
            self._sent = position
        return 0

    def close(self) -> None:
        """Destroys the client."""
        self._client.destroy()


class FollowTrajectoryOutput:
    """`FollowJointTrajectory` goals that end at rest, one every tick while the command moves.

    Fewer would not do: the controller follows a goal's plan while the command goes on to newer targets, and the next goal
    would call it over to there within a tick.
    """

    def __init__(self, node: Node, name: str, plan: TrajectoryPlan) -> None:
        self.name = name
        self.is_topic = False
        self.message: Any = None
        self._client: Any = ActionClient(node, FollowJointTrajectory, name)
        self._plan = plan
        self._sent: FloatArray | None = None

    @property
    def is_heard(self) -> bool:
        """True when the action has a server."""
        return bool(self._client.server_is_ready())

    def send(self, command: JointCommand, unattended: Unattended) -> int:
        """Sends a goal unless the command stands still; goals are not topic messages, so the count is 0."""
        positions = command.positions[self._plan.places]
        if self.is_heard and (self._sent is None or not np.array_equal(positions, self._sent)):
            self._client.send_goal_async(
                FollowJointTrajectory.Goal(trajectory=self._plan.message(command, unattended))
            )
            self._sent = positions
        return 0

    def close(self) -> None:
        """Destroys the client."""
        self._client.destroy()
