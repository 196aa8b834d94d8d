"""Rolls actions forward as the gate will play them: at the path's speed, approached as it is, through a limiter of its own. Ours.

A slowed path is not the same one in more time: deltas are added to a command that lags less, or more, behind its targets, and a
few actions lead centimetres elsewhere. So each action is in force for as many ticks as it will be, under the same caps. Not in
it: the tool guard, which only slows; what the arm really does; and another chunk that takes over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.path_speed import STANDING, PathSpeed, caps
from qgf_ros.datatypes import FloatArray

ROUNDING = 1e-9  # of a tick

Aim = Callable[[FloatArray, Motion], FloatArray]
"""Targets (J,) of an action from a commanded motion, rad."""


@dataclass(frozen=True)
class Leg:
    """An action for as long as it is in force: `ticks` at full speed; None: the way to the present targets goes on.

    `speed` in [0, 1] is the least that is wished, `peaks` (J,) the velocities at full speed, rad/s.
    """

    ticks: float
    action: FloatArray | None
    speed: float
    peaks: FloatArray


class RollForward:
    """State: scratch data only. One thread."""

    def __init__(
        self,
        limiter: JointLimiter,
        velocities: FloatArray,
        arm: npt.NDArray[np.bool_],
        aim: Aim,
        tick_s: float,
    ) -> None:
        """`limiter` is nobody else's; `velocities` (J,) are the limits, `arm` (J,) True for joints that slow down."""
        self._limiter, self._velocities, self._arm = limiter, velocities, arm
        self._aim, self._tick_s = aim, tick_s

    def path(self, legs: Sequence[Leg], motion: Motion, targets: FloatArray, speed: PathSpeed) -> FloatArray:
        """Positions (P, J) at the end of each leg, and at last at rest, from the last command `motion` on its way to `targets`.

        `speed` is that of the path now; it is taken on. Where a leg stands the way ends there.
        """
        places: list[FloatArray] = []
        over = 0.0  # ticks at full speed that the last leg ran into this one
        for leg in legs:
            if leg.speed < STANDING:
                return np.array([*places, motion.positions])
            if leg.action is not None:
                targets = self._aim(leg.action, motion)
            left = leg.ticks - over
            while left > ROUNDING:
                now = speed.towards(leg.speed)
                ticks = math.ceil(left / now - ROUNDING) if now == leg.speed else 1
                motion = self._go(motion, targets, caps(now, leg.peaks, self._velocities, self._arm), ticks)
                left -= ticks * now
            over = -left
            places.append(motion.positions)
        return np.array([*places, targets])

    def _go(self, motion: Motion, targets: FloatArray, slowed: FloatArray | None, ticks: int) -> Motion:
        """So many ticks later, under the same caps."""
        self._limiter.go_on_from(motion)
        after, _ = self._limiter.step(targets, slowed)
        if ticks > 1:
            [after] = self._limiter.to_rest(np.array([(ticks - 1) * self._tick_s]))
        return after
