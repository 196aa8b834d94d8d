"""A scripted person with a space mouse: what the task's demonstrator wants, as the topics of such a device say it, with its noise.

They see the robot as it is now, and it answers a tenth of a second later. So they steer as people do: ahead along the way that they
have in mind, and gently towards it.
"""

from __future__ import annotations

import math
from typing import Protocol

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from sensor_msgs.msg import Joy

from qgf_sim import messages
from qgf_sim.manipulation import FINGER, FINGER_RANGE_RAD, FRAME, ManipulationSimulation
from qgf_sim.oracles.manipulation import ManipulationOracle
from qgf_sim.settings import Settings
from qgf_sim.simulation import Simulation

GAIN = 0.15  # of what lies between the tool and where it shall be, a control period: more would swing, seen so late
HELD, OPEN, CLOSE = 0, 1, 2  # buttons
TOOL = ("x", "y", "z", "yaw")


class Mind(Protocol):
    """What the person wants: the demonstrator of a task in which a tool moves."""

    @property
    def done(self) -> bool:
        """True when the present plan has ended."""
        ...

    def reset(self) -> None:
        """Begins a plan from the present state."""
        ...

    def renew(self) -> None:
        """Takes on a new goal."""
        ...

    def wish(self) -> dict[str, float]:
        """Where the tool shall be one control period from now: x, y, z m, yaw rad, and the finger, rad."""
        ...

    def here(self) -> dict[str, float]:
        """Where it is."""
        ...


class Hand:
    """State: what was wanted a control period ago. Without ROS."""

    def __init__(self, mind: Mind, period_s: float) -> None:
        self._mind, self._period_s = mind, period_s
        self._before: dict[str, float] | None = None

    def begin(self) -> None:
        """Plans from the present state."""
        self._mind.reset()
        self._before = None

    def move(self) -> tuple[dict[str, float], bool]:
        """To be called once a control period: the tool's velocity by axis, m/s and rad/s, and whether the gripper shall close."""
        if self._mind.done:
            self._mind.renew()
            self._before = None
        wish, here = self._mind.wish(), self._mind.here()
        before, self._before = self._before or wish, wish
        return {
            axis: (GAIN * _way(axis, here, wish) + _way(axis, before, wish)) / self._period_s for axis in TOOL
        }, wish[FINGER] > FINGER_RANGE_RAD / 2


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
        joy = Joy(buttons=[int(self._is_holding), 0, 0])
        joy.header.stamp = stamp
        if self._is_holding:
            velocity, closes = self._hand.move()
            joy.buttons[CLOSE if closes else OPEN] = 1
            twist = TwistStamped()
            twist.header.stamp, twist.header.frame_id = stamp, FRAME
            linear = twist.twist.linear
            linear.x, linear.y, linear.z = velocity["x"], velocity["y"], velocity["z"]
            twist.twist.angular.z = velocity["yaw"]
            self._twist.publish(twist)
        self._joy.publish(joy)


def make_person(node: Node, simulation: Simulation, settings: Settings) -> ScriptedPerson:
    """The person for a task. Raises ValueError where it moves no tool, or has no demonstrator."""
    if not isinstance(simulation, ManipulationSimulation):
        raise ValueError(
            f"Parameter person is true, but '{simulation.task}' moves joints: a space mouse moves a tool."
        )
    mind = ManipulationOracle(simulation, settings.person_slowness, settings.person_noise)
    return ScriptedPerson(node, Hand(mind, simulation.control_period_s))


def _way(axis: str, begin: dict[str, float], end: dict[str, float]) -> float:
    """From one to the other, a yaw the short way round."""
    way = float(end[axis] - begin[axis])
    return math.remainder(way, 2 * math.pi) if axis == "yaw" else way
