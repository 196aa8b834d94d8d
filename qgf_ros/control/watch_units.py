"""Finds joint positions that can only be in other units, or of another joint: far outside the data, or a leap.

Degrees for radians or millimetres for metres are off by far more than a range's width; an encoder that wrapped, and names
that were exchanged, show as a leap.
"""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.plausible import plausible_range
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import BoolArray, FloatArray, IntArray
from qgf_ros.seen import Seen

LEAP = np.pi  # rad or m between two readings, beyond what the joint's velocity limit allows in that time


class UnitsWatch:
    """State: the last positions with their stamps. One thread."""

    def __init__(self, contract: Contract, seen: Seen | None) -> None:
        """Bounds from the data where they are known, else from the contract's range, and its width on either side."""
        joints = contract.interface.joints
        limits = [contract.deployment.limits[joint] for joint in joints]
        bounds = [plausible_range(limit) for limit in limits]
        if seen is not None:
            bounds = [seen.bounds(joint) for joint in joints]
        self._lower, self._upper = np.array(bounds).T
        self._velocity = np.array([limit.velocity for limit in limits])
        self.clear()

    def clear(self) -> None:
        """Forgets the last positions."""
        self._before: tuple[IntArray, FloatArray] | None = None

    def out_of_range(self, positions: FloatArray) -> BoolArray:
        """Which joints (J,) are where no joint can be, however they came there."""
        outside: BoolArray = ~((self._lower <= positions) & (positions <= self._upper))
        return outside

    def leaps(self, stamps_ns: IntArray, positions: FloatArray) -> BoolArray:
        """Which joints (J,) leapt to where they are said to be. To be asked of every message: a leap is found once, at its first."""
        before, self._before = self._before, (stamps_ns, positions)
        if before is None:
            return np.zeros(len(positions), np.bool_)
        passed_s = (stamps_ns - before[0]) * 1e-9
        with np.errstate(invalid="ignore"):  # infinity after infinity: refused as not finite
            moved = np.abs(positions - before[1])
        leapt: BoolArray = moved > LEAP + self._velocity * np.maximum(passed_s, 0.0)
        return leapt
