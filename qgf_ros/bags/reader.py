"""Reads the messages of a bag as they were written, serialised; also of one whose recorder was killed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from zstandard import ZstdError

from qgf_ros.bags.writer import METADATA

CUT_SHORT = (McapError, struct.error, ZstdError)  # what the library says of a record that is not all there


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
    """The messages of all files of a bag in the order of writing; of an unfinished file, as far as it was flushed."""
    for path in sorted(folder.glob("*.mcap")):
        yield from _read_file(path)


def read_facts(folder: Path) -> dict[str, str]:
    """What the recorder noted beside the messages (`custom_data` in metadata.yaml)."""
    content = yaml.safe_load((folder / METADATA).read_text())
    return dict(content["rosbag2_bagfile_information"].get("custom_data") or {})


def _read_file(path: Path) -> Iterator[Recorded]:
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    with path.open("rb") as file:
        records = StreamReader(file).records
        while True:
            try:
                record = next(records)
            except (StopIteration, *CUT_SHORT):
                return
            if isinstance(record, Schema):
                schemas[record.id] = record
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                channel = channels[record.channel_id]
                type_name = schemas[channel.schema_id].name
                yield Recorded(
                    channel.topic,
                    type_name,
                    record.log_time,
                    record.publish_time,
                    record.sequence,
                    record.data,
                )
