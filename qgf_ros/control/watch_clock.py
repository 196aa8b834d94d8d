"""Watches the node's clock against a steady one: going back, leaping ahead, standing still. Lesser leaps are counted alone."""

from __future__ import annotations

from enum import Enum

BACK_NS = 50_000_000  # a clock that is set right by less is taken as it comes
AHEAD_NS = 500_000_000
STANDING_NS = 500_000_000
LONGEST = 2  # ticks between two looks: one that was missed says little


class ClockState(Enum):
    """What the clock did since the last look."""

    FINE = "fine"
    BACK = "back"  # as when a simulator begins anew
    AHEAD = "ahead"  # what is known is older, or younger, than it seems
    STANDING = "standing"  # a simulator paused, or gone: nothing would ever grow stale


class ClockWatch:
    """State: the clock at the last look, and the steady clock when it last went on. One thread.

    `leaps`: how often it leapt by more than `BACK_NS`, either way: no time passed that ticks could have missed.
    """

    def __init__(self) -> None:
        self.leaps = 0
        self.clear()

    def clear(self) -> None:
        """Forgets the last look."""
        self._now_ns = 0
        self._steady_ns: int | None = None
        self._moved_ns = 0

    def look(self, now_ns: int, steady_ns: int | None) -> ClockState:
        """What the clock did; without a steady clock (lockstep: time goes on tick by tick) only BACK is found."""
        before_ns, self._now_ns = self._now_ns, now_ns
        before_steady_ns, self._steady_ns = self._steady_ns, steady_ns
        if now_ns < before_ns - BACK_NS:
            self._moved_ns = steady_ns or 0
            self.leaps += 1
            return ClockState.BACK
        if steady_ns is None or before_steady_ns is None:
            self._moved_ns = steady_ns or 0
            return ClockState.FINE
        if now_ns != before_ns:
            self._moved_ns = steady_ns
        ahead_ns = (now_ns - before_ns) - (steady_ns - before_steady_ns)
        self.leaps += ahead_ns > BACK_NS
        if ahead_ns > AHEAD_NS:
            return ClockState.AHEAD
        return ClockState.STANDING if steady_ns - self._moved_ns > STANDING_NS else ClockState.FINE


class LookTime:
    """Time as those know it who look at every tick. State: the last look. One thread.

    While none is served (a computer that stalls, joint states that did not come) nobody sees where the arm is, and an arm that
    stalled too is not late: a pause counts as `LONGEST` ticks, however long it was.
    """

    def __init__(self, tick_ns: int) -> None:
        self._longest_ns = LONGEST * tick_ns
        self._looked_ns = self._seen_ns = 0

    def look(self, now_ns: int) -> int:
        """A look at node time `now_ns`; how much time was looked at until then, ns from any origin."""
        self._seen_ns += min(max(now_ns - self._looked_ns, 0), self._longest_ns)
        self._looked_ns = now_ns
        return self._seen_ns
