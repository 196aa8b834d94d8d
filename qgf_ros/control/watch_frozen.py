"""Finds joints whose sensor has frozen: stamps go on, the position stays the same to the last bit, though the command moves.

A robot at rest repeats its encoders' counts too, so a position counts as frozen only where the command has moved meanwhile.
Rule (ours): for `FROZEN_S` of stamps, and of the ticks that looked (`watch_clock.LookTime`), the position was bit-identical,
the command did not pause within them, and it moved by more than `MOVED`. Joints that an object may keep from moving
(`tracking_error` as wide as their range: fingers) are left out.
"""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import BoolArray, FloatArray, IntArray

FROZEN_S = 0.1
MOVED = 0.01  # rad or m
PAUSED = 1e-6  # rad or m a tick: a command that moves by less stands


class FrozenWatch:
    """State: since when each joint has had its position, and how the command moved since. One thread."""

    def __init__(self, contract: Contract) -> None:
        limits = [contract.deployment.limits[joint] for joint in contract.interface.joints]
        self._is_free = np.array([limit.watches_tracking for limit in limits])
        self.forgive()
        self.clear()

    def forgive(self) -> None:
        """No sensor is frozen, as far as is known: what each says next begins anew."""
        self._is_frozen: BoolArray = np.zeros(len(self._is_free), np.bool_)
        self._positions: FloatArray = np.full(len(self._is_free), np.nan)  # differs from every position

    def clear(self) -> None:
        """Forgets what was seen; a sensor that has frozen stays so until its value changes."""
        count = len(self._is_free)
        self._since_ns: IntArray = np.zeros(count, np.int64)  # by stamps
        self._seen_ns: IntArray = np.zeros(count, np.int64)  # by the ticks that looked
        self._positions = np.where(self._is_frozen, self._positions, np.nan)
        self._before: FloatArray = np.zeros(count)  # the command at the last tick
        self._from: FloatArray = np.zeros(count)  # the command when the position first came
        self._moved: FloatArray = np.zeros(count)

    def note(self, seen_ns: int, stamps_ns: IntArray, positions: FloatArray, commanded: FloatArray) -> None:
        """One tick of time `seen_ns`: measured positions (J,) with their stamps, and the last command (J,), rad or m.

        Afterwards `frozen` gives the joints whose sensor has frozen.
        """
        changed = positions != self._positions
        still_frozen = self._is_frozen & ~changed
        anew = changed | ((np.abs(commanded - self._before) < PAUSED) & ~still_frozen)
        self._since_ns = np.where(anew, stamps_ns, self._since_ns)
        self._seen_ns = np.where(anew, seen_ns, self._seen_ns)
        self._from = np.where(anew, commanded, self._from)
        self._moved = np.where(anew, 0.0, np.maximum(self._moved, np.abs(commanded - self._from)))
        self._positions, self._before = positions, commanded
        is_old = np.minimum(stamps_ns - self._since_ns, seen_ns - self._seen_ns) * 1e-9 >= FROZEN_S
        self._is_frozen = self._is_free & (still_frozen | (is_old & (self._moved > MOVED)))

    @property
    def frozen(self) -> tuple[int, ...]:
        """Places of the joints whose sensor has frozen."""
        return tuple(np.flatnonzero(self._is_frozen).tolist()) if self._is_frozen.any() else ()

    def remaining(self, positions: FloatArray) -> tuple[int, ...]:
        """Places of the frozen joints that still have the same position."""
        if self._is_frozen.any():
            self._is_frozen = self._is_frozen & (positions == self._positions)
        return self.frozen
