"""What a tick of a session loop came to."""

from __future__ import annotations

from dataclasses import dataclass

from qgf_ros.control.session import Tick


@dataclass(frozen=True)
class Served:
    """One tick: seconds since the episode's beginning, node time, its outcome, the reasons of chunks that were refused.

    `broken`: limits that the command does not keep, by arithmetic of our own; `unverified`: what of its certificate does not hold.
    `failures`: exceptions that the session caught, and stops that its limiter could not plan.
    """

    at_s: float
    stamp_ns: int
    tick: Tick
    refused: tuple[str, ...]
    broken: tuple[str, ...]
    unverified: tuple[str, ...]
    failures: tuple[str, ...] = ()

    @property
    def unsafe(self) -> tuple[str, ...]:
        """All that must never be, one sentence each."""
        return self.broken + self.unverified + self.failures
