"""Finds an arm that stands elsewhere than it is commanded to rest: moved by hand, or left behind by a controller that gave up.

What is commanded then is a pose to which the arm would leap as soon as a controller obeys again. Allowed is what a start allows
(`start_error`); an arm that follows late may come to rest `LATE_S` after its command. Time is that of the ticks that looked:
`watch_clock.LookTime`.
"""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_tracking import AWAY_S, LATE_S
from qgf_ros.datatypes import BoolArray, FloatArray, IntArray


class AwayWatch:
    """State: when each joint was last near the command, which has rested since `clear`, in the time of `LookTime`. One thread."""

    def __init__(self, contract: Contract) -> None:
        joints = contract.interface.joints
        self._allowed = np.array([contract.deployment.limits[joint].start_error for joint in joints])
        self.clear()

    def clear(self) -> None:
        """The command moves, or is placed anew."""
        self._near_ns: IntArray | None = None

    def near(self, positions: FloatArray, commanded: FloatArray) -> BoolArray:
        """Which joints (J,) stand where a start would be allowed; positions and command (J,), rad or m."""
        is_near: BoolArray = np.abs(positions - commanded) <= self._allowed
        return is_near

    def away(self, seen_ns: int, positions: FloatArray, commanded: FloatArray) -> tuple[int, ...]:
        """Places of joints that have been away for `AWAY_S`, at a tick of time `seen_ns`: positions and command (J,), rad or m."""
        if self._near_ns is None:
            self._near_ns = np.full(len(positions), seen_ns + round(LATE_S * 1e9))
        is_near = self.near(positions, commanded)
        self._near_ns = np.where(is_near, np.maximum(self._near_ns, seen_ns), self._near_ns)
        found = ~is_near & (seen_ns - self._near_ns >= AWAY_S * 1e9)
        return tuple(np.flatnonzero(found).tolist())
