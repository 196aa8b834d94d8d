"""One mcap file, record by record.

A file that merely ends early ends the reading: that is what a killed recorder leaves. A file that is damaged, or claims sizes
that it has not, is refused where the damage is met, so that nobody takes the part before it for the whole.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Message, Schema

from qgf_ros.bags.recorded import Recorded
from qgf_ros.bounds import RECORD_BYTES, check_file
from qgf_ros.errors import UnreadableFileError

MAGIC = b"\x89MCAP0\r\n"
PRIVATE = 0x80  # kinds from here on are for anybody's use, and are skipped
_HEAD = struct.Struct("<BQ")  # before a record: its kind, and its length
_CONTENT = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE)
_OTHERS = set(Opcode)


class _Damaged(ValueError):
    """A record is not what it says."""


class _EndsEarly(Exception):
    """A file has no end."""


# What the libraries say of records that are not what they should be.
_DAMAGED = (McapError, struct.error, zstandard.ZstdError, RuntimeError, ValueError, EOFError, OverflowError)


def ends_well(path: Path) -> bool:
    """True where the file was closed by its recorder."""
    if path.stat().st_size < 2 * len(MAGIC):
        return False
    with path.open("rb") as file:
        file.seek(-len(MAGIC), 2)
        return file.read() == MAGIC


def read_mcap(path: Path) -> Iterator[Recorded]:
    """The messages of a file in the order of writing; of an unfinished one as far as it was flushed. Raises UnreadableFileError."""
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


def _records(path: Path) -> Iterator[McapRecord]:
    """Schemas, channels and messages of a file, those within chunks too, until it ends, early or not."""
    check_file(path, 2**63)
    with path.open("rb") as file:
        try:
            yield from _read_records(file)
        except _EndsEarly as error:
            if ends_well(path):
                raise UnreadableFileError(path, "an undamaged mcap file", str(error)) from error
        except _DAMAGED as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            raise UnreadableFileError(path, "an undamaged mcap file", problem) from error


def _read_records(file: IO[bytes]) -> Iterator[McapRecord]:
    """Raises _EndsEarly where the file ends within or after a record, without its footer."""
    begin = file.read(len(MAGIC))
    if begin != MAGIC[: len(begin)]:
        raise _Damaged("it does not begin as one")
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise _EndsEarly("it ends without a footer")
        kind, length = _HEAD.unpack(head)
        if length > RECORD_BYTES:
            raise _Damaged(f"a record claims {length} bytes, and at most {RECORD_BYTES} are read")
        data = file.read(length)
        if len(data) < length:
            raise _EndsEarly("it ends within a record")
        if kind == Opcode.FOOTER:
            return
        if kind == Opcode.CHUNK:
            yield from _within(_unpacked(Chunk.read(ReadDataStream(io.BytesIO(data)))))
        elif kind in _CONTENT:
            yield _record(kind, data)
        elif kind not in _OTHERS and kind < PRIVATE:
            raise _Damaged(f"it has a record of kind {kind}, and mcap knows none")


def _within(data: bytes) -> Iterator[McapRecord]:
    """The records of a chunk."""
    place = 0
    while place < len(data):
        if place + _HEAD.size > len(data):
            raise _Damaged("a chunk ends within a record")
        kind, length = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        if length > len(data) - place:
            raise _Damaged("a chunk ends within a record")
        if kind in _CONTENT:
            yield _record(kind, data[place : place + length])
        elif kind < PRIVATE:
            raise _Damaged(f"a chunk has a record of kind {kind}")
        place += length


def _record(kind: int, data: bytes) -> McapRecord:
    stream = ReadDataStream(io.BytesIO(data))
    if kind == Opcode.MESSAGE:
        return Message.read(stream, len(data))
    return Schema.read(stream) if kind == Opcode.SCHEMA else Channel.read(stream)


def _unpacked(chunk: Chunk) -> bytes:
    """A chunk's content, after its size and checksum were found to be those that it states. Raises _Damaged."""
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
    if chunk.uncompressed_crc not in (0, zlib.crc32(data)):
        raise _Damaged("a chunk has another checksum than it states")
    return data
