"""Limits checked by arithmetic of its own on the commands that left, without asking who made them; and how far a stop may go.

Ours. A stream of commands keeps its limits if every command does, and if each follows from the one before: with the jerk
bounded by j, T s later position, velocity and acceleration differ from what constant acceleration gives by at most j T^3 / 6,
j T^2 / 2 and j T.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qgf_ros.contract.schema import JointLimits
from qgf_ros.datatypes import FloatArray, JointCommand

ROUNDING = 1e-9  # rad, rad/s, rad/s2: of double precision, over plans of seconds
AT_REST = 1e-6  # rad/s and rad/s2

State = tuple[FloatArray, FloatArray, FloatArray]


class LimitWatch:
    """State: the last command. One thread."""

    def __init__(self, joints: tuple[str, ...], limits: Mapping[str, JointLimits], tick_s: float) -> None:
        """`joints` in the order of the commands."""
        self._joints = joints
        self._tick_s = tick_s
        self._lower = np.array([limits[joint].lower for joint in joints]) - ROUNDING
        self._upper = np.array([limits[joint].upper for joint in joints]) + ROUNDING
        self._velocity = np.array([limits[joint].velocity for joint in joints])
        self._acceleration = np.array([limits[joint].acceleration for joint in joints])
        self._jerk = np.array([limits[joint].jerk for joint in joints])
        self.begin_anew()

    def begin_anew(self) -> None:
        """The next command has no one before it: the robot was reset, and begins at rest."""
        self._last: State | None = None

    def stand(self) -> None:
        """No command came for a while: joints stand where they were commanded last."""
        if self._last is not None:
            positions = self._last[0]
            self._last = (positions, np.zeros(len(positions)), np.zeros(len(positions)))

    def look(self, command: JointCommand) -> list[str]:
        """What the command breaks, one sentence a joint and limit; empty where it keeps all."""
        state = (command.positions, command.velocities, command.accelerations)
        broken = self._alone(state)
        broken += self._at_rest(state) if self._last is None else self._after(self._last, state)
        self._last = state
        return broken

    def _alone(self, state: State) -> list[str]:
        positions, velocities, accelerations = state
        if not all(np.isfinite(values).all() for values in state):
            return ["a value is not finite"]
        broken = self._above("position below its lower limit", self._lower - positions, 0.0)
        broken += self._above("position above its upper limit", positions - self._upper, 0.0)
        broken += self._above("velocity", velocities, self._velocity)
        return broken + self._above("acceleration", accelerations, self._acceleration)

    def _at_rest(self, state: State) -> list[str]:
        """The first command after a reset moves by one tick's worth at most."""
        T, jerk = self._tick_s, self._jerk
        broken = self._above("first velocity", state[1], jerk * T * T)
        return broken + self._above("first acceleration", state[2], jerk * T)

    def _after(self, before: State, state: State) -> list[str]:
        T, jerk = self._tick_s, self._jerk
        (p0, v0, a0), (p1, v1, a1) = before, state
        broken = self._above("jerk", a1 - a0, jerk * T)
        broken += self._above("velocity from the tick before", v1 - (v0 + a0 * T), jerk * T**2 / 2)
        expected = p0 + v0 * T + a0 * T**2 / 2
        return broken + self._above("position from the tick before", p1 - expected, jerk * T**3 / 6)

    def _above(self, what: str, values: FloatArray, bound: FloatArray | float) -> list[str]:
        too_much = np.abs(values) > bound + ROUNDING if isinstance(bound, np.ndarray) else values > bound
        if not too_much.any():
            return []
        bounds = np.broadcast_to(bound, values.shape)
        return [
            f"{self._joints[place]}: {what}, {values[place]:.9g} where {bounds[place]:.9g} is allowed"
            for place in np.flatnonzero(too_much)
        ]


def stopping_distance(velocity: float, acceleration: float, limits: JointLimits, tick_s: float) -> float:
    """How far (rad) a joint may go on after a stop was asked for, from its command's velocity rad/s and acceleration rad/s2.

    v T + v^2 / 2a, and what the bounded jerk adds. The way until the next tick: v T. Until the acceleration is gone, t = a0 / j:
    v t + a0^3 / 3j^2, which leaves at most the velocity w = v + a0^2 / 2j. From there to rest with acceleration at most a:
    w^2 / 2a + w a / 2j; where w is too small to reach a, that is still above the true w sqrt(w / j). Ours. An acceleration
    against the motion is taken as one along it: then the bound is wide, since it would shorten the way, or turn it round.
    """
    v, a, j, a0 = abs(velocity), limits.acceleration, limits.jerk, abs(acceleration)
    t, w = a0 / j, v + a0**2 / (2 * j)
    return (v + a0 * tick_s) * tick_s + v * t + a0**3 / (3 * j**2) + w**2 / (2 * a) + w * a / (2 * j)


def stopping_time(velocity: float, acceleration: float, limits: JointLimits, tick_s: float) -> float:
    """How long (s) that may take: a tick, until the acceleration is gone, and from there w / a + a / j."""
    v, a, j, a0 = abs(velocity), limits.acceleration, limits.jerk, abs(acceleration)
    return tick_s + a0 / j + (v + a0**2 / (2 * j)) / a + a / j
