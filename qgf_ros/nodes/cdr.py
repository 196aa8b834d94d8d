"""How long a serialised message really is: rclpy's `serialize_message` leaves bytes behind it where arrays are empty.

Other readers refuse such a message. The format is XCDR version 1 (OMG DDS-XTypes 1.3, section 7.4.3): four bytes that tell the byte
order, then each field aligned to its own size, counted from after these four.
"""

from __future__ import annotations

import importlib
import re
import struct
from functools import cache
from typing import Any

HEADER = 4
SIZES = {
    **dict.fromkeys(("boolean", "octet", "uint8", "int8", "char"), 1),
    **dict.fromkeys(("uint16", "int16"), 2),
    **dict.fromkeys(("uint32", "int32", "float"), 4),
    **dict.fromkeys(("uint64", "int64", "double"), 8),
}
_SEQUENCE = re.compile(r"sequence<(.+?)(?:, ?\d+)?>")
_ARRAY = re.compile(r"(.+)\[(\d+)\]")


def exact(data: bytes, kind: Any) -> bytes:
    """A serialised message of the class `kind` without what lies behind it.

    Raises:
        ValueError: it has other fields than the class, or a kind of field that none of our messages has.
    """
    order = "<" if data[1] & 1 else ">"
    try:
        end = _after_message(data, order, HEADER, kind)
    except (struct.error, IndexError) as error:
        raise ValueError(f"these bytes are no {kind.__name__}") from error
    if end > len(data):
        raise ValueError(f"these bytes are no whole {kind.__name__}")
    return data[:end]


def _after_message(data: bytes, order: str, at: int, kind: Any) -> int:
    for name in _fields(kind):
        at = _after(data, order, at, name)
    return at


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    found = tuple(kind.get_fields_and_field_types().values())
    return found or ("uint8",)  # a message without fields has one byte all the same


def _after(data: bytes, order: str, at: int, name: str) -> int:
    """Where a field of this type ends that begins at `at`, or behind the padding there."""
    if name in SIZES:
        return _aligned(at, SIZES[name]) + SIZES[name]
    if name == "string" or name.startswith("string<"):
        return _after_number(at) + _number(data, order, at)
    if match := _SEQUENCE.fullmatch(name):
        return _after_many(data, order, _after_number(at), match[1], _number(data, order, at))
    if match := _ARRAY.fullmatch(name):
        return _after_many(data, order, at, match[1], int(match[2]))
    if "/" not in name:
        raise ValueError(f"fields of type {name} are not known here")
    return _after_message(data, order, at, _kind(name))


def _after_many(data: bytes, order: str, at: int, name: str, count: int) -> int:
    if name in SIZES:
        return _aligned(at, SIZES[name]) + SIZES[name] * count if count else at
    for _ in range(count):
        at = _after(data, order, at, name)
    return at


def _number(data: bytes, order: str, at: int) -> int:
    (found,) = struct.unpack_from(f"{order}I", data, _aligned(at, 4))
    return int(found)


def _after_number(at: int) -> int:
    return _aligned(at, 4) + 4


def _aligned(at: int, size: int) -> int:
    return at + (HEADER - at) % size


@cache
def _kind(name: str) -> Any:
    package, _, kind = name.partition("/")
    return vars(importlib.import_module(f"{package}.msg"))[kind]
