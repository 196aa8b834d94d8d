"""Counts the ticks that were served and dropped."""

from __future__ import annotations


class Pace:
    """A clock that is late by a period or more drops ticks and keeps its phase; the time of its next tick tells how many.

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


class DueTick:
    """In lockstep: the tick that was announced and not yet served. Ticks of an episode before a reset come too late."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._not_before_ns = 0
        self._since_ns = 0
        self.stamp_ns: int | None = None

    def announce(self, stamp_ns: int, now_ns: int) -> None:
        """The tick `stamp_ns` (sim time) came at `now_ns` (steady); one that was served or is due is only a repetition."""
        if stamp_ns >= self._not_before_ns and stamp_ns != self.stamp_ns:
            self.stamp_ns, self._since_ns = stamp_ns, now_ns

    def clear(self, not_before_ns: int = 0) -> None:
        """Nothing is due any more, and nothing older than `not_before_ns` will be."""
        self.stamp_ns, self._not_before_ns = None, not_before_ns

    def take(self) -> int:
        """The tick, which is then no longer due."""
        assert self.stamp_ns is not None, "the caller has asked whether a tick is due"
        stamp_ns, self.stamp_ns = self.stamp_ns, None
        self._not_before_ns = stamp_ns + 1
        return stamp_ns

    def is_overdue(self, now_ns: int) -> bool:
        """True when it has waited longer than the timeout."""
        return self.stamp_ns is not None and now_ns - self._since_ns > self._timeout_ns
