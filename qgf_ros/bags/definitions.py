"""Definitions of message types, as text that travels with a recording, so that it can be read where they are not installed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from qgf_ros.errors import MissingDefinitionError

PRIMITIVES = {"bool", "byte", "char", "string", "wstring", "float32", "float64"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
SEPARATOR = "=" * 80
FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[<=\d]*\])?\s+[A-Za-z]\w*")


def prefixes() -> list[Path]:
    """Where ROS packages are installed: AMENT_PREFIX_PATH, then this Python environment, as wheels do not set the former."""
    texts = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    return [Path(text) for text in texts if text]


def definition(type_name: str, places: list[Path]) -> str:
    """The definition of `PACKAGE/msg/NAME` followed by those of all types within it, as mcap's `ros2msg` wants them.

    Raises:
        MissingDefinitionError: one of them is not installed below `share` of any of the places.
    """
    root = _short(type_name)
    texts = {root: _read(root, places)}
    waiting = [root]
    while waiting:
        for inner in _members(waiting.pop(0), texts):
            if inner not in texts:
                texts[inner] = _read(inner, places)
                waiting.append(inner)
    first, *others = texts
    return "".join([texts[first], *(f"{SEPARATOR}\nMSG: {name}\n{texts[name]}" for name in others)])


def _members(name: str, texts: dict[str, str]) -> list[str]:
    package = name.split("/")[0]
    found = []
    for line in texts[name].splitlines():
        match = FIELD.match(line.split("#")[0])
        if match and match[1] not in PRIMITIVES:
            kind = match[1] if "/" in match[1] else f"{package}/{match[1]}"
            found.append(_short(kind))
    return found


def _short(type_name: str) -> str:
    """`PACKAGE/NAME`, however it was written."""
    return type_name.replace("/msg/", "/")


def _read(name: str, places: list[Path]) -> str:
    package, _, kind = name.partition("/")
    for place in places:
        path = place / "share" / package / "msg" / f"{kind}.msg"
        if path.is_file():
            text = path.read_text()
            return text if text.endswith("\n") else text + "\n"
    raise MissingDefinitionError(name, places)
