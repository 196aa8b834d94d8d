"""Bags that are damaged, or made to harm: what stands before the damage is given, then a sentence; sizes are not believed."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer

from qgf_ros import bounds
from qgf_ros.bags.reader import is_finished, read_bag, read_facts
from qgf_ros.errors import FileTooLarge, QgfError, UnreadableFileError

MAGIC = b"\x89MCAP0\r\n"
SCHEMA, CHANNEL, MESSAGE, CHUNK, ATTACHMENT = 3, 4, 5, 6, 9


def record(kind: int, content: bytes, length: int | None = None) -> bytes:
    """A record; its length may lie."""
    return bytes([kind]) + struct.pack("<Q", len(content) if length is None else length) + content


def text(value: str) -> bytes:
    """A text as mcap writes it."""
    return struct.pack("<I", len(value)) + value.encode()


def declared() -> bytes:
    """A schema and a channel."""
    schema = struct.pack("<H", 1) + text("std_msgs/msg/String") + text("ros2msg") + text("string data")
    channel = struct.pack("<HH", 1, 1) + text("/words") + text("cdr") + struct.pack("<I", 0)
    return record(SCHEMA, schema) + record(CHANNEL, channel)


def message(data: bytes, channel: int = 1) -> bytes:
    """A message."""
    return record(MESSAGE, struct.pack("<HIQQ", channel, 0, 1, 2) + data)


def chunk(packed: bytes, stated: int, compression: str, checksum: int = 0) -> bytes:
    """A chunk that claims to have `stated` bytes."""
    begin = struct.pack("<QQQI", 0, 9, stated, checksum)
    return record(CHUNK, begin + text(compression) + struct.pack("<Q", len(packed)) + packed)


def bag(folder: Path, content: bytes, end: bytes = MAGIC) -> Path:
    """A bag of one file."""
    (folder / "bag").mkdir(exist_ok=True)
    (folder / "bag" / "bag_0.mcap").write_bytes(MAGIC + content + end)
    return folder / "bag"


INNER = declared() + message(b"inner")
DAMAGED = {
    "a chunk of an exabyte": (
        chunk(zstandard.compress(INNER), 2**60, "zstd"),
        "a chunk claims 1152921504606846976 bytes",
    ),
    "a bomb of zstd": (
        chunk(zstandard.compress(bytes(2**24)), 100, "zstd"),
        "claims 100 bytes, and has another",
    ),
    "a bomb of lz4": (
        chunk(lz4.frame.compress(bytes(2**24)), 100, "lz4"),
        "claims 100 bytes, and has another",
    ),
    "less than it claims": (
        chunk(zstandard.compress(INNER), 2**20, "zstd"),
        "claims 1048576 bytes, and has another",
    ),
    "a false checksum": (chunk(INNER, len(INNER), "", 1), "a chunk has another checksum than it states"),
    "an unknown compression": (
        chunk(INNER, len(INNER), "evil"),
        "compressed as 'evil', and mcap knows zstd and lz4",
    ),
    "no zstd": (chunk(INNER, len(INNER), "zstd"), "undamaged mcap file"),
    "no lz4": (chunk(INNER, len(INNER), "lz4"), "undamaged mcap file"),
    "a record of an exabyte": (record(MESSAGE, b"", 2**60), "undamaged mcap file"),
    "an attachment of an exabyte": (
        record(ATTACHMENT, struct.pack("<QQ", 0, 0) + text("a") + text("b") + struct.pack("<Q", 2**60)),
        "undamaged mcap file",
    ),
    "an unknown channel": (message(b"x", 7), "a message belongs to channel 7, which was not declared"),
    "a name that is no text": (record(SCHEMA, struct.pack("<HI", 1, 2) + b"\xff\xfe" + bytes(8)), "utf-8"),
    "a kind that there is not": (record(0, b""), "it has a record of kind 0, and mcap knows none"),
    "millions of empty records": (chunk(bytes(9 * 10**6), 9 * 10**6, ""), "a chunk has a record of kind 0"),
    "half a record within a chunk": (chunk(b"\5" * 5, 5, ""), "a chunk ends within a record"),
    "a length within a chunk": (chunk(record(MESSAGE, b"", 2**63), 9, ""), "undamaged mcap file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_stood_before_the_damage_is_given_and_then_a_sentence(tmp_path: Path, name: str) -> None:
    content, problem = DAMAGED[name]
    found = read_bag(bag(tmp_path, declared() + message(b"before") + content))
    assert next(found).data == b"before"
    with pytest.raises(UnreadableFileError, match=problem):
        list(found)


@pytest.mark.parametrize("name", ["zstd", "lz4", ""])
def test_honest_chunks_are_unpacked(tmp_path: Path, name: str) -> None:
    packed = {"zstd": zstandard.compress(INNER), "lz4": lz4.frame.compress(INNER), "": INNER}[name]
    content = chunk(packed, len(INNER), name)
    assert [entry.data for entry in read_bag(bag(tmp_path, content, end=b""))] == [b"inner"]


def test_what_is_no_mcap_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_bytes(b"sixteen bytes...")
    with pytest.raises(UnreadableFileError, match="undamaged mcap file"):
        list(read_bag(tmp_path))


@pytest.mark.parametrize("compression", list(CompressionType))
def test_a_file_that_ends_anywhere_gives_what_is_whole_and_says_that_it_was_not_finished(
    tmp_path: Path, compression: CompressionType
) -> None:
    written = io.BytesIO()
    writer = Writer(written, compression=compression, chunk_size=64)
    writer.start(profile="ros2")
    schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
    channel = writer.register_channel("/words", "cdr", schema)
    for index in range(5):
        writer.add_message(channel, index, bytes([index]) * 40, index)
    writer.finish()
    whole = written.getvalue()
    (tmp_path / "bag_0.mcap").write_bytes(whole)
    assert is_finished(tmp_path)
    assert len(list(read_bag(tmp_path))) == 5
    last = 0
    for length in range(8, len(whole)):
        (tmp_path / "bag_0.mcap").write_bytes(whole[:length])
        found = [entry.data[0] for entry in read_bag(tmp_path)]
        assert found == list(range(len(found)))
        assert len(found) >= last
        last = len(found)
        assert not is_finished(tmp_path)


def test_an_empty_folder_is_no_finished_bag(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)
    (tmp_path / "a.mcap").write_bytes(b"")
    assert not is_finished(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: 1", "rosbag2_bagfile_information is absent or no mapping"),
        ("rosbag2_bagfile_information: 3", "rosbag2_bagfile_information is absent or no mapping"),
        ("rosbag2_bagfile_information: {custom_data: 1}", "custom_data is no mapping"),
    ],
)
def test_metadata_of_another_layout_are_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "metadata.yaml").write_text(content)
    with pytest.raises(UnreadableFileError, match=words):
        read_facts(tmp_path)


def test_metadata_that_run_something_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.yaml").write_text("a: !!python/object/apply:os.getcwd []")
    with pytest.raises(UnreadableFileError, match="has the tag"):
        read_facts(tmp_path)
    with (tmp_path / "metadata.yaml").open("wb") as file:
        file.truncate(bounds.GIB)
    with pytest.raises(FileTooLarge):
        read_facts(tmp_path)


WHOLE = MAGIC + declared() + message(b"one") + chunk(zstandard.compress(INNER), len(INNER), "zstd") + MAGIC


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))
def test_changed_bytes_give_messages_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "changed"
    folder.mkdir(exist_ok=True)
    (folder / "bag_0.mcap").write_bytes(WHOLE[:place] + value + WHOLE[place + len(value) :])
    try:
        found: object = list(read_bag(folder))
    except QgfError as error:
        found = str(error)
    assert isinstance(found, list) or "bag_0.mcap is not an undamaged mcap file" in str(found)
