"""What the command node listens to while it is configured, and who else publishes there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Message
from qgf_ros.datatypes import JointReading, Sender
from qgf_ros.errors import ChunkRefused
from qgf_ros.nodes import emergency, qos
from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.emergency import EmergencyStop
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.publishers import PublisherWatch, apply, listened


class CommandInputs:
    """Subscriptions that feed a commander. In real time a tick takes what has come; in lockstep every message wakes us.

    State: the subscriptions. One thread.
    """

    def __init__(
        self,
        node: Node,
        commander: Commander,
        stop: EmergencyStop,
        chunk_topics: Mapping[Sender, str],
        lockstep: bool,
        now_ns: Callable[[], int],
        after: Callable[[], None],
    ) -> None:
        """`now_ns` is the node's time; `after` is called after each message: in lockstep a tick may be due."""
        self._node, self._commander, self._now_ns, self._after = node, commander, now_ns, after
        self._is_lockstep = lockstep
        self._subscriptions = Inputs(node, is_polled=not lockstep)
        self._listened = [emergency.LISTENED]
        self._stop = stop
        sensor = qos.sensor(lockstep)
        for topic in commander.joint_topics:
            self._listen(JointState, topic, self._on_joints, sensor)
        scaling = commander.contract.deployment.speed_scaling
        if scaling is not None:
            self._listen(Float64, scaling, self._on_scaling, sensor)
        for sender, topic in chunk_topics.items():
            self._listen(JointTrajectory, topic, partial(self._on_chunk, sender), qos.CHUNK)
        self._watch = PublisherWatch(node, commander.command_topics, self._listened)

    def guard(self) -> None:
        """From now on words of the emergency stop are obeyed and noted: once the session has what it goes on with."""
        self._stop.guard(self._commander.session, self._noted(emergency.TOPIC, lambda word: None))

    def subscribe(self, kind: Any, topic: str, callback: Callable[[Any], None], profile: QoSProfile) -> None:
        """A further topic, which is not recorded."""
        self._subscriptions.subscribe(kind, topic, callback, profile)

    def take(self) -> None:
        """Real time: takes what has come, the emergency stop first."""
        self._stop.take()
        self._subscriptions.take()

    def look_around(self) -> float:
        """Looks who else publishes, and holds the arm where nobody should; the longest look so far, ms."""
        session = self._commander.session
        apply(self._watch.look(), session.suspend, session.unsuspend)
        return self._watch.worst_ms

    def close(self) -> None:
        """Destroys the subscriptions; the emergency stop is heard on."""
        self._stop.guard(None)
        self._subscriptions.close()

    def _listen(self, kind: Any, topic: str, callback: Callable[[Any], None], profile: QoSProfile) -> None:
        self._listened.append(listened(kind, topic, profile))
        self._subscriptions.subscribe(kind, topic, self._noted(topic, callback), profile)

    def _noted(self, topic: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """`callback`, after the black box has noted the message."""
        name, note = self._node.resolve_topic_name(topic), self._commander.box.note

        def noted(message: Any) -> None:
            note(name, message, time.time_ns())
            callback(message)
            self._after()

        return noted

    def _on_joints(self, message: JointState) -> None:
        reading = read(message, Message.JOINT_STATE)
        assert isinstance(reading, JointReading), "read follows the kind"
        self._commander.monitor.update(reading, None if self._is_lockstep else self._now_ns())

    def _on_chunk(self, sender: Sender, message: JointTrajectory) -> None:
        try:
            self._commander.offer(message, self._now_ns(), sender)
        except ChunkRefused as error:
            self._node.get_logger().warning(str(error), throttle_duration_sec=1.0)

    def _on_scaling(self, message: Float64) -> None:
        self._commander.session.speed_scaling(message.data, self._now_ns())
