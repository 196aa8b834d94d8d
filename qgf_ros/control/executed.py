"""Counts the actions that really began, so that a chunk is aligned by them and not by time."""

from __future__ import annotations

from collections import deque


class ExecutedActions:
    """State: how many actions began, and the last tick of each. One thread.

    Stamps are those of ticks, ns, and grow. The action in force at the first tick at or after an observation is the one
    that the observation's chunk calls its action 0; where none is in force, it is the next one to begin.
    """

    def __init__(self, kept: int) -> None:
        """Remembers the last tick of each of the last `kept` actions: its stamp, and the action's number."""
        self._last_ticks: deque[tuple[int, int]] = deque(maxlen=kept)
        self.clear()

    def clear(self) -> None:
        """Nothing has begun."""
        self._last_ticks.clear()
        self._begun = 0
        self._goes_on = False

    @property
    def begun(self) -> int:
        """How many actions began."""
        return self._begun

    def note(self, stamp_ns: int, begins: bool, in_force: bool, goes_on: bool) -> None:
        """A tick: whether an action began at it, is in force at it, and will still be at the next tick."""
        self._begun += begins
        number = self._begun - in_force
        if self._last_ticks and self._last_ticks[-1][1] == number:
            self._last_ticks.pop()
        self._last_ticks.append((stamp_ns, number))
        self._goes_on = goes_on

    def since(self, observed_ns: int) -> int:
        """How many actions began since the observation, the one in force then included: the index to go on at."""
        for last_ns, number in self._last_ticks:
            if last_ns >= observed_ns:
                return self._begun - number
        return int(self._goes_on)
