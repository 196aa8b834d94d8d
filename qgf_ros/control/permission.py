"""Whether the arm may move, and why not: what the operator wants, what is broken at present, what is latched."""

from __future__ import annotations

from qgf_ros.control.latch import Latch
from qgf_ros.errors import ObservationRefused


class Permission:
    """State: whether the command has been placed, whether motion is wanted, why the arm holds. One thread."""

    def __init__(self, resume_within_s: float) -> None:
        self._resume_within_s = resume_within_s
        self.latch = Latch()
        self.clear()

    def clear(self) -> None:
        """The robot is not known: the command has no place, and nobody wants motion. A latched stop stays."""
        self.is_placed = self.is_started = False
        self.reason = self._stop_reason = "not started"  # why the arm holds, if it does
        self.fault = ""
        self.away = ""  # the arm stands elsewhere than it was commanded to rest, and is sent nothing
        self._broken_since_ns: int | None = None

    def start(self) -> None:
        """The operator wants motion, and nothing is against it."""
        self.is_started, self._broken_since_ns, self.fault = True, None, ""

    def stop(self, reason: str) -> None:
        """Motion needs another start."""
        self.is_started, self._stop_reason, self.reason = False, reason, reason

    def suffer(self, error: ObservationRefused, now_ns: int) -> None:
        """Something cannot be trusted at this time; after `resume_within_s` of that motion needs another start."""
        self.fault = str(error)
        if self._broken_since_ns is None:
            self._broken_since_ns = now_ns
        if self.is_started and (now_ns - self._broken_since_ns) * 1e-9 > self._resume_within_s:
            self.stop(error.reason)
        self.reason = error.reason

    def recover(self) -> bool:
        """All can be trusted again; True where something could not before."""
        was_broken = self._broken_since_ns is not None
        if was_broken:
            self._broken_since_ns, self.fault, self.reason = None, "", self._stop_reason
        return was_broken

    @property
    def sentence(self) -> str:
        """What is wrong, for people; empty where nothing is."""
        return " ".join(filter(None, (self.latch.sentence, self.away))) or self.fault

    @property
    def is_well(self) -> bool:
        """True unless something was refused and has not been made good."""
        return not self.sentence and self._broken_since_ns is None
