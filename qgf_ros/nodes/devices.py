"""What a person holds: the topics of a gamepad or a space mouse, or keys that a terminal gives; each says `Steer` and `Press`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from sensor_msgs.msg import Joy as JoyMessage

from qgf_ros.bounds import NAMES
from qgf_ros.contract.schema import Contract
from qgf_ros.nodes import qos
from qgf_ros.nodes.params import Value
from qgf_ros.nodes.polled import Inputs
from qgf_ros.nodes.teleop_parameters import TWIST, axes_of, gripper_of, steered
from qgf_ros.teleop.joy import Joy, read_buttons
from qgf_ros.teleop.keys import Keys
from qgf_ros.teleop.speed import SpeedLevels
from qgf_ros.teleop.steer import Press, Steer
from qgf_ros.teleop.twist import Twist


class Hand(Protocol):
    """Who takes what a device says."""

    def steer(self, steer: Steer) -> None:
        """The person steers so from now on."""

    def press(self, press: Press) -> None:
        """They pressed something."""


def speeds_of(values: Mapping[str, Value]) -> SpeedLevels:
    """The levels of speed. Raises InvalidSetting."""
    said = values["speeds"]
    assert isinstance(said, list), "its default is one"
    try:
        return SpeedLevels([float(text) for text in said])
    except ValueError:
        return SpeedLevels([float("nan")])


def keys_of(contract: Contract, values: Mapping[str, Value], speed: SpeedLevels) -> Keys:
    """The keys of a terminal. Raises InvalidSetting."""
    return Keys(steered(contract, gripper_of(contract, str(values["gripper"]))), speed)


class JoyDevice:
    """A gamepad; or with `device` twist the buttons of a space mouse and its velocity. One thread."""

    def __init__(
        self,
        node: Node,
        inputs: Inputs,
        contract: Contract,
        values: Mapping[str, Value],
        speed: SpeedLevels,
        hand: Hand,
    ) -> None:
        """Raises InvalidSetting."""
        self._node, self._hand = node, hand
        self._is_twist = values["device"] == TWIST
        dimensions = steered(contract, gripper_of(contract, str(values["gripper"])))
        axes = () if self._is_twist else axes_of(values, dimensions)
        buttons = values["buttons"]
        assert isinstance(buttons, list), "its default is one"
        deadman, dead_zone = int(str(values["deadman_button"])), float(str(values["dead_zone"]))
        max_age_s = float(str(values["max_age_s"]))
        self._joy = Joy(axes, read_buttons(buttons), deadman, dead_zone, speed, max_age_s)
        inputs.subscribe(JoyMessage, str(values["joy_topic"]), self._on_joy, qos.SENSOR)
        if self._is_twist:
            self._twist, self._frame = Twist(contract), str(values["twist_frame"])
            inputs.subscribe(TwistStamped, str(values["twist_topic"]), self._on_twist, qos.SENSOR)

    def _on_joy(self, message: Any) -> None:
        steer, pressed = self._joy.read(message.axes[:NAMES], message.buttons[:NAMES], time.monotonic())
        for press in pressed:
            self._hand.press(press)
        if not self._is_twist or not steer.is_held:
            self._hand.steer(steer)

    def _on_twist(self, message: Any) -> None:
        if message.header.frame_id not in ("", self._frame):
            words = (
                f"A velocity in {message.header.frame_id[:60]!r} was ignored: twist_frame is {self._frame!r}."
            )
            self._node.get_logger().warning(words, throttle_duration_sec=2.0)
            return
        linear, angular = message.twist.linear, message.twist.angular
        way, turn = (linear.x, linear.y, linear.z), (angular.x, angular.y, angular.z)
        self._hand.steer(self._twist.read(way, turn, self._joy.is_held(time.monotonic())))
