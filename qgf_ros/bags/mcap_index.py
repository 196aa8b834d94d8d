"""What an mcap file says of its messages in its index: when each came, and how long it is. Nothing is unpacked.

A file that was closed by its recorder has an index behind each chunk and a count at its end. Where these do not agree, or are not there,
the file says nothing here, and its messages must be counted.
"""

from __future__ import annotations

import io
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Schema, Statistics

from qgf_ros.bags.mcap_file import MAGIC, ends_well
from qgf_ros.bounds import RECORD_BYTES

_HEAD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQ")  # begins with its first and last time, and its length unpacked
_INDEX = struct.Struct("<HI")  # begins with its channel and its length
_BEFORE = 31  # bytes of a message before its content
_OURS = (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.STATISTICS, Opcode.MESSAGE_INDEX)


@dataclass
class _Found:
    """State: what was met so far; entries of the chunk before, and of all: channel -> rows of time (ns) and bytes."""

    types: dict[int, str] = field(default_factory=dict)
    channels: dict[int, tuple[int, str]] = field(default_factory=dict)
    entries: dict[int, list[npt.NDArray[np.uint64]]] = field(default_factory=lambda: defaultdict(list))
    chunk: list[tuple[int, npt.NDArray[np.uint64]]] = field(default_factory=list)
    unpacked: int = 0
    stated: int | None = None
    has_loose: bool = False

    def close_chunk(self) -> None:
        """The chunk's messages end where the next begins, the last one with it."""
        if not self.chunk:
            return
        channels = np.concatenate([np.full(len(rows), channel) for channel, rows in self.chunk])
        rows = np.concatenate([rows for _, rows in self.chunk])
        order = np.argsort(rows[:, 1], kind="stable")
        ends = np.append(rows[order[1:], 1], np.uint64(self.unpacked))
        sizes = np.maximum(ends.astype(np.int64) - rows[order, 1].astype(np.int64) - _BEFORE, 0)
        for channel, _ in self.chunk:
            places = channels[order] == channel
            self.entries[channel].append(
                np.stack([rows[order, 0][places], sizes[places].astype(np.uint64)], axis=1)
            )
        self.chunk = []


def read_mcap_index(path: Path) -> dict[tuple[str, str], npt.NDArray[np.uint64]] | None:
    """For each topic and type (M, 2) when its messages came, ns, and their bytes; None where the file does not tell all."""
    if not ends_well(path):
        return None
    try:
        with path.open("rb") as file:
            found = _walk(file, path.stat().st_size)
        found.close_chunk()
        counted = sum(len(rows) for parts in found.entries.values() for rows in parts)
        if found.has_loose or found.stated != counted:
            return None
        topics: dict[tuple[str, str], list[npt.NDArray[np.uint64]]] = defaultdict(list)
        for channel, parts in found.entries.items():
            schema, topic = found.channels[channel]
            topics[topic, found.types[schema]] += parts
        return {named: np.concatenate(parts) for named, parts in topics.items()}
    except (McapError, struct.error, ValueError, KeyError, EOFError, OverflowError, OSError):
        return None


def _walk(file: IO[bytes], size: int) -> _Found:
    """Passes over chunks, and reads what stands beside them."""
    found = _Found()
    file.seek(len(MAGIC))
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        end = file.tell() + length
        if kind == Opcode.FOOTER or end > size:
            break
        if kind == Opcode.CHUNK:
            found.close_chunk()
            found.unpacked = _CHUNK.unpack(file.read(_CHUNK.size))[2]
        elif kind == Opcode.MESSAGE:
            found.has_loose = True
        elif kind in _OURS and length <= RECORD_BYTES:
            _take(found, kind, file.read(length))
        file.seek(end)
    return found


def _take(found: _Found, kind: int, data: bytes) -> None:
    stream = ReadDataStream(io.BytesIO(data))
    if kind == Opcode.SCHEMA:
        schema = Schema.read(stream)
        found.types[schema.id] = schema.name
    elif kind == Opcode.CHANNEL:
        channel = Channel.read(stream)
        found.channels[channel.id] = (channel.schema_id, channel.topic)
    elif kind == Opcode.STATISTICS:
        found.stated = Statistics.read(stream).message_count
    else:
        channel_id, length = _INDEX.unpack_from(data)
        rows = np.frombuffer(data, "<u8", length // 8, _INDEX.size).reshape(-1, 2)
        if len(rows):
            found.chunk.append((channel_id, rows))
