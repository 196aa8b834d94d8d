"""Feeds a verifier with plain values, as a process does that watches its own commands."""

from __future__ import annotations

from collections.abc import Iterable

from verified_world import Certified, Command, Emergency, Entry, Executed, Limits

from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.sent import Sent
from qgf_ros.verify.verifier import Verifier
from qgf_ros.verify.violation import Violation


def feed(verifier: Verifier, entries: Iterable[Entry]) -> list[Violation]:
    """All violations."""
    found: list[Violation] = []
    sent: list[Sent] = []
    executed = None
    for entry in entries:
        match entry:
            case JointReading():
                verifier.joints(entry)
            case ActionChunk():
                verifier.chunk(entry)
            case Limits():
                found += verifier.limits(entry.texts)
            case Emergency():
                verifier.emergency(entry.pressed)
            case Command():
                sent.append(entry)
            case Executed():
                executed = entry.command
            case Certified():
                found += verifier.tick(entry.certificate, entry.stamp_ns, sent, executed)
                sent, executed = [], None
    return found
