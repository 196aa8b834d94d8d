"""What a controller says of its own speed, so that the path waits for an arm that follows slowly."""

from __future__ import annotations

import math
from collections import deque

MAX_AGE_S = 0.5
REMEMBERED_S = 1.0


class SpeedScaling:
    """State: the shares of full speed said within the last `REMEMBERED_S` before the newest. One thread.

    Where nothing has come for `MAX_AGE_S` the slowest of those counts; where nothing ever came, the arm stands still.
    """

    def __init__(self, topic: str | None) -> None:
        """`topic`: where the contract says that it comes from; None: the controller says nothing, full speed."""
        self._topic = topic
        self._said: deque[tuple[int, float]] = deque()

    def note(self, percent: float, now_ns: int) -> None:
        """The controller follows at `percent` of full speed; what is no number from 0 to 100 reads as 0."""
        share = min(percent / 100.0, 1.0) if math.isfinite(percent) and percent >= 0.0 else 0.0
        while self._said and not 0 <= now_ns - self._said[0][0] <= REMEMBERED_S * 1e9:
            self._said.popleft()
        self._said.append((now_ns, share))

    def share(self, now_ns: int) -> tuple[float, str]:
        """The share of full speed at this tick, in [0, 1], and a sentence where it has not been said lately."""
        if self._topic is None:
            return 1.0, ""
        if not self._said:
            return 0.0, f"Nothing has come on '{self._topic}' yet: the arm stands still."
        newest_ns, share = self._said[-1]
        if abs(now_ns - newest_ns) <= MAX_AGE_S * 1e9:
            return share, ""
        slowest = min(share for _, share in self._said)
        sentence = f"Nothing has come on '{self._topic}' for {MAX_AGE_S:g} s: the slowest that it said counts, {slowest:.0%}."
        return slowest, sentence
