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
from mcap.records import Channel, Chunk, Schema

from qgf_ros.bags.recorded import WHOLE, Recorded, Span, Wanted, every_topic
from qgf_ros.bounds import RECORD_BYTES, check_file
from qgf_ros.errors import UnreadableFileError

MAGIC = b"\x89MCAP0\r\n"
PRIVATE = 0x80  # kinds from here on are for anybody's use, and are skipped
_HEAD = struct.Struct("<BQ")  # before a record: its kind, and its length
_MESSAGE = struct.Struct(
    "<HIQQ"
)  # a message begins with its channel, its number, when it came and when it was sent
_FOOTER = struct.Struct("<BQQQI")  # the last record: kind, length, where the summary begins, and more
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


def read_mcap(path: Path, wanted: Wanted = every_topic, span: Span = WHOLE) -> Iterator[Recorded]:
    """The messages of wanted topics in the order of writing; of an unfinished file as far as it was flushed.

    Chunks before `span` are passed over where the file repeats its topics at its end.

    Raises UnreadableFileError.
    """
    check_file(path, 2**63)
    with path.open("rb") as file:
        try:
            topics = _Topics(wanted)
            if span.since_ns and not (ends_well(path) and _declare_at_end(file, topics)):
                span = span._replace(since_ns=0)
            for message in _read(file, topics, span):
                if message.received_ns > span.until_ns:
                    return
                yield message
        except _EndsEarly as error:
            if ends_well(path):
                raise UnreadableFileError(path, "an undamaged mcap file", str(error)) from error
        except _DAMAGED as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            raise UnreadableFileError(path, "an undamaged mcap file", problem) from error


class _Topics:
    """State: what was declared so far. `channels` by their number, as far as messages were met of them: name and type of the
    topic, or None where it is not wanted.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._types: dict[int, str] = {}
        self._topics: dict[int, Channel] = {}
        self.channels: dict[int, tuple[str, str] | None] = {}

    def declare(self, kind: int, data: bytes) -> None:
        """Takes a schema or a channel."""
        stream = ReadDataStream(io.BytesIO(data))
        if kind == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self._types[schema.id] = schema.name
            self.channels.clear()
        else:
            channel = Channel.read(stream)
            self._topics[channel.id] = channel
            self.channels.pop(channel.id, None)

    def meet(self, number: int) -> tuple[str, str] | None:
        """Notes the channel of a message, and gives what `channels` then has. Raises _Damaged where it was not declared."""
        channel = self._topics.get(number)
        if channel is None or channel.schema_id not in self._types:
            raise _Damaged(f"a message belongs to channel {number}, which was not declared")
        named = (channel.topic, self._types[channel.schema_id])
        self.channels[number] = named if self._wanted(*named) else None
        return self.channels[number]


def _declare_at_end(file: IO[bytes], topics: _Topics) -> bool:
    """Takes the topics that a finished file repeats at its end, and goes back to its beginning; whether there are any."""
    file.seek(-len(MAGIC) - _FOOTER.size, 2)
    kind, _, begin, _, _ = _FOOTER.unpack(file.read(_FOOTER.size))
    file.seek(begin)
    found = False
    while kind == Opcode.FOOTER and begin and len(head := file.read(_HEAD.size)) == _HEAD.size:
        kind_here, length = _HEAD.unpack(head)
        if kind_here == Opcode.FOOTER or length > RECORD_BYTES:
            break
        data = file.read(length)
        if kind_here in (Opcode.SCHEMA, Opcode.CHANNEL):
            topics.declare(kind_here, data)
            found |= kind_here == Opcode.CHANNEL
    file.seek(0)
    return found


def _read(file: IO[bytes], topics: _Topics, span: Span) -> Iterator[Recorded]:
    """The messages, from chunks within the span. Raises _EndsEarly where the file ends within or after a record, without its footer."""
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
            chunk = Chunk.read(ReadDataStream(io.BytesIO(data)))
            if chunk.message_start_time > span.until_ns:
                return
            if chunk.message_end_time >= span.since_ns:
                yield from _within(_unpacked(chunk), topics)
        elif kind in _CONTENT:
            yield from _within(head + data, topics)
        elif kind not in _OTHERS and kind < PRIVATE:
            raise _Damaged(f"it has a record of kind {kind}, and mcap knows none")


def _within(data: bytes, topics: _Topics) -> Iterator[Recorded]:
    """The messages among the records of a chunk. Most of the time of reading is spent here: nothing is called for a message that
    is passed over.
    """
    place, end = 0, len(data)
    head, begin, channels = _HEAD.unpack_from, _MESSAGE.unpack_from, topics.channels
    while place < end:
        if place + _HEAD.size > end:
            raise _Damaged("a chunk ends within a record")
        kind, length = head(data, place)
        place += _HEAD.size
        if length > end - place:
            raise _Damaged("a chunk ends within a record")
        if kind == Opcode.MESSAGE:
            if length < _MESSAGE.size:
                raise _Damaged("a message ends within its times")
            number, sequence, received_ns, sent_ns = begin(data, place)
            topic = channels[number] if number in channels else topics.meet(number)
            if topic is not None:
                content = data[place + _MESSAGE.size : place + length]
                yield Recorded(*topic, received_ns, sent_ns, sequence, content)
        elif kind in _CONTENT:
            topics.declare(kind, data[place : place + length])
        elif kind < PRIVATE:
            raise _Damaged(f"a chunk has a record of kind {kind}")
        place += length


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
