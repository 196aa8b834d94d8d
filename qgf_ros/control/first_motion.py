"""How a policy's first motion begins: slowly, or not at all, where its data never began."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from qgf_ros.errors import MotionRefused
from qgf_ros.seen import Seen

TOLERANCE = 0.1  # rad or m around the ranges of the data
SLOW_SCALE = 0.1
SLOW_S = 2.0  # a slow begin lasts at least so long


class FirstMotion(Enum):
    """What follows where the arm stands away from every pose in which an episode of the data began."""

    SLOW = "slow"  # a tenth of the speed, for `SLOW_S` and until the arm is inside the data's ranges
    REFUSE = "refuse"


class FirstMotionGate:
    """State: whether the motion since the last start is still slow, and why. One thread."""

    def __init__(self, seen: Seen | None, policy: FirstMotion) -> None:
        """Without `seen` nothing is known of the data: motion that nobody has confirmed begins slowly."""
        self._seen = seen
        self._policy = policy
        self._since_ns = 0
        self.sentence = ""  # why motion is slow; empty where it is not

    def begin(self, measured: Mapping[str, float], now_ns: int, is_confirmed: bool) -> None:
        """A start at these positions, rad or m by name; `is_confirmed`: somebody has said that full speed is safe.

        Raises:
            MotionRefused: reason `unseen`, where the policy is to refuse.
        """
        self.sentence, self._since_ns = "", now_ns
        if self._seen is None:
            if not is_confirmed:
                self.sentence = "Motion begins slowly: the checkpoint does not say where its data began."
            return
        outside = self._seen.outside_starts(measured, TOLERANCE)
        if not outside:
            return
        found = f"{', '.join(outside)} more than {TOLERANCE:g} away from where any episode of the data began"
        if self._policy is FirstMotion.REFUSE:
            sentence = f"The arm stands with {found}: move it there, or set first_motion to slow."
            raise MotionRefused("unseen", sentence)
        self.sentence = f"Motion begins slowly, with {found}."

    def scale(self, measured: Mapping[str, float], now_ns: int) -> float:
        """The share of full speed at this tick. Without trustworthy positions (empty) nothing changes."""
        if self.sentence and measured and (now_ns - self._since_ns) * 1e-9 >= SLOW_S:
            is_inside = self._seen is None or not self._seen.outside(measured, TOLERANCE)
            self.sentence = "" if is_inside else self.sentence
        return SLOW_SCALE if self.sentence else 1.0
