"""How fast a chunk's path is followed: what everyone concerned asks for, approached smoothly. Ours; docs/adr/0021.

Slower means: the same actions in more time (`ChunkPlayer.advance`), at velocities that many times lower (`caps`). Accelerations
and jerks keep the contract's limits, since a stop that begins while the path is slow must be as short as any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.datatypes import Finding, FloatArray, Verdict

DOWN_PER_S, UP_PER_S = 10.0, 2.0  # of full speed: to a stand in 0.1 s, back to full speed in 0.5 s
STANDING = 0.01  # below this speed the path stands still
LEAST_PEAK = 0.05  # of a velocity limit: a joint that the chunk hardly moves may still move so fast


@dataclass(frozen=True)
class Wish:
    """Who asks for which speed, in [0, 1], and what it is about."""

    reason: str
    speed: float
    subject: str = ""


class PathSpeed:
    """State: the speed of the last tick. One thread."""

    def __init__(self, tick_s: float) -> None:
        self._down, self._up = DOWN_PER_S * tick_s, UP_PER_S * tick_s
        self.clear()

    def clear(self) -> None:
        """The path begins anew: the next tick takes the speed that is asked for at once."""
        self._speed: float | None = None

    def next(self, wishes: Iterable[Wish]) -> tuple[float, tuple[Finding, ...]]:
        """The speed of this tick, and a finding for each wish below full speed.

        It goes towards the least wish, 0 where that is below `STANDING`; where nobody wants it slower it is exactly 1.
        """
        asked = [wish for wish in wishes if not wish.speed >= 1.0]  # among them what is no number: 0
        speeds = [wish.speed if wish.speed >= STANDING else 0.0 for wish in asked]
        now = self.towards(min(speeds, default=1.0))
        return now, tuple(Finding(Verdict.SLOW, wish.reason, wish.subject) for wish in asked)

    @property
    def is_below_full(self) -> bool:
        """True while the path is slow, whatever is wished."""
        return self._speed is not None and self._speed < 1.0

    def towards(self, wanted: float) -> float:
        """The speed of this tick, on its way to `wanted`, which is taken at once where the path begins."""
        if self._speed is None:
            self._speed = wanted
        else:
            self._speed = min(max(wanted, self._speed - self._down), self._speed + self._up)
        return self._speed


def caps(
    speed: float, peaks: FloatArray, limits: FloatArray, arm: npt.NDArray[np.bool_]
) -> FloatArray | None:
    """Velocities (J,) rad/s that a slowed path stays below; None at full speed: nothing but the limits.

    `peaks` (J,) are the velocities that the path takes at full speed, `limits` (J,) those allowed; `arm` (J,) is True for the
    joints that slow down: a gripper closes as fast as ever.
    """
    if speed >= 1.0:
        return None
    slowed = speed * np.maximum(peaks, LEAST_PEAK * limits)
    kept: FloatArray = np.where(arm, np.minimum(slowed, limits), limits)
    return kept
