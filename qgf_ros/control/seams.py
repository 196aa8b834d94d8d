"""How hard one chunk takes over from another: the difference between the motion that would have gone on and the new one.

Definition (ours). At the tick where the new chunk's first action begins, the commands of one control period are planned
twice from the same state: once for that action, once for how the old chunk would have gone on (`Due.instead_of`: its next
action; its last one once more where it has none left; its resting target where the arm waits there). A seam is the largest
difference over the period and over the arm's joints, in position, velocity and acceleration of the *limited* set-points.

Why so: what the limiter lets through is what the arm feels; measured against the old chunk's intention and not against the
tick before, a turn that the old chunk had planned itself is no seam, and two chunks that agree give zero. The motion that
would have gone on is planned at full speed: on a slowed path a seam also holds what the slowing took away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.datatypes import FloatArray, Seam
from qgf_ros.errors import LimiterError


class SeamWatch:
    """State: the motion that would have gone on, for the rest of one control period. One thread."""

    def __init__(self, limiter: JointLimiter, places: Sequence[int], ticks: int) -> None:
        """`limiter`: of its own, like the one that commands; `places` of the arm's joints; `ticks` a control period."""
        self._limiter = limiter
        self._places = list(places)
        self._ticks = ticks
        self.clear()

    def clear(self) -> None:
        """No seam is being measured."""
        self._left = 0
        self._worst: FloatArray = np.zeros(3)

    def begin(self, state: Motion, targets: FloatArray) -> None:
        """A new chunk takes over at this tick; without it the arm would go from `state` to `targets` (J,), rad."""
        self._limiter.go_on_from(state)
        self._targets, self._left = targets, self._ticks
        self._worst = np.zeros(3)

    def note(self, commanded: Motion) -> Seam | None:
        """This tick's command; the seam when the control period is over, else None."""
        if not self._left:
            return None
        try:
            other, _ = self._limiter.step(self._targets)
        except LimiterError:  # a measurement must not stop the arm
            self.clear()
            return None
        self._worst = np.maximum(self._worst, _difference(commanded, other, self._places))
        self._left -= 1
        return None if self._left else Seam(*self._worst.tolist())


def _difference(one: Motion, other: Motion, places: list[int]) -> FloatArray:
    """The largest over joints of |position|, |velocity|, |acceleration| differences (3,)."""
    pairs = (
        (one.positions, other.positions),
        (one.velocities, other.velocities),
        (one.accelerations, other.accelerations),
    )
    return np.array([np.abs(left - right)[places].max() for left, right in pairs])


class SeamCount:
    """State: how many seams there were, the sum and the largest of each kind. One thread."""

    def __init__(self) -> None:
        self.count = 0
        self._sums, self._largest = np.zeros(3), np.zeros(3)

    def add(self, seam: Seam) -> None:
        """One more."""
        values = np.array([seam.position, seam.velocity, seam.acceleration])
        self.count += 1
        self._sums, self._largest = self._sums + values, np.maximum(self._largest, values)

    @property
    def mean(self) -> Seam:
        """Mean of each kind; zeros before the first."""
        return Seam(*(self._sums / max(self.count, 1)).tolist())

    @property
    def largest(self) -> Seam:
        """Largest of each kind; zeros before the first."""
        return Seam(*self._largest.tolist())
