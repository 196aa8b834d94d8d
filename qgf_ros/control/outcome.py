"""What a tick of the session came to: the command with all that was found, and how often each finding began."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from qgf_ros.control.reasons import finding
from qgf_ros.datatypes import Finding, JointCommand, Rung, Sender


@dataclass(frozen=True)
class Tick:
    """One tick's outcome. Without a command nothing may be sent. `refused` is the reason code of a chunk not taken.

    `findings` are the command's, or what is found where there is none. `clock_leaps`: of the node's clock so far. `checks`: names of
    those of the session that ran for it, beside the limits'. `in_command`: whose chunks are taken.
    """

    command: JointCommand | None
    rung: Rung
    reason: str
    refused: str
    wanted_from_ns: int
    findings: tuple[Finding, ...] = ()
    clock_leaps: int = 0
    checks: tuple[str, ...] = ()
    in_command: Sender = Sender.POLICY


class Outcomes:
    """State: the findings of the last tick, counts, a refused chunk that was not reported yet. One thread."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # see `CommandSession.counts`
        self._before: frozenset[str] = frozenset()
        self._refused = ""

    def refuse(self, reason: str) -> None:
        """A chunk was refused: the next tick says so."""
        self._refused = reason
        self.counts[f"refused:{reason}"] += 1

    def tick(
        self,
        command: JointCommand | None,
        stopped: str,
        holding: str,
        wanted_from_ns: int,
        slowed: tuple[Finding, ...],
        clock_leaps: int = 0,
        checks: tuple[str, ...] = (),
        silenced: tuple[str, ...] = (),
    ) -> Tick:
        """The outcome; `stopped`: reason of a latched stop, if one is in force; `holding`: why the arm holds if it does;
        `silenced`: why nothing is sent beside that.
        """
        rung = command.rung if command is not None else Rung.HOLD
        reason = command.reason if command is not None else holding
        if stopped:
            rung, reason = Rung.STOP, stopped
        own = [finding(code) for code in dict.fromkeys((reason, *silenced))]
        found = slowed if rung in (Rung.CHUNK, Rung.TAIL) else tuple(filter(None, own))
        if command is not None:
            found = command.findings + found
            if found != command.findings or stopped:
                command = replace(command, rung=rung, reason=reason, findings=found)
        self._count(found)
        refused, self._refused = self._refused, ""
        wanted_ns = wanted_from_ns if command is not None and command.wants_chunk else 0
        return Tick(command, rung, reason, refused, wanted_ns, found, clock_leaps, checks)

    def _count(self, found: tuple[Finding, ...]) -> None:
        kinds = frozenset(f"{entry.verdict.value}:{entry.reason}" for entry in found)
        self.counts.update(kinds - self._before)
        self._before = kinds
