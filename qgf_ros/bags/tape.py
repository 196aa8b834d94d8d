"""Where a recorder's messages go: into a bag on the disk, into the ring of the last seconds, and past the audit. Without ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from qgf_ros.bags.audit import Audit, Disk, Report
from qgf_ros.bags.episodes import Episodes
from qgf_ros.bags.ring import Heard, Ring
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.errors import CannotWriteError, InvalidSetting, NotReadyError

KEPT_S = 30.0
MOST_BYTES = 256 << 20


class Tape:
    """State: the open bag and the ring, each where it was asked for; counts. One thread.

    `lost`: by topic, how many messages were published while we listened and did not come.
    """

    def __init__(
        self,
        folder: Path | None,
        saved: Path | None,
        places: list[Path],
        storage: Storage,
        audit: Audit,
        facts: Mapping[str, str],
    ) -> None:
        """`folder` of the bag, `saved` of those that `save` makes, None for none; `facts` stand in the metadata of each.

        Raises:
            InvalidSetting: neither was asked for.
            FolderExistsError, CannotWriteError: as `BagWriter`.
        """
        if folder is None and saved is None:
            raise InvalidSetting("Parameter record", "", "the name of a new folder, or empty beside a ring")
        self._places, self._storage, self._facts = places, storage, dict(facts)
        self._bag = None if folder is None else BagWriter(folder, places, storage=storage)
        self._saved = saved
        self._ring: Ring[Heard] | None = None if saved is None else Ring(KEPT_S, MOST_BYTES)
        self.folder, self.episodes, self._audit = folder, Episodes(), audit
        self._types: dict[str, tuple[str, bool]] = {}  # and whether the newest message of the topic holds
        self._newest: dict[bytes, int] = {}  # the newest number of each publisher
        self.counts: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._first_ns: int | None = None
        self._last_ns = 0

    def add_topic(self, topic: str, type_name: str, is_held: bool = False) -> None:
        """A topic of type `PACKAGE/msg/NAME`; `is_held`: it says how things are until its next message, and is kept for latecomers.

        Raises:
            MissingDefinitionError: as `BagWriter.add_topic`; nothing is known of the topic then.
        """
        if self._bag is not None:
            self._bag.add_topic(topic, type_name)
        self._types[topic] = (type_name, is_held)

    def write(
        self, topic: str, data: bytes, received_ns: int, sent_ns: int, number: int, publisher: bytes
    ) -> None:
        """A serialised message: `number` is its publisher's count, 0 where it has none.

        Raises:
            OSError: the disk takes no more.
        """
        self._count(topic, number, publisher)
        self._first_ns = received_ns if self._first_ns is None else self._first_ns
        self._last_ns = max(self._last_ns, received_ns)
        self.counts[topic] += 1
        self._audit.note(topic, sent_ns, len(data))
        if self._ring is not None:
            type_name, is_held = self._types[topic]
            heard = Heard(topic, type_name, data, received_ns, sent_ns, number)
            self._ring.hold(heard) if is_held else self._ring.add(heard)
        if self._bag is not None:
            self._bag.write(topic, data, received_ns, sent_ns, number)

    def _count(self, topic: str, number: int, publisher: bytes) -> None:
        if not number:
            return
        missing = number - self._newest.get(publisher, number - 1) - 1
        self._newest[publisher] = number
        if missing > 0:
            self.lost[topic] += missing

    def sync(self) -> None:
        """What has come is on the disk. Raises OSError."""
        if self._bag is not None:
            self._bag.facts = self._all_facts()
            self._bag.sync()

    def close(self) -> None:
        """Finishes the bag. Raises OSError."""
        if self._bag is not None:
            self._bag.facts = self._all_facts()
            self._bag.close()

    def abandon(self) -> None:
        """After a failure: what had reached the disk stays."""
        if self._bag is not None:
            self._bag.abandon()

    def save(self, now_ns: int) -> tuple[Path, float]:
        """Writes the ring into a new bag, whose name has the time (`now_ns` since 1970): its folder, and how many seconds it holds.

        Raises:
            NotReadyError: there is no ring, or nothing in it yet.
            FolderExistsError, CannotWriteError: the bag cannot be written.
        """
        if self._ring is None or self._saved is None:
            raise NotReadyError("No ring is kept: give the parameter ring a folder.")
        messages = self._ring.messages
        if not messages:
            raise NotReadyError("Nothing has been heard yet that could be saved.")
        stamp = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._saved.expanduser().absolute() / f"saved-{stamp}"
        try:
            bag = BagWriter(path, self._places, storage=self._storage)
            for topic in dict.fromkeys(heard.topic for heard in messages):
                bag.add_topic(topic, self._types[topic][0])
            for heard in messages:
                bag.write(heard.topic, heard.data, heard.time_ns, heard.sent_ns, heard.number)
            bag.facts = self._facts
            bag.close()
        except OSError as error:
            raise CannotWriteError(path, error) from error
        return path, self._ring.seconds

    def report(self) -> Report:
        """The audit of all so far. Raises OSError where the folder is gone."""
        seconds = 0.0 if self._first_ns is None else (self._last_ns - self._first_ns) * 1e-9
        disk = Disk(0, 0, float("inf")) if self.folder is None else Disk.of(self.folder, seconds)
        return Report(tuple(self._audit.rows(self.lost)), self.episodes.figures, seconds, disk)

    def _all_facts(self) -> dict[str, str]:
        """For the metadata: how many messages of each topic are missing, and of all; and what else was given."""
        lost = {"lost": str(self.lost.total())} | {f"lost{topic}": str(n) for topic, n in self.lost.items()}
        return lost | self._facts
