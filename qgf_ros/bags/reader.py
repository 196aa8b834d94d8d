"""Reads the messages of a bag as they were written, serialised; also of one whose recorder was killed.

A file that merely ends early ends the reading: that is what a killed recorder leaves. A file that is damaged, or claims sizes
that it has not, is refused where the damage is met, so that nobody takes the part before it for the whole.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lz4.frame
import zstandard
from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk

from qgf_ros.bags.writer import METADATA
from qgf_ros.bounds import METADATA_BYTES, RECORD_BYTES, check_file
from qgf_ros.errors import UnreadableFileError
from qgf_ros.strict import read_yaml

MAGIC = b"\x89MCAP0\r\n"


class _Damaged(ValueError):
    """A chunk is not what it says."""


# What the libraries say of records that are not what they should be.
_DAMAGED = (McapError, struct.error, zstandard.ZstdError, RuntimeError, ValueError, EOFError, OverflowError)


@dataclass(frozen=True)
class Recorded:
    """One message: when it came to the recorder and when it was sent (ns), its publisher's count, its serialised content."""

    topic: str
    type_name: str
    received_ns: int
    sent_ns: int
    sequence: int
    data: bytes


def read_bag(folder: Path) -> Iterator[Recorded]:
    """The messages of all files of a bag in the order of writing; of an unfinished file, as far as it was flushed.

    Raises:
        UnreadableFileError: a file is no mcap file, or damaged; what stood before was given.
        MissingFileError: what has the name of one is no file.
    """
    for path in sorted(folder.glob("*.mcap")):
        yield from _read_file(path)


def is_finished(folder: Path) -> bool:
    """True where every file of the bag was closed by its recorder, so that nothing is missing at its end."""
    files = sorted(folder.glob("*.mcap"))
    return bool(files) and all(_ends_well(path) for path in files)


def read_facts(folder: Path) -> dict[str, str]:
    """What the recorder noted beside the messages (`custom_data` in metadata.yaml).

    Raises:
        MissingFileError, FileTooLarge, UnreadableFileError: as `strict.read_yaml`, or it is of another layout.
    """
    path = folder / METADATA
    information = read_yaml(path, METADATA_BYTES).get("rosbag2_bagfile_information")
    facts = information.get("custom_data") if isinstance(information, dict) else None
    if not isinstance(information, dict) or not isinstance(facts or {}, dict):
        raise UnreadableFileError(
            path, "a bag's metadata", "rosbag2_bagfile_information is absent or no mapping"
        )
    return {str(key): str(value) for key, value in (facts or {}).items()}


def _ends_well(path: Path) -> bool:
    if path.stat().st_size < 2 * len(MAGIC):
        return False
    with path.open("rb") as file:
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def _read_file(path: Path) -> Iterator[Recorded]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for record in _records(path):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Message):
            yield _recorded(path, record, channels, schemas)


def _recorded(
    path: Path, message: Message, channels: dict[int, Channel], schemas: dict[int, Schema]
) -> Recorded:
    channel = channels.get(message.channel_id)
    schema = None if channel is None else schemas.get(channel.schema_id)
    if channel is None or schema is None:
        problem = f"a message belongs to channel {message.channel_id}, which was not declared"
        raise UnreadableFileError(path, "an undamaged mcap file", problem)
    return Recorded(
        channel.topic, schema.name, message.log_time, message.publish_time, message.sequence, message.data
    )


class _Capped(io.BufferedReader):
    """A file of which no length that stands in it can ask for more than a record's bytes at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file, but fewer."""
        return super().read(min(RECORD_BYTES if size is None or size < 0 else size, RECORD_BYTES))


def _records(path: Path) -> Iterator[McapRecord]:
    """The records of a file, those within chunks too, until it ends, early or not."""
    size = check_file(path, 2**63)
    with _Capped(path.open("rb", buffering=0)) as file:
        try:
            for record in StreamReader(file, emit_chunks=True, record_size_limit=RECORD_BYTES).records:
                if isinstance(record, Chunk):
                    yield from breakup_chunk(_unpacked(record), validate_crc=True)
                elif record is not None:
                    yield record
        except _DAMAGED as error:
            if file.tell() >= size and not _ends_well(path):
                return  # it ends within a record
            problem = " ".join(str(error).split()) or type(error).__name__
            raise UnreadableFileError(path, "an undamaged mcap file", problem) from error


def _unpacked(chunk: Chunk) -> Chunk:
    """The chunk without compression, after its size was found to be the one that it states. Raises _Damaged."""
    stated = chunk.uncompressed_size
    if stated > RECORD_BYTES:
        raise _Damaged(f"a chunk claims {stated} bytes, and at most {RECORD_BYTES} are unpacked")
    if chunk.compression == "zstd":
        unpacker = zstandard.ZstdDecompressor(max_window_size=RECORD_BYTES)
        data = unpacker.stream_reader(chunk.data).read(stated + 1)
    elif chunk.compression == "lz4":
        data = lz4.frame.LZ4FrameDecompressor().decompress(chunk.data, stated + 1)
    elif chunk.compression == "":
        data = chunk.data
    else:
        raise _Damaged(f"a chunk is compressed as '{chunk.compression[:20]}', and mcap knows zstd and lz4")
    if len(data) != stated:
        raise _Damaged(f"a chunk claims {stated} bytes, and has another number")
    return Chunk("", data, chunk.message_end_time, chunk.message_start_time, chunk.uncompressed_crc, stated)
