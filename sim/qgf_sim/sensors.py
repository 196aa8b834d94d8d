"""What the simulated robot says of itself and its scene: joint states, poses, the clock, through the line of faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from qgf_sim import messages
from qgf_sim.fault_line import FaultError, FaultLine
from qgf_sim.faults import CLOCK, JOINTS, SCENE, Sensed
from qgf_sim.simulation import JointState as Joints
from qgf_sim.simulation import Pose, Simulation

RELIABLE = QoSProfile(
    depth=10, reliability=ReliabilityPolicy.RELIABLE
)  # as joint_state_broadcaster; lockstep needs every message
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class Offer:
    """What is published besides joints: the clock or not, joints in a new order each time or not, what is best effort."""

    has_clock: bool
    is_shuffled: bool
    best_effort: tuple[str, ...]
    seed: int


class Sensors:
    """Publishers of one robot. State: the order of joints. One thread; `FaultLine.advance` is its owner's business."""

    def __init__(self, node: Node, simulation: Simulation, line: FaultLine, offer: Offer) -> None:
        """Raises FaultError where a topic that shall be best effort is not among those published."""
        self._simulation, self._line = simulation, line
        self._order = random.Random(offer.seed) if offer.is_shuffled else None
        kinds: dict[str, type[Any]] = {
            message.topic: PoseStamped if isinstance(message.value, Pose) else JointState
            for message in self._now(0)
        }
        kinds |= {CLOCK: Clock} if offer.has_clock else {}
        if unknown := sorted(set(offer.best_effort) - kinds.keys()):
            raise FaultError(f"best_effort names {', '.join(unknown)}, but published are {', '.join(kinds)}.")
        self._publishers = {
            topic: node.create_publisher(kind, topic, BEST_EFFORT if topic in offer.best_effort else RELIABLE)
            for topic, kind in kinds.items()
        }

    def publish(self, stamp_ns: int) -> None:
        """All but the clock, as they are now."""
        for message in self._now(stamp_ns):
            for sent in self._line.sense(message):
                self._publishers[sent.topic].publish(self._message(sent))

    def publish_clock(self, now_ns: int) -> None:
        """The time, if a clock is offered."""
        if CLOCK in self._publishers:
            for sent in self._line.sense(Sensed(CLOCK, now_ns, None)):
                self._publishers[CLOCK].publish(Clock(clock=messages.to_stamp(sent.stamp_ns)))

    def _now(self, stamp_ns: int) -> Iterator[Sensed]:
        yield Sensed(JOINTS, stamp_ns, self._simulation.joint_state())
        for name, pose in self._simulation.poses().items():
            yield Sensed(f"{name}_pose", stamp_ns, pose)
        scene = self._simulation.scene_state()
        if scene is not None:
            yield Sensed(SCENE, stamp_ns, scene)

    def _message(self, sent: Sensed) -> JointState | PoseStamped:
        stamp, value = messages.to_stamp(sent.stamp_ns), sent.value
        if isinstance(value, Pose):
            return messages.pose(value, stamp)
        assert isinstance(value, Joints), "only the clock has no value"
        order = list(range(len(value.names)))
        if self._order is not None and sent.topic == JOINTS:
            self._order.shuffle(order)
        return messages.joint_state(value, stamp, order)
