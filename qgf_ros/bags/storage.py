"""Where a recording's messages go: an mcap file, or a sqlite3 file in rosbag2's tables. What was synced survives a crash."""

from __future__ import annotations

import os
import sqlite3
from enum import Enum
from pathlib import Path
from typing import Protocol

from mcap.writer import Writer

ENCODING = "ros2msg"
TABLES = """
CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, serialization_format TEXT NOT NULL,
    offered_qos_profiles TEXT NOT NULL, type_description_hash TEXT NOT NULL);
CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, encoding TEXT NOT NULL,
    encoded_message_definition TEXT NOT NULL, type_description_hash TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""
SCHEMA_VERSION = 4


class Storage(Enum):
    """The kinds of files, by rosbag2's names."""

    MCAP = "mcap"
    SQLITE = "sqlite3"


SUFFIX = {Storage.MCAP: ".mcap", Storage.SQLITE: ".db3"}


class StorageFile(Protocol):
    """One file that is being written. One thread."""

    def declare(self, topic: str, type_name: str, definition: str) -> int:
        """A topic, with the definition of its type; the number that `write` takes."""
        ...

    def write(self, topic: int, data: bytes, received_ns: int, sent_ns: int, sequence: int) -> None:
        """Adds a message."""
        ...

    def flush(self) -> None:
        """Hands everything so far to the operating system: it survives the end of this process."""
        ...

    def sync(self) -> None:
        """As `flush`, and waits until it is on the disk: it survives the end of the machine's power."""
        ...

    def close(self) -> None:
        """Finishes the file, so that every reader takes it."""
        ...

    def abandon(self) -> None:
        """Lets go of the file as it is."""
        ...


class McapFile:
    """State: the file, and the types declared so far. Messages are compressed in chunks, one at least each flush."""

    def __init__(self, path: Path, chunk_bytes: int) -> None:
        """Raises OSError where the file cannot be made."""
        self._file = path.open("wb")
        self._writer = Writer(self._file, chunk_size=chunk_bytes)
        self._writer.start(profile="ros2", library="qgf_ros")
        self._schemas: dict[str, int] = {}

    def declare(self, topic: str, type_name: str, definition: str) -> int:
        """See `StorageFile`."""
        if type_name not in self._schemas:
            self._schemas[type_name] = self._writer.register_schema(type_name, ENCODING, definition.encode())
        return int(self._writer.register_channel(topic, "cdr", self._schemas[type_name]))

    def write(self, topic: int, data: bytes, received_ns: int, sent_ns: int, sequence: int) -> None:
        """See `StorageFile`."""
        self._writer.add_message(topic, received_ns, data, sent_ns, sequence % 2**32)

    def flush(self) -> None:
        """See `StorageFile`."""
        self._writer.flush()
        self._file.flush()

    def sync(self) -> None:
        """See `StorageFile`."""
        self.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """See `StorageFile`."""
        self._writer.finish()
        self._file.close()

    def abandon(self) -> None:
        """See `StorageFile`."""
        self._file.close()


class SqliteFile:
    """State: the database, in a transaction from one flush to the next. Times of sending and counts have no place in it."""

    def __init__(self, path: Path, ros_distro: str) -> None:
        """Raises OSError where the file cannot be made."""
        path.open("xb").close()
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(
            "PRAGMA journal_mode = WAL"
        )  # a commit appends, and never waits for the disk
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(TABLES)
        self._connection.execute("INSERT INTO schema VALUES (?, ?)", (SCHEMA_VERSION, ros_distro))
        self._types: set[str] = set()
        self._connection.execute("BEGIN")

    def declare(self, topic: str, type_name: str, definition: str) -> int:
        """See `StorageFile`."""
        if type_name not in self._types:
            self._types.add(type_name)
            self._connection.execute(
                "INSERT INTO message_definitions (topic_type, encoding, encoded_message_definition, type_description_hash)"
                " VALUES (?, ?, ?, '')",
                (type_name, ENCODING, definition),
            )
        made = self._connection.execute(
            "INSERT INTO topics (name, type, serialization_format, offered_qos_profiles, type_description_hash)"
            " VALUES (?, ?, 'cdr', '', '')",
            (topic, type_name),
        )
        return int(made.lastrowid or 0)

    def write(self, topic: int, data: bytes, received_ns: int, sent_ns: int, sequence: int) -> None:
        """See `StorageFile`."""
        row = (topic, received_ns, data)
        self._connection.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", row)

    def flush(self) -> None:
        """See `StorageFile`."""
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")

    def sync(self) -> None:
        """See `StorageFile`. In WAL mode it is the checkpoint that waits for the disk."""
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """See `StorageFile`: one file is left, without a log beside it."""
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        self._connection.close()

    def abandon(self) -> None:
        """See `StorageFile`."""
        self._connection.close()


def open_storage(storage: Storage, path: Path, chunk_bytes: int, ros_distro: str) -> StorageFile:
    """A new file of that kind. Raises OSError where it cannot be made."""
    return McapFile(path, chunk_bytes) if storage is Storage.MCAP else SqliteFile(path, ros_distro)
