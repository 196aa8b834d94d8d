"""A robot of two joints that a test plays, and what it asks of a command node in a process of its own."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from limit_checks import ROUNDING
from ros_graph import Peer, values
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.datatypes import FloatArray
from qgf_ros.nodes.convert import to_duration, to_stamp

NODE = "qgf_ros.nodes.command_node"
PERIOD_NS = 50_000_000  # of an action in the contract of two joints
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


class Arm:
    """A robot of two joints that follows every command at once and publishes its joints in a new order each time."""

    def __init__(self, peer: Peer, has_controller: bool = True) -> None:
        self.peer = peer
        self.positions = {"shoulder": 0.5, "elbow": -0.25}
        self.is_publishing = True
        self.is_held = False  # by somebody's hand: it follows no command
        self.certificates = peer.collect(DiagnosticArray, "command_node/certificate")
        self.executed = peer.collect(JointTrajectory, "command_node/executed")
        self.diagnostics = peer.collect(DiagnosticArray, "/diagnostics")
        topic = "arm_controller/commands" if has_controller else "no_controller/commands"
        self.commands = peer.collect(Float64MultiArray, topic)
        self._joints = peer.node.create_publisher(JointState, "joint_states", 10)
        self._chunks = peer.node.create_publisher(JointTrajectory, "policy_node/chunk", 1)
        self._persons = peer.node.create_publisher(JointTrajectory, "teleop_node/chunk", 1)
        self._order = random.Random(0)
        peer.node.create_timer(0.01, self._on_timer)

    def _on_timer(self) -> None:
        if self.commands and not self.is_held:
            self.positions = dict(zip(("shoulder", "elbow"), self.commands[-1].data, strict=True))
        if self.is_publishing:
            self.publish(self.positions)

    def publish(self, positions: dict[str, float]) -> None:
        """Joint states, now, in any order."""
        names = list(positions)
        self._order.shuffle(names)
        message = JointState(name=names, position=[positions[name] for name in names])
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self._joints.publish(message)

    def propose(
        self,
        actions: FloatArray,
        names: tuple[str, ...] = ("shoulder", "elbow"),
        stamp: int | None = None,
        period_ns: int = PERIOD_NS,
        source: str = "",
    ) -> int:
        """Publishes a chunk, a person's where `source` is `teleop`; the stamp it bears, by default the present."""
        message = JointTrajectory(joint_names=list(names))
        message.points = [
            JointTrajectoryPoint(
                positions=action.tolist(), time_from_start=to_duration(period_ns * (index + 1))
            )
            for index, action in enumerate(actions)
        ]
        stamp = self.peer.node.get_clock().now().nanoseconds if stamp is None else stamp
        message.header.stamp = to_stamp(stamp)
        message.header.frame_id = source
        (self._persons if source == "teleop" else self._chunks).publish(message)
        return stamp

    def until_certified(self, what: str, **expected: str) -> dict[str, str]:
        """Waits for a certificate from now on with these values."""
        begun = len(self.certificates)

        def fits(message: Any) -> bool:
            return expected.items() <= values(message).items()

        self.peer.until(
            lambda: any(fits(message) for message in self.certificates[begun:]), f"{what}: {expected}"
        )
        return next(values(message) for message in self.certificates[begun:] if fits(message))

    def start(self) -> None:
        """Starts the node, when it has found the controller and listens for chunks.

        On a busy machine this arm may follow so late that it stands away from where it was to rest: then it is reset first.
        """
        self.peer.matched(self._chunks)
        self.peer.until(self._starts, "the start")

    def _starts(self) -> bool:
        answer = self.peer.call(Trigger, "command_node/start")
        if "nothing is sent until reset" in answer.message:
            self.peer.call(Trigger, "command_node/reset")
        return bool(answer.success)

    def start_moving(self) -> None:
        """Starts the node and has it play a chunk at full speed; returns while the arm moves.

        On a busy machine this arm's joint states may be late once, and the node holds: then it is started again.
        """
        is_moving = False
        while not is_moving:
            self.start()
            self.until_certified("the wish for a chunk", wants_chunk="true")
            begun = len(self.certificates)
            self.propose(np.array([[0.1, 0.2]] * 4))
            self.peer.until(lambda begun=begun: self._outcome(begun), "the chunk, or a hold")
            is_moving = self._outcome(begun) == "chunk"

    def _outcome(self, begun: int) -> str:
        """`chunk` once two actions of one are left, `hold` where the node holds again; empty before."""
        for message in self.certificates[begun:]:
            found = values(message)
            if found["rung"] == "hold" or (found["rung"], found["actions_left"]) == ("chunk", "2"):
                return found["rung"]
        return ""

    def rows(self, begun: int = 0) -> FloatArray:
        """Position, velocity and acceleration of what was executed (T, 3, 2)."""
        points = [message.points[0] for message in self.executed[begun:]]
        return np.array([[point.positions, point.velocities, point.accelerations] for point in points])

    def until_at_rest(self, begun: int) -> FloatArray:
        """Waits until a command stands still; what was executed from `begun` to then (T, 3, 2)."""
        self.peer.until(lambda: len(self.executed) > begun and stands_still(self.rows(begun)[-1]), "rest")
        return self.rows(begun)


def stands_still(row: FloatArray) -> bool:
    """True when velocities and accelerations of a row (3, 2) are zero, but for the rounding of the limiter's samples."""
    return bool(np.abs(row[1:]).max() < ROUNDING)


def change(peer: Peer, transition: int) -> bool:
    """Drives the node through a lifecycle transition; whether it succeeded."""
    request = ChangeState.Request()
    request.transition.id = transition
    return bool(peer.call(ChangeState, "command_node/change_state", request).success)


def statuses(arm: Arm) -> list[Any]:
    """All warnings and errors on /diagnostics of this test's command node."""
    name = arm.peer.node.get_namespace().strip("/") + "/command_node: "
    found = [status for message in arm.diagnostics for status in message.status]
    return [status for status in found if status.name.startswith(name) and status.level != b"\x00"]
