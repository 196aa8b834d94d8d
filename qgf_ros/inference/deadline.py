"""When a chunk must be there, on a clock that only goes forward: the machine's own, or in lockstep one that is stated."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Seconds since some moment of its own; never goes back."""

    def now_s(self) -> float:
        """The time."""
        ...

    def spend(self, stated_s: float) -> None:
        """Work that is stated to take `stated_s` was done: on a real clock its time has passed already."""
        ...


class MonotonicClock:
    """The machine's monotonic clock: no jump of the date moves a deadline."""

    def now_s(self) -> float:
        """The time."""
        return time.monotonic()

    def spend(self, stated_s: float) -> None:
        """Nothing: the work took what it took."""


class VirtualClock:
    """State: the time, which passes only where work is stated to take some. Runs on it repeat bit by bit."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def now_s(self) -> float:
        """The time."""
        return self._now_s

    def spend(self, stated_s: float) -> None:
        """The time goes on by `stated_s`."""
        self._now_s += max(stated_s, 0.0)


@dataclass(frozen=True)
class Deadline:
    """A chunk should be sent at `at_s` on `clock`; sent later than `useless_at_s` it would do harm and is dropped."""

    clock: Clock
    at_s: float
    useless_at_s: float

    @classmethod
    def within(cls, clock: Clock, budget_s: float, grace_s: float) -> Deadline:
        """`budget_s` from now, and useless `grace_s` after that."""
        at_s = clock.now_s() + budget_s
        return cls(clock, at_s, at_s + grace_s)

    def left_s(self) -> float:
        """Time until the deadline; negative after it."""
        return self.at_s - self.clock.now_s()

    def useful_s(self) -> float:
        """Time until a chunk is useless; negative after that."""
        return self.useless_at_s - self.clock.now_s()
