"""A message as it lies in a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Wanted = Callable[[str, str], bool]
"""Whether messages of a topic, of a type, are wanted: others are passed over where they lie."""

EVER_NS = 2**63 - 1  # no end


class Span(NamedTuple):
    """Which messages, by when they came to the recorder, ns: those before `since_ns` may be left out, the first after `until_ns` ends."""

    since_ns: int = 0
    until_ns: int = EVER_NS


class Recorded(NamedTuple):
    """One message: when it came to the recorder and when it was sent (ns), its publisher's count, its serialised content."""

    topic: str
    type_name: str
    received_ns: int
    sent_ns: int
    sequence: int
    data: bytes


def every_topic(_topic: str, _type_name: str) -> bool:
    """All are wanted."""
    return True


def full_name(namespace: str, topic: str) -> str:
    """A topic as it is recorded: in a namespace, which ends in a slash, unless it is named from the root."""
    return topic if topic.startswith("/") else namespace + topic


WHOLE = Span()
