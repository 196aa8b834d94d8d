"""The teleoperation node: a person's device in, chunks out, when the command node asks a person for one. Wiring around `teleop/`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import read
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Message
from qgf_ros.datatypes import JointReading, Sender
from qgf_ros.inference.demand import Demand
from qgf_ros.nodes import policy_messages, qos
from qgf_ros.nodes.convert import chunk_message
from qgf_ros.nodes.devices import JoyDevice, keys_of, speeds_of
from qgf_ros.nodes.diagnostics import Level, status, values
from qgf_ros.nodes.metronome import Metronome
from qgf_ros.nodes.params import declare
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.presses import Presses
from qgf_ros.nodes.teleop_parameters import KEYS, TABLE, gripper_of
from qgf_ros.teleop.keys import Keys
from qgf_ros.teleop.operator import Teleoperator
from qgf_ros.teleop.steer import Press, Steer

PERIOD_S = 0.01  # between two looks at what has come
SAY_S = 0.5
EXECUTED, CERTIFICATE = "command_node/executed", "command_node/certificate"


class TeleopNode(Node):
    """State: the newest joints, command and wish, and the person's hand. One thread, which calls `turn` again and again."""

    def __init__(self, **settings: Any) -> None:
        """Raises QgfError where the contract cannot be read or a parameter does not fit. `settings` go to rclpy's Node."""
        super().__init__("teleop_node", automatically_declare_parameters_from_overrides=True, **settings)
        found = declare(self, TABLE)
        self._contract = contract = load_contract(Path(str(found["contract"])))
        self._period_ns = round(contract.interface.control_period_s * 1e9)
        gripper = gripper_of(contract, str(found["gripper"]))
        self._operator = Teleoperator(contract, gripper, float(str(found["max_age_s"])))
        self._device, self._speed = str(found["device"]), speeds_of(found)
        self.keys: Keys | None = keys_of(contract, found, self._speed) if self._device == KEYS else None
        self._chunks = self.create_publisher(JointTrajectory, "~/chunk", qos.CHUNK)
        self._status = self.create_publisher(DiagnosticStatus, "~/status", qos.STATUS)
        self._presses = Presses(self)
        self._inputs = Inputs(self)
        self._listen()
        if self._device != KEYS:
            JoyDevice(self, self._inputs, contract, found, self._speed, self)
        self._measured: dict[str, JointReading] = {}  # by topic
        self._commanded: JointReading | None = None
        self._demand: Demand | None = None
        self._in_command = ""
        self.sent = 0
        self._said_s = float("-inf")
        self._metronome = Metronome(self._on_tick)
        self._metronome.start(round(PERIOD_S * 1e9))

    def _listen(self) -> None:
        """The command node's wishes and commands, and the joints."""
        inputs, topics = self._contract.interface.inputs, self._contract.deployment.inputs
        joints = {topics[entry.name].topic for entry in inputs if entry.message is Message.JOINT_STATE}
        for topic in sorted(joints):
            self._inputs.subscribe(JointState, topic, partial(self._on_joints, topic), qos.SENSOR)
        self._topics = sorted(joints)
        self._inputs.subscribe(JointTrajectory, EXECUTED, self._on_executed, qos.SENSOR)
        self._inputs.subscribe(DiagnosticArray, CERTIFICATE, self._on_certificate, qos.CERTIFICATE)

    def turn(self, executor: SingleThreadedExecutor) -> None:
        """Serves callbacks until it is time to look at what has come, and looks."""
        self._metronome.turn(executor.spin_once)

    # -- the person ----------------------------------------------------------------------------------------------------

    def steer(self, steer: Steer) -> None:
        """The person steers so from now on."""
        self._operator.steer(steer, time.monotonic())

    def press(self, press: Press) -> None:
        """They pressed something: their gripper's, or another node's business."""
        if self._commanded is not None:
            self._operator.press(press, self._commanded)
        self._presses.call(press)

    def key(self, key: str) -> None:
        """They pressed a key of a terminal."""
        said = None if self.keys is None else self.keys.read(key)
        if isinstance(said, Steer):
            self.steer(said)
        elif said is not None:
            self.press(said)

    @property
    def words(self) -> str:
        """For people: who is in command, the level of speed, how many chunks were sent, what was answered last."""
        who = self._in_command or "no command node"
        level = f"speed {self._speed.share:.0%}"
        return "   ".join(
            filter(None, (f"in command: {who}", level, f"{self.sent} chunks", self._presses.words))
        )

    # -- messages ------------------------------------------------------------------------------------------------------

    def _on_joints(self, topic: str, message: JointState) -> None:
        reading = read(message, Message.JOINT_STATE)
        assert isinstance(reading, JointReading), "read follows the kind"
        self._measured[topic] = reading

    def _on_executed(self, message: JointTrajectory) -> None:
        reading = read(message, Message.COMMAND)
        assert isinstance(reading, JointReading), "read follows the kind"
        self._commanded = reading

    def _on_certificate(self, message: DiagnosticArray) -> None:
        demand = policy_messages.demand(message, Sender.TELEOP)
        if demand is None:
            return
        self._demand = demand
        before, self._in_command = self._in_command, values(message.status[0]).get("in_command", "")
        if self._in_command != before and before == Sender.TELEOP.value:
            self._operator.let_go()

    def _on_tick(self) -> None:
        self._inputs.take()
        now_s = time.monotonic()
        self._answer(now_s)
        if now_s - self._said_s > SAY_S:
            self._said_s = now_s
            self._say(now_s)

    def _answer(self, now_s: float) -> None:
        if self._demand is None or self._commanded is None or len(self._measured) < len(self._topics):
            return
        try:
            chunk = self._operator.answer(self._demand, self._joints(), self._commanded, now_s)
        except KeyError as error:
            words = f"No chunk: the joint {error} is not among the joint states or commands."
            self.get_logger().warning(words, throttle_duration_sec=2.0)
            return
        if chunk is not None:
            self._chunks.publish(chunk_message(chunk, self._period_ns))
            self.sent += 1

    def _joints(self) -> JointReading:
        """All joints together, as old as the oldest of them."""
        found = [self._measured[topic] for topic in self._topics]
        if len(found) == 1:
            return found[0]
        names = tuple(name for reading in found for name in reading.names)
        positions, none = np.concatenate([reading.positions for reading in found]), np.zeros(0)
        return JointReading(min(reading.stamp_ns for reading in found), names, positions, none, none)

    def _say(self, now_s: float) -> None:
        said = {
            "device": self._device,
            "in_command": self._in_command,
            "steering": self._operator.is_steering(now_s),
            "speed": self._speed.share,
            "chunks": self.sent,
            "answer": self._presses.words,
        }
        self._status.publish(status("teleop_node: state", Level.OK, self.words, said))
