"""A scripted person's hand on a space mouse: what the task's demonstrator wants, as velocities, with its noise. No ROS.

They see the robot as it is now, and it answers a tenth of a second later. So they steer as people do: ahead along the way that they
have in mind, and gently towards it.
"""

from __future__ import annotations

import math
from typing import Protocol

from qgf_sim.manipulation import FINGER, FINGER_RANGE_RAD, ManipulationSimulation
from qgf_sim.oracles.manipulation import ManipulationOracle
from qgf_sim.simulation import Simulation

GAIN = 0.2  # of what lies between the tool and where it shall be, a control period: more would swing, seen so late
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
    """State: what was wanted a control period ago."""

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


def hand_for(simulation: Simulation, slowness: float, noise: float) -> Hand:
    """The hand of the demonstrator of a task. Raises ValueError where the task moves joints, not a tool."""
    if not isinstance(simulation, ManipulationSimulation):
        raise ValueError(f"The task '{simulation.task}' moves joints, and a space mouse moves a tool.")
    return Hand(ManipulationOracle(simulation, slowness, noise), simulation.control_period_s)


def _way(axis: str, begin: dict[str, float], end: dict[str, float]) -> float:
    """From one to the other, a yaw the short way round."""
    way = float(end[axis] - begin[axis])
    return math.remainder(way, 2 * math.pi) if axis == "yaw" else way
