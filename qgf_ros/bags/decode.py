"""Recorded messages as objects with their fields: CDR read by rosbags, without ROS and without executing anything."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from qgf_ros.bags.recorded import Recorded
from qgf_ros.bounds import MESSAGE_BYTES
from qgf_ros.errors import UnreadableMessage

SPARE_BYTES = (
    0,
    4,
)  # at the end: rclpy's own serialisation leaves so many, where the middleware's leaves none
_STAMPS = (
    struct.Struct(">4xiI"),
    struct.Struct("<4xiI"),
)  # after four bytes, of which the second tells the byte order


def header_stamp_ns(message: Recorded) -> int:
    """The stamp of a message that begins with a `std_msgs/Header`, ns, read from its bytes: nothing else of it is decoded.

    Raises:
        UnreadableMessage: it is too short to have one.
    """
    try:
        sec, nanosec = _STAMPS[message.data[1] & 1].unpack_from(message.data)
    except (IndexError, struct.error) as error:
        raise UnreadableMessage(message.topic, message.type_name, "it has no header") from error
    return int(sec) * 1_000_000_000 + int(nanosec)


@cache
def _store() -> Typestore:
    return get_typestore(Stores.LATEST)


def decode(message: Recorded, most_bytes: int = MESSAGE_BYTES) -> Any:
    """The message's fields as rosbags reads them.

    Raises:
        UnreadableMessage: its type is unknown, or the bytes are not such a message, or more than any honest one has.
    """
    if len(message.data) > most_bytes:
        problem = f"it has {len(message.data)} bytes, and at most {most_bytes} are read"
        raise UnreadableMessage(message.topic, message.type_name, problem)
    problem = ""
    for spare in SPARE_BYTES:
        try:
            return _store().deserialize_cdr(message.data[: len(message.data) - spare], message.type_name)
        except Exception as error:  # bytes that somebody else wrote: whatever the reader says of them
            problem = problem or repr(error)
    raise UnreadableMessage(message.topic, message.type_name, problem)
