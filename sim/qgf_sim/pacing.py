"""When to step: by a steady clock, or when a tick has been answered. Plain counting, no clock of its own; times in ns."""

from __future__ import annotations


class Pace:
    """Counts the ticks of a periodic timer: how many fell due, and how many the timer dropped.

    A timer that is late by a period or more drops ticks and keeps its phase; so the time of its next tick tells the count.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._next_ns: int | None = None
        self.missed = 0

    def due(self, next_ns: int) -> int:
        """Ticks since the last call, this one included, given when (steady) the timer's next tick is due."""
        due = 1 if self._next_ns is None else round((next_ns - self._next_ns) / self._period_ns)
        self._next_ns = next_ns
        self.missed += max(due - 1, 0)
        return due


class Lockstep:
    """Waits for a tick's certificate and for as many commands as it names."""

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self.clear()

    def clear(self) -> None:
        """Waits for nothing."""
        self._asked: tuple[int, int] | None = None  # the tick's stamp, and when it was announced
        self._commands_named: int | None = None
        self._commands_seen = 0

    def ask(self, stamp_ns: int, now_ns: int) -> None:
        """The tick `stamp_ns` was announced at `now_ns` (steady)."""
        self.clear()
        self._asked = (stamp_ns, now_ns)

    def certify(self, stamp_ns: int, commands: int) -> None:
        """A certificate came; one of another tick is ignored."""
        if self._asked is not None and stamp_ns == self._asked[0]:
            self._commands_named = commands

    def count_command(self) -> None:
        """A command came."""
        self._commands_seen += 1

    @property
    def is_waiting(self) -> bool:
        """True between `ask` and `clear`."""
        return self._asked is not None

    @property
    def is_answered(self) -> bool:
        """True when the certificate and all its commands are there."""
        return self._commands_named is not None and self._commands_seen >= self._commands_named

    def missing(self, now_ns: int) -> str:
        """What has been waited for longer than the timeout, in words; empty if nothing."""
        if self._asked is None or now_ns - self._asked[1] < self._timeout_ns or self.is_answered:
            return ""
        waited = f"within {self._timeout_ns * 1e-9:g} s"
        if self._commands_named is None:
            return f"no certificate came {waited}: is the command node active?"
        return f"only {self._commands_seen} of {self._commands_named} commands came {waited}: compare controllers and outputs"
