"""Changes bags: their records, what chunks say of themselves, types of topics, numbers in messages."""

from __future__ import annotations

import re
import struct
from random import Random

import lz4.frame
import zstandard

from fuzz import mutate

MAGIC = b"\x89MCAP0\r\n"
SCHEMA, CHANNEL = 3, 4
TYPES = (
    "std_msgs/msg/Bool",
    "std_msgs/msg/Empty",  # as long as Bool, without its field
    "std_msgs/msg/Float64MultiArray",
    "sensor_msgs/msg/JointState",
    "trajectory_msgs/msg/JointTrajectory",
    "diagnostic_msgs/msg/DiagnosticArray",
    "diagnostic_msgs/msg/DiagnosticStatus",
    "evil/msg/Unknown",
    "",
)


def mcap(draw: Random, content: bytes) -> bytes:
    """A bag's file with other records, or chunks that are not what they say."""
    if draw.random() < 0.3:
        return mutate.blind(draw, content)
    records = list(_records(content))
    for _ in range(draw.choice((1, 1, 2, 4))):
        index = draw.randrange(len(records))
        kind, data = records[index]
        what = draw.randrange(10)
        if what == 0:
            del records[index]
        elif what == 1:
            records.insert(draw.randrange(len(records)), (kind, data))
        elif what == 2:
            records[index] = (draw.randrange(20), data)
        elif what == 3:
            records[index] = (kind, mutate.blind(draw, data))
        elif what == 4:
            records[index] = (kind, mutate.lie(draw, data))
        elif what == 5:
            records.insert(index, (6, _chunk(draw, content)))
        elif what == 6:
            crowd = (6, _crowd(draw, kind, data))
            records[index:index] = [crowd] * draw.choice((1, 1, 20))
        elif what == 7:
            index = draw.choice([i for i, (k, _) in enumerate(records) if k in (SCHEMA, CHANNEL)] or [index])
            records[index] = (records[index][0], _renamed(draw, *records[index]))
        elif what == 8:
            records[index] = (kind, _restated(draw, data))
        else:
            other = draw.randrange(len(records))
            records[index], records[other] = records[other], records[index]
        if not records:
            break
    made = MAGIC + b"".join(bytes([k]) + struct.pack("<Q", _stated(draw, d)) + d for k, d in records)
    return made + draw.choice((MAGIC, MAGIC, b"", b"x" * 8))


def _stated(draw: Random, data: bytes) -> int:
    return draw.choice((0, 1, 2**32, 2**63, 2**64 - 1)) if draw.random() < 0.03 else len(data)


def _chunk(draw: Random, content: bytes) -> bytes:
    inner = content[8:2000] if draw.random() < 0.9 else bytes(20_000_000)
    way = draw.choice(("zstd", "lz4", "", "evil"))
    packed = {"zstd": zstandard.compress, "lz4": lz4.frame.compress}.get(way, bytes)(inner)
    stated = draw.choice((len(inner), len(inner), 0, 10, 2**31, 2**60, 2**64 - 1))
    name = struct.pack("<I", len(way)) + way.encode()
    return (
        struct.pack("<QQQI", 0, 9, stated, draw.choice((0, 1)))
        + name
        + struct.pack("<Q", len(packed))
        + packed
    )


def _records(content: bytes) -> list[tuple[int, bytes]]:
    found, place = [], len(MAGIC)
    while place + 9 <= len(content) - len(MAGIC):
        length = int.from_bytes(content[place + 1 : place + 9], "little")
        found.append((content[place], content[place + 9 : place + 9 + length]))
        place += 9 + length
    return found


def _crowd(draw: Random, kind: int, data: bytes) -> bytes:
    """A packed chunk of one record again and again, at one time, perhaps a long one: up to 40 MB out of some kB."""
    data += bytes(draw.choice((0, 0, 1000, 200_000, 300_000)))
    record = bytes([kind]) + struct.pack("<Q", len(data)) + data
    return _packed(record * min(draw.choice((2, 300, 3000)), 40_000_000 // len(record)))


def _packed(inner: bytes) -> bytes:
    packed = zstandard.compress(inner)
    return struct.pack("<QQQII", 0, 9, len(inner), 0, 4) + b"zstd" + struct.pack("<Q", len(packed)) + packed


def _renamed(draw: Random, kind: int, data: bytes) -> bytes:
    """A schema of another type, or a channel of another topic or schema."""
    if kind == SCHEMA:
        length = int.from_bytes(data[2:6], "little")
        name = draw.choice(TYPES).encode()
        return data[:2] + struct.pack("<I", len(name)) + name + data[6 + length :]
    if kind == CHANNEL:
        return data[:2] + struct.pack("<H", draw.randrange(8)) + data[4:]
    return data


def _restated(draw: Random, data: bytes) -> bytes:
    """Another number where one stands as text, as long as it was."""
    found = list(re.finditer(rb"[0-9.]{3,}", data))
    if not found:
        return data
    place = draw.choice(found)
    text = draw.choice((b"nan", b"inf", b"1e308", b"-1", b"0", b"9" * 30, b"x"))
    length = place.end() - place.start()
    return data[: place.start()] + text[:length].ljust(length) + data[place.end() :]
