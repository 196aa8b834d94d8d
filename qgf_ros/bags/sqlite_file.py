"""One sqlite3 file of a bag, in rosbag2's tables. Nothing in the file is executed: only plain tables of its layout are read."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgf_ros.bags.recorded import WHOLE, Recorded, Span, Wanted, every_topic
from qgf_ros.bounds import GIB, NAMES, RECORD_BYTES, check_file
from qgf_ros.errors import UnreadableFileError

WHAT = "an undamaged sqlite3 file of rosbag2"
SUFFIX = ".db3"
BESIDE = ("-wal", "-journal")  # what a recorder that was killed leaves: the last seconds are in it
SCHEMA_BYTES = 4096
COLUMNS = {"topics": ("id", "name", "type"), "messages": ("id", "topic_id", "timestamp", "data")}
_HEAD = b"SQLite format 3\0"
# A table of named, typed columns and nothing else: no expression, no default, no generated column, no view, no trigger.
_PLAIN = re.compile(
    r"CREATE TABLE \"?\w+\"? ?\(\s*(?:\w+ (?:INTEGER|TEXT|BLOB)(?: PRIMARY KEY| NOT NULL)?\s*,?\s*)+\)", re.I
)


def read_sqlite(path: Path, wanted: Wanted = every_topic, span: Span = WHOLE) -> Iterator[Recorded]:
    """The messages of wanted topics of a file in the order of writing; of an unfinished one as far as its recorder had committed.

    rosbag2 stores one time a message in this storage, when it came; it stands for the time of sending too.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is no such database, damaged, or of another layout.
    """
    check_file(path, 2**63)
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(_opened(path, stack))
            topics = _topics(connection)
            rows = connection.execute(*_query(topics, wanted, span.since_ns))
            while row := rows.fetchone():
                message = _recorded(row, topics)
                if message.received_ns > span.until_ns:
                    return
                yield message
        except (sqlite3.Error, ValueError, OverflowError, OSError) as error:
            raise UnreadableFileError(path, WHAT, " ".join(str(error).split())) from error


def _opened(path: Path, stack: contextlib.ExitStack) -> contextlib.closing[sqlite3.Connection]:
    """The database, read only. One that was left unfinished is completed in a copy: the recording itself is never written to."""
    with path.open("rb") as file:
        if file.read(len(_HEAD)) != _HEAD:
            raise ValueError("it does not begin as one")
    beside = [path.with_name(path.name + end) for end in BESIDE]
    if not any(other.is_file() for other in beside):
        return _connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qgf_bag_")))
    for file_ in [path, *filter(Path.is_file, beside)]:
        check_file(file_, 64 * GIB)
        shutil.copyfile(file_, folder / file_.name)
    return _connect((folder / path.name).as_uri())


def _connect(uri: str) -> contextlib.closing[sqlite3.Connection]:
    connection = sqlite3.connect(uri, uri=True)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, RECORD_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return contextlib.closing(connection)


def _topics(connection: sqlite3.Connection) -> dict[int, tuple[str, str]]:
    """Name and type of each topic by its number, after the tables were found to be plain ones."""
    for table, columns in COLUMNS.items():
        found = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        if len(found) != 1 or found[0][0] != "table":
            raise ValueError(f"it has no table '{table}'")
        if len(found[0][1]) > SCHEMA_BYTES or _PLAIN.fullmatch(found[0][1].strip()) is None:
            raise ValueError(f"its table '{table}' is more than plain columns")
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        missing = [column for column in columns if column not in names]
        if missing:
            raise ValueError(f"its table '{table}' lacks {', '.join(missing)}")
    rows = connection.execute("SELECT id, name, type FROM topics LIMIT ?", (NAMES + 1,)).fetchall()
    if len(rows) > NAMES:
        raise ValueError(f"it has more than {NAMES} topics")
    if not all(
        isinstance(number, int) and isinstance(name, str) and isinstance(kind, str)
        for number, name, kind in rows
    ):
        raise ValueError("a topic has no name or type")
    return {number: (name, kind) for number, name, kind in rows}


def _query(topics: dict[int, tuple[str, str]], wanted: Wanted, since_ns: int) -> tuple[str, list[int]]:
    """What is asked for, with its parameters: where all topics are wanted, also messages of a topic that there is not."""
    chosen = [number for number, named in topics.items() if wanted(*named)]
    is_all, conditions = len(chosen) == len(topics), list[str]()
    conditions += [] if is_all else [f"topic_id IN ({','.join('?' * len(chosen))})"]
    conditions += ["timestamp >= ?"] if since_ns else []
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    values = [*([] if is_all else chosen), *([since_ns] if since_ns else [])]
    return f"SELECT topic_id, timestamp, data FROM messages {where}ORDER BY id", values


def _recorded(row: tuple[Any, ...], topics: dict[int, tuple[str, str]]) -> Recorded:
    topic, time_ns, data = row
    if topic not in topics or not isinstance(time_ns, int) or not isinstance(data, bytes):
        raise ValueError(f"a message of topic {topic!r} is none of its topics, or has no time or content")
    name, kind = topics[topic]
    return Recorded(name, kind, time_ns, time_ns, 0, data)
