"""Keeps the commanded tool in its box and below its speed: every accepted command leaves a stop that does so too. Ours.

By induction: the stop from the last command was looked at tick by tick, and braking follows it exactly. So where no candidate
for the next command leaves such a stop, braking does. Candidates, in order: the limiter's own motion; the same with half of
its gain in velocity; without any; at a little less velocity. What was asked for is slowed down before it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qgf_ros.contract.deployment import ToolLimits
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.control.stops import Stops
from qgf_ros.datatypes import Finding, FloatArray, Verdict

GAINS = (
    0.5,
    0.0,
    -0.1,
)  # of the velocity that the limiter's own motion would gain; below 0: of the present velocity
ROUNDING = 1e-9  # m and m/s: between a stop that was foreseen and the same one when it is made


@dataclass(frozen=True)
class Guarded:
    """The command chosen, how many targets could not be had, and what was found; `speed` m/s of the tool at it."""

    motion: Motion
    outside: int
    findings: tuple[Finding, ...]


class ToolGuard:
    """State: scratch data only. One thread."""

    def __init__(
        self, limits: ToolLimits, kinematics: QuickKinematics, places: list[int], stops: Stops, tick_s: float
    ) -> None:
        """`places` of the model's joints among the contract's, in the model's order."""
        self._lower, self._upper = np.array(limits.box)
        self._speed = limits.speed
        self._kinematics, self._places = kinematics, places
        self._stops, self._tick_s = stops, tick_s

    def step(self, limiter: JointLimiter, targets: FloatArray, caps: FloatArray | None) -> Guarded:
        """The next command towards `targets` (J,), accepted by the limiter; `caps` as in `JointLimiter.plan`.

        Raises:
            LimiterError: as for `JointLimiter.brake`.
        """
        before = limiter.state
        free, outside = limiter.plan(targets, caps)
        broken = self.broken_by(before, free)
        if not broken:
            limiter.accept()
            return Guarded(free, outside, ())
        now, freely = np.abs(before.velocities), np.abs(free.velocities)
        for gain in GAINS:
            slower = now + gain * (np.maximum(freely - now, 0.0) if gain >= 0.0 else now)
            motion, outside = limiter.plan(targets, slower if caps is None else np.minimum(slower, caps))
            if not self.broken_by(before, motion):
                limiter.accept()
                return Guarded(motion, outside, (Finding(Verdict.SLOW, broken, "tool"),))
        return Guarded(limiter.brake(), outside, (Finding(Verdict.CLAMP, broken, "tool"),))

    def broken_by(self, before: Motion, motion: Motion) -> str:
        """Which bound `motion`, one tick after `before`, or the stop from it would break: `tool_box`, `tool_speed` or none.

        Speeds are looked at as the tool's own at each tick and as its mean between two. A tool that stands outside its box may
        stay, and move in.
        """
        here, _ = self._at(before.positions, before.velocities)
        lower, upper = np.minimum(self._lower, here) - ROUNDING, np.maximum(self._upper, here) + ROUNDING
        fastest = self._speed + ROUNDING
        positions, velocities = self._stops.samples(motion)
        last = here
        for place, velocity in zip(
            (motion.positions, *positions), (motion.velocities, *velocities), strict=True
        ):
            there, speed = self._at(place, velocity)
            if not ((lower <= there).all() and (there <= upper).all()):
                return "tool_box"
            step = there - last
            if not (speed <= fastest and float(step @ step) <= (fastest * self._tick_s) ** 2):
                return "tool_speed"
            last = there
        return ""

    def is_far_inside(self, motion: Motion, ways: FloatArray, speeds: FloatArray) -> bool:
        """Whether no motion can break a bound on which joints go at most `ways` (J,) rad, at `speeds` (J,) rad/s at most.

        Cheap, and certain: with l the tool's levers at the joints now, it goes no further than d = sum of (l + d) ways, since
        a lever grows by no more than the tool moves.
        """
        place, levers = self._kinematics.levers(motion.positions[self._places])
        turned = ways[self._places]
        if not (whole := float(turned.sum())) < 1.0:
            return False
        far = float(levers @ turned) / (1.0 - whole)
        is_within = (self._lower <= place - far).all() and (place + far <= self._upper).all()
        return bool(is_within and (levers + far) @ speeds[self._places] <= self._speed)

    def _at(self, positions: FloatArray, velocities: FloatArray) -> tuple[FloatArray, float]:
        return self._kinematics.tool_motion(positions[self._places], velocities[self._places])
