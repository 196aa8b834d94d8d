"""A scripted person with a space mouse: their hand, on the topics of such a device."""

from __future__ import annotations

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from sensor_msgs.msg import Joy

from qgf_sim import messages
from qgf_sim.hand import Hand
from qgf_sim.manipulation import FRAME

HELD, OPEN, CLOSE = 0, 1, 2  # buttons


class ScriptedPerson:
    """Publishes `twist` and `joy` while they hold the device. State: the hand. One thread."""

    def __init__(self, node: Node, hand: Hand) -> None:
        self._hand, self._is_holding = hand, False
        self._twist = node.create_publisher(TwistStamped, "twist", 10)
        self._joy = node.create_publisher(Joy, "joy", 10)

    def hold(self, is_holding: bool) -> None:
        """They take the device, with a plan from the present state, or let it go."""
        self._is_holding = is_holding
        if is_holding:
            self._hand.begin()

    def speak(self, stamp_ns: int) -> None:
        """To be called once a control period."""
        stamp = messages.to_stamp(stamp_ns)
        joy = Joy(buttons=[0, 0, 0])
        joy.header.stamp = stamp
        if self._is_holding:
            joy.buttons[HELD] = 1
            velocity, closes = self._hand.move()
            joy.buttons[CLOSE if closes else OPEN] = 1
            twist = TwistStamped()
            twist.header.stamp, twist.header.frame_id = stamp, FRAME
            linear = twist.twist.linear
            linear.x, linear.y, linear.z = velocity["x"], velocity["y"], velocity["z"]
            twist.twist.angular.z = velocity["yaw"]
            self._twist.publish(twist)
        self._joy.publish(joy)
