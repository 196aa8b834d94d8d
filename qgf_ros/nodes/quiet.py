"""Python's garbage collection, moved from wherever it strikes to just after a tick, and measured."""

from __future__ import annotations

import gc
import time

PERIOD_S = 1.0
SAFETY = 3.0  # a collection is begun when this many times the longest one so far fits before the next tick
LEAST_NS = 1_000_000  # of the time that must be left, before any was measured


class QuietCollector:
    """State: when it last ran, and the longest pause. From `begin` to `end` nothing is collected outside `rest`. One thread.

    What lives at `begin` is frozen, never looked at again, so that a full collection sees only what came since.
    """

    def __init__(self) -> None:
        self.worst_ns = 0
        self.runs = 0
        self._last_s = 0.0

    def begin(self) -> None:
        """Collects once, freezes what is left, and takes over."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._last_s = time.monotonic()

    def end(self) -> None:
        """Gives collecting back to Python."""
        gc.enable()
        gc.unfreeze()

    def rest(self, left_ns: int, is_at_rest: bool) -> bool:
        """Collects if it is time to, and it fits in `left_ns` or the arm stands still anyway; True if it did."""
        if time.monotonic() - self._last_s < PERIOD_S:
            return False
        if not is_at_rest and left_ns < max(SAFETY * self.worst_ns, LEAST_NS):
            return False
        begun_ns = time.perf_counter_ns()
        gc.collect()
        self.worst_ns = max(self.worst_ns, time.perf_counter_ns() - begun_ns)
        self.runs += 1
        self._last_s = time.monotonic()
        return True
