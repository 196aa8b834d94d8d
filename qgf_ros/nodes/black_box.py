"""The black box: the last seconds of what a node took and sent, which a latched stop writes into a bag.

Messages are kept serialised, in bounded memory. They are written once the arm is at rest, a few after each tick's command has
left, so that no command waits for a disk.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rclpy.serialization import serialize_message

from qgf_ros.bags.definitions import prefixes
from qgf_ros.bags.ring import Ring
from qgf_ros.bags.writer import BagWriter
from qgf_ros.errors import QgfError
from qgf_ros.nodes.cdr import exact

KEPT_S = 12.0  # ten seconds before the stop, and the way to rest
MOST_BYTES = 64 << 20
BATCH = 20  # messages a tick: ten seconds of them are written in about two
CHUNK_BYTES = 64 << 10  # of the file: compressing one takes a fraction of a millisecond


@dataclass(frozen=True)
class Kept:
    """One message: its resolved topic and class, when it came or was sent (ns since 1970), its content."""

    topic: str
    kind: type
    time_ns: int
    data: bytes


class BlackBox:
    """State: the ring, and the bag being written if there is one. One thread."""

    def __init__(
        self, folder: Path | None, name: str, facts: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`folder` of the recordings, None: off; `name` of the node begins theirs; `facts` stand in each one's metadata."""
        self._facts = dict(facts)
        self._folder, self._name = folder, re.sub(r"\W+", "_", name).strip("_")
        self._ring: Ring[Kept] = Ring(KEPT_S, MOST_BYTES)
        self._fresh: list[tuple[str, int, Any]] = []
        self._waiting: deque[Kept] = deque()
        self._bag: BagWriter | None = None
        self._numbers: Counter[str] = Counter()
        self.path: Path | None = None  # of the newest recording
        self.error = ""

    @property
    def is_on(self) -> bool:
        """True where latched stops are recorded."""
        return self._folder is not None

    @property
    def is_writing(self) -> bool:
        """True while messages wait to be written."""
        return self._bag is not None

    def note(self, topic: str, message: Any, time_ns: int) -> None:
        """Notes a message; it is serialised with the next `serve`, and must not be changed until then."""
        if self.is_on:
            self._fresh.append((topic, time_ns, message))

    def state(self, topic: str, message: Any, time_ns: int) -> None:
        """Notes a message that holds until the next one of its topic: the newest stays, however old it is."""
        if self.is_on:
            self._ring.hold(_kept(topic, time_ns, message))

    def serve(self) -> None:
        """To be called after each tick's command: takes in what was noted, forgets what is old, writes a few."""
        for topic, time_ns, message in self._fresh:
            self._ring.add(_kept(topic, time_ns, message))
        self._fresh = []
        if self._bag is not None:
            self._attempt(BATCH)

    def begin(self, reason: str, now_ns: int) -> None:
        """Begins to write what is kept now into a new bag, whose name has the time (`now_ns` since 1970) and the reason.

        A recording that is still being written is finished first. What cannot be written is said in `error`.
        """
        if self._folder is None:
            return
        self.finish()
        stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder.expanduser().absolute() / f"{self._name}-{stamp}-{re.sub(r'[^a-z_]', '', reason)}"
        self.error = ""
        try:
            self._bag = BagWriter(path, prefixes(), CHUNK_BYTES)
            self._bag.facts = self._facts | {"reason": reason}
        except (QgfError, OSError) as error:
            self.error = f"The black box was not written: {error}"
            return
        self.path = path
        self._numbers.clear()
        self._waiting = deque(self._ring.messages)

    def finish(self) -> None:
        """Writes the rest at once and closes the bag."""
        if self._bag is not None:
            self._attempt(len(self._waiting) + 1)

    def _attempt(self, most: int) -> None:
        """Whatever goes wrong ends the recording, never the caller."""
        try:
            self._write(most)
        except Exception as error:  # a full disk, a message without definition: a command node goes on
            self.error = f"The black box {self.path} ends early: {error!r}"
            if self._bag is not None:
                self._bag.abandon()
            self._bag = None
            self._waiting.clear()

    def _write(self, most: int) -> None:
        assert self._bag is not None, "begun"
        for _ in range(min(most, len(self._waiting))):
            kept = self._waiting.popleft()
            if kept.topic not in self._numbers:
                self._bag.add_topic(kept.topic, _name(kept.kind))
            self._numbers[kept.topic] += 1
            data, number = exact(kept.data, kept.kind), self._numbers[kept.topic]
            self._bag.write(kept.topic, data, kept.time_ns, kept.time_ns, number)
        if not self._waiting:
            self._bag.close()
            self._bag = None


def _kept(topic: str, time_ns: int, message: Any) -> Kept:
    return Kept(topic, type(message), time_ns, serialize_message(message))


def _name(kind: type) -> str:
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
