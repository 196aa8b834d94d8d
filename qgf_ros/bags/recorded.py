"""A message as it lies in a recording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recorded:
    """One message: when it came to the recorder and when it was sent (ns), its publisher's count, its serialised content."""

    topic: str
    type_name: str
    received_ns: int
    sent_ns: int
    sequence: int
    data: bytes
