"""Whether joint states have agreed for long enough to place the first command there: a driver may send zeros when it starts."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, IntArray
from qgf_ros.errors import ObservationRefused

SETTLED_S = 0.05
UNSETTLED = "unsettled"


class Settling:
    """State: the first of the readings that agree. One thread."""

    def __init__(self, contract: Contract) -> None:
        joints = contract.interface.joints
        self._allowed = np.array([contract.deployment.limits[joint].start_error for joint in joints])
        self.clear()

    def clear(self) -> None:
        """What comes next is the first."""
        self._first: tuple[IntArray, FloatArray] | None = None

    def check(self, stamps_ns: IntArray, positions: FloatArray) -> None:
        """Takes a reading: positions (J,), rad or m, with their stamps. Returns where all since `SETTLED_S` agree with it.

        Raises:
            ObservationRefused: reason `unsettled`; a joint has been there for less, by more than its `start_error`.
        """
        if self._first is None or (np.abs(positions - self._first[1]) > self._allowed).any():
            self._first = stamps_ns, positions
        if (stamps_ns - self._first[0] < SETTLED_S * 1e9).any():
            sentence = f"The joint states have agreed for less than {SETTLED_S:g} s: where the arm stands is not known yet."
            raise ObservationRefused(UNSETTLED, sentence)
