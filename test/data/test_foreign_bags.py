"""Bags as others write them: both storages, packed or not, cut into files, with and without metadata; and hostile databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import zstandard

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from hypothesis import given
from hypothesis import strategies as st
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from qgf_ros import bounds
from qgf_ros.bags.reader import bag_files, is_finished, read_bag
from qgf_ros.bags.sqlite_file import read_sqlite
from qgf_ros.bags.storage import TABLES
from qgf_ros.errors import QgfError, UnreadableFileError

STORE = get_typestore(Stores.LATEST)
KIND = "std_msgs/msg/String"
COUNT = 40


def write(
    folder: Path, plugin: StoragePlugin, mode: CompressionMode = CompressionMode.NONE, version: int = 9
) -> Path:
    """A bag of COUNT words, made by rosbags."""
    writer = Writer(folder, version=version, storage_plugin=plugin)  # type: ignore[arg-type]
    if mode is not CompressionMode.NONE:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer as bag:
        connection = bag.add_connection("/words", KIND, typestore=STORE)
        for count in range(COUNT):
            data = STORE.serialize_cdr(STORE.types[KIND](data=f"word {count}"), KIND)
            bag.write(connection, 1000 + count, data)
    return folder


def words(folder: Path) -> list[str]:
    """The words, in order."""
    return [str(STORE.deserialize_cdr(entry.data, entry.type_name).data) for entry in read_bag(folder)]


WORDS = [f"word {count}" for count in range(COUNT)]
MODES = [
    (StoragePlugin.SQLITE3, CompressionMode.NONE),
    (StoragePlugin.SQLITE3, CompressionMode.FILE),
    (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    (StoragePlugin.MCAP, CompressionMode.NONE),
    (StoragePlugin.MCAP, CompressionMode.FILE),
    (StoragePlugin.MCAP, CompressionMode.STORAGE),
]


@pytest.mark.parametrize(("plugin", "mode"), MODES, ids=[f"{a.name}-{b.name}" for a, b in MODES])
def test_bags_of_rosbags_are_read_whatever_their_storage_and_packing(
    tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode
) -> None:
    folder = write(tmp_path / "bag", plugin, mode)
    assert words(folder) == WORDS
    assert is_finished(folder)
    first = next(iter(read_bag(folder)))
    assert (first.topic, first.type_name, first.received_ns) == ("/words", KIND, 1000)


@pytest.mark.parametrize("version", [8, 9])
def test_each_version_of_the_metadata_is_read(tmp_path: Path, version: int) -> None:
    assert words(write(tmp_path / "bag", StoragePlugin.SQLITE3, version=version)) == WORDS


@pytest.mark.parametrize("plugin", list(StoragePlugin))
def test_a_bag_without_its_metadata_is_read(tmp_path: Path, plugin: StoragePlugin) -> None:
    folder = write(tmp_path / "bag", plugin)
    (folder / "metadata.yaml").unlink()
    assert words(folder) == WORDS


def test_files_of_one_bag_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    for number in (10, 9, 2, 0):
        (tmp_path / f"run_{number}.mcap").write_bytes(b"")
    assert [path.name for path in bag_files(tmp_path)] == [f"run_{number}.mcap" for number in (0, 2, 9, 10)]


def test_a_file_that_was_unpacked_by_hand_counts_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", StoragePlugin.MCAP, CompressionMode.FILE)
    [packed] = bag_files(folder)
    packed.with_suffix("").write_bytes(zstandard.ZstdDecompressor().stream_reader(packed.read_bytes()).read())
    assert words(folder) == WORDS


def test_messages_packed_by_an_unknown_method_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", StoragePlugin.SQLITE3, CompressionMode.MESSAGE)
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("zstd", "brotli"))
    with pytest.raises(UnreadableFileError, match="packed as 'brotli'"):
        words(folder)


def test_a_packed_file_that_is_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qgf_ros.bags.packed.MOST_BYTES", 1 << 20)
    (tmp_path / "bag_0.mcap.zstd").write_bytes(zstandard.ZstdCompressor().compress(bytes(1 << 26)))
    with pytest.raises(UnreadableFileError, match="longer than"):
        words(tmp_path)


def test_a_packed_message_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "bag", StoragePlugin.SQLITE3, CompressionMode.MESSAGE)
    bomb = zstandard.ZstdCompressor().compress(bytes(bounds.RECORD_BYTES + 1))
    with sqlite3.connect(folder / "bag.db3") as database:
        database.execute("UPDATE messages SET data = ? WHERE id = 3", (bomb,))
    database.close()
    with pytest.raises(UnreadableFileError, match="longer than"):
        words(folder)


def database(path: Path, script: str) -> Path:
    """A database of a stranger."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.commit()
    connection.close()
    return path


RECURSION = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT x AS id, 1 AS topic_id, 1 AS timestamp, '' AS data FROM n"
TOPICS = "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL); INSERT INTO topics VALUES (1, '/a', 'b/msg/C');"
MESSAGES = "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL);"
STRANGE = {
    "nothing": ("CREATE TABLE other(x INTEGER);", "no table 'topics'"),
    "a view that never ends": (f"{TOPICS} CREATE VIEW messages AS {RECURSION};", "no table 'messages'"),
    "a computed column": (
        f"{TOPICS} CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER,"
        " data BLOB GENERATED ALWAYS AS (zeroblob(1000000000)) VIRTUAL);",
        "more than plain columns",
    ),
    "a column less": (
        f"{TOPICS} CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER);",
        "lacks timestamp, data",
    ),
    "a topic that there is not": (
        f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 7, 1, x'00');",
        "none of its topics",
    ),
    "a text for a time": (f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 1, 'now', x'00');", "no time"),
    "a text for content": (
        f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 1, 1, 'words');",
        "no time or content",
    ),
    "many topics": (
        TOPICS + MESSAGES + "WITH RECURSIVE n(x) AS (SELECT 2 UNION ALL SELECT x+1 FROM n WHERE x < 1100)"
        " INSERT INTO topics SELECT x, '/t', 'b/msg/C' FROM n;",
        "more than 1000 topics",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_database_of_another_layout_is_refused(tmp_path: Path, name: str) -> None:
    script, problem = STRANGE[name]
    with pytest.raises(UnreadableFileError, match=problem):
        list(read_sqlite(database(tmp_path / "a.db3", script)))


def test_a_message_larger_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qgf_ros.bags.sqlite_file.RECORD_BYTES", 10_000)
    path = database(
        tmp_path / "a.db3", f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 1, 1, zeroblob(20000));"
    )
    with pytest.raises(UnreadableFileError, match="too big"):
        list(read_sqlite(path))


def test_tables_of_the_first_releases_are_read(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db3", f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 1, 5, x'0102');")
    [found] = read_sqlite(path)
    assert (found.topic, found.type_name, found.received_ns, found.data) == ("/a", "b/msg/C", 5, b"\1\2")


def test_our_own_tables_are_plain_ones(tmp_path: Path) -> None:
    assert list(read_sqlite(database(tmp_path / "a.db3", TABLES))) == []


@given(st.data())
def test_damaged_bytes_are_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("sqlite")
    content = bytearray(
        database(
            folder / "whole.db3", f"{TOPICS}{MESSAGES} INSERT INTO messages VALUES (1, 1, 1, x'00');"
        ).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    (folder / "bad.db3").write_bytes(content)
    assert "\n" not in refusal(folder / "bad.db3")


def refusal(path: Path) -> str:
    """The sentence with which a file is refused; empty where it is read."""
    try:
        list(read_sqlite(path))
    except QgfError as error:
        return str(error)
    return ""
