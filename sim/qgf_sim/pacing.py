"""When to step: by a steady clock, or when a tick has been answered. Plain counting, no clock of its own; times in ns."""

from __future__ import annotations


class Pace:
    """Counts ticks against a steady clock: how many fell due, and how many were not served within their period."""

    def __init__(self, period_ns: int, now_ns: int) -> None:
        self._period_ns = period_ns
        self._start_ns = now_ns
        self._served = 0
        self.missed = 0

    def due(self, now_ns: int) -> int:
        """Ticks that fell due since the last call; all but the newest of them were missed."""
        reached = round((now_ns - self._start_ns) / self._period_ns)
        due, self._served = max(reached - self._served, 0), max(reached, self._served)
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
