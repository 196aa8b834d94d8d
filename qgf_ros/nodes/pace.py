"""Counts the ticks that a periodic timer served and dropped."""

from __future__ import annotations


class Pace:
    """A timer that is late by a period or more drops ticks and keeps its phase; the time of its next tick tells how many.

    Times in ns of a steady clock.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._next_ns: int | None = None
        self.missed = 0

    def serve(self, next_ns: int) -> int:
        """Notes that a tick is being served, given when the next is due; how many before it were missed."""
        missed = (
            0 if self._next_ns is None else max(round((next_ns - self._next_ns) / self._period_ns) - 1, 0)
        )
        self._next_ns = next_ns
        self.missed += missed
        return missed
