"""Writes a bag: one file of messages and a metadata.yaml in a new folder, as rosbag2 does. What was flushed survives a crash."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from pathlib import Path

import yaml

from qgf_ros.bags.definitions import definition
from qgf_ros.bags.storage import SUFFIX, Storage, open_storage
from qgf_ros.errors import CannotWriteError, FolderExistsError

LAYOUT_VERSION = 9  # of metadata.yaml
METADATA = "metadata.yaml"


class BagWriter:
    """State: the open file, its topics and counts. `close` must be called; until then readers see what was flushed last."""

    def __init__(
        self, folder: Path, places: list[Path], chunk_bytes: int = 1 << 20, storage: Storage = Storage.MCAP
    ) -> None:
        """Makes the folder; message definitions are looked for below `places`. So many bytes are compressed at a time in mcap.

        Raises:
            FolderExistsError: there is something of that name: a recording is never written over.
            CannotWriteError: the folder or the file in it cannot be made.
        """
        if folder.exists():
            raise FolderExistsError(folder)
        try:
            folder.mkdir(parents=True)
            self._name = f"{folder.name}_0{SUFFIX[storage]}"
            self._file = open_storage(storage, folder / self._name, chunk_bytes, _ros_distro())
        except OSError as error:
            raise CannotWriteError(folder, error) from error
        self._folder, self._places, self._storage = folder, places, storage
        self._channels: dict[str, tuple[int, str]] = {}
        self.counts: Counter[str] = Counter()
        self.facts: dict[str, str] = {}  # what else shall stand in metadata.yaml, under custom_data
        self._first_ns: int | None = None
        self._last_ns = 0
        self._write_metadata()

    def add_topic(self, topic: str, type_name: str) -> None:
        """Declares a topic (`/name`) of type `PACKAGE/msg/NAME`; its definition goes into the file.

        Raises:
            MissingDefinitionError: as `definition`.
        """
        channel = self._file.declare(topic, type_name, definition(type_name, self._places))
        self._channels[topic] = (channel, type_name)

    def write(self, topic: str, data: bytes, received_ns: int, sent_ns: int, sequence: int) -> None:
        """Adds a serialised message; `sequence` is its publisher's count, which tells of lost ones.

        Raises:
            KeyError: the topic was not added.
        """
        channel, _ = self._channels[topic]
        self._file.write(channel, data, received_ns, sent_ns, sequence)
        self.counts[topic] += 1
        self._first_ns = received_ns if self._first_ns is None else min(self._first_ns, received_ns)
        self._last_ns = max(self._last_ns, received_ns)

    def flush(self) -> None:
        """Hands everything so far to the operating system."""
        self._file.flush()
        self._write_metadata()

    def sync(self) -> None:
        """As `flush`, and waits until the messages are on the disk."""
        self._file.sync()
        self._write_metadata()

    def close(self) -> None:
        """Finishes the file, so that every reader takes it."""
        self._file.close()
        self._write_metadata()

    def abandon(self) -> None:
        """After a failure: lets go of the file. What had reached it can be read; nothing is raised."""
        with contextlib.suppress(OSError, sqlite3.Error):  # what was left in the buffer finds no place either
            self._file.abandon()

    def _write_metadata(self) -> None:
        start = {"nanoseconds_since_epoch": self._first_ns or 0}
        duration = {"nanoseconds": self._last_ns - (self._first_ns or 0)}
        total = self.counts.total()
        topics = [
            {
                "topic_metadata": {
                    "name": topic,
                    "type": type_name,
                    "serialization_format": "cdr",
                    "offered_qos_profiles": [],
                    "type_description_hash": "",
                },
                "message_count": self.counts[topic],
            }
            for topic, (_, type_name) in self._channels.items()
        ]
        file = {"path": self._name, "starting_time": start, "duration": duration, "message_count": total}
        content = {
            "version": LAYOUT_VERSION,
            "storage_identifier": self._storage.value,
            "duration": duration,
            "starting_time": start,
            "message_count": total,
            "topics_with_message_count": topics,
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [self._name],
            "files": [file],
            "custom_data": dict(self.facts),
            "ros_distro": _ros_distro(),
        }
        temporary = self._folder / f"{METADATA}.new"
        temporary.write_text(yaml.safe_dump({"rosbag2_bagfile_information": content}, sort_keys=False))
        temporary.replace(self._folder / METADATA)


def _ros_distro() -> str:
    return os.environ.get("ROS_DISTRO", "unknown")
