"""Changes valid bytes and values: blindly, or knowing their structure. All chance comes from the generator that is given."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import yaml

from fuzz.payloads import JSONS, LENGTHS, NUMBERS, PATHS, PICKLES, TEXTS, XML_HEADS, XMLS, YAMLS

Tree = Any
Dumper = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
LONGEST = 4_000_000


def flip(draw: Random, content: bytes) -> bytes:
    """Some bits."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(draw: Random, content: bytes) -> bytes:
    """The begin only."""
    return content[: draw.randrange(len(content) + 1)]


def splice(draw: Random, content: bytes) -> bytes:
    """A piece in another place, in place of what was there or between it."""
    start, place = draw.randrange(len(content) + 1), draw.randrange(len(content) + 1)
    piece = content[start : start + draw.choice((1, 4, 16, 64, 512))]
    return content[:place] + piece + content[place + draw.choice((0, len(piece))) :]


def drop(draw: Random, content: bytes) -> bytes:
    """Without a piece."""
    place = draw.randrange(len(content) + 1)
    return content[:place] + content[place + draw.choice((1, 2, 8, 64)) :]


def repeat(draw: Random, content: bytes) -> bytes:
    """A piece many times."""
    place = draw.randrange(len(content) + 1)
    piece = content[place : place + draw.choice((1, 4, 32))]
    return (content[:place] + piece * draw.choice((2, 100, 5000)) + content[place:])[:LONGEST]


def lie(draw: Random, content: bytes) -> bytes:
    """A length, or another number, that is not true."""
    place, value = draw.randrange(len(content) + 1), draw.choice(LENGTHS)
    return content[:place] + value + content[place + len(value) :]


def noise(draw: Random, content: bytes) -> bytes:
    """Some bytes by chance."""
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.randbytes(draw.choice((1, 8, 64))) + content[place:]


def foreign(draw: Random, content: bytes) -> bytes:
    """A file of another kind."""
    return draw.choice(
        [
            *PICKLES,
            b"",
            b"\0" * 100,
            b"PK\5\6" + b"\0" * 18,
            b"\x7fELF",
            b"\x93NUMPY\1\0",
            draw.randbytes(200),
        ]
    )


BLIND: tuple[Callable[[Random, bytes], bytes], ...] = (
    flip,
    flip,
    cut,
    splice,
    drop,
    repeat,
    lie,
    lie,
    noise,
    foreign,
)


def blind(draw: Random, content: bytes) -> bytes:
    """One to three changes that know nothing of the format."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        content = draw.choice(BLIND)(draw, content)
    return content


def value(draw: Random) -> Tree:
    """A value that does not belong where it will stand."""
    kind = draw.randrange(9)
    if kind == 0:
        return draw.choice(TEXTS)
    if kind == 1:
        return draw.choice(PATHS)
    if kind in (2, 3, 4):
        return draw.choice(NUMBERS)
    if kind == 5:
        return draw.choice((None, True, False))
    if kind == 6:
        return [draw.choice(NUMBERS) for _ in range(draw.choice((0, 1, 3, 1000)))]
    if kind == 7:
        return {draw.choice(TEXTS): draw.choice(NUMBERS) for _ in range(draw.choice((0, 1, 3)))}
    return [[[[{"a": [[]]}]]]]


def places(tree: Tree) -> list[tuple[Any, Any]]:
    """Every container of the tree with every key or index of it."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
        for key in keys:
            found.append((node, key))
            waiting.append(node[key])
    return found


def tree(draw: Random, content: Tree) -> Tree:
    """The values with one to three of them changed: replaced, left out, doubled, renamed, swapped with others."""
    content = copy.deepcopy(content)
    for _ in range(draw.choice((1, 1, 2, 3))):
        found = places(content)
        if not found:
            return value(draw)
        node, key = draw.choice(found)
        kind = draw.randrange(6)
        if kind in (0, 1):
            node[key] = value(draw)
        elif kind == 2:
            del node[key]
        elif kind == 3 and isinstance(node, list):
            node.extend([node[key]] * draw.choice((1, 50, 2000)))
        elif kind == 3:
            node[str(key) + draw.choice(("", "x", " "))] = node[key]
        elif kind == 4:
            other, place = draw.choice(found)
            if place in other if isinstance(other, dict) else place < len(other):
                node[key] = copy.deepcopy(other[place])
        elif isinstance(node[key], int | float) and not isinstance(node[key], bool):
            node[key] = node[key] * draw.choice((-1, 0, 0.5, 2, 1e6, 10**12))
    return content


@cache
def _parsed(content: bytes) -> Tree:
    return yaml.safe_load(content)


def yaml_text(draw: Random, content: bytes) -> bytes:
    """YAML with other values, or with what YAML can do beside values."""
    kind = draw.randrange(10)
    if kind == 0:
        return draw.choice(YAMLS).encode("utf-8", "replace")
    if kind == 1:
        return content + b"\n" + draw.choice(YAMLS).replace("a: ", "aa: ").encode("utf-8", "replace")
    if kind in (2, 3):
        return blind(draw, content)
    changed = tree(draw, _parsed(content))
    try:
        text: str = yaml.dump(changed, Dumper=Dumper, sort_keys=False, allow_unicode=draw.random() < 0.5)
        return text.encode("utf-8", "replace")
    except (yaml.YAMLError, UnicodeError):
        return repr(changed).encode("utf-8", "replace")


def json_text(draw: Random, content: bytes) -> bytes:
    """JSON with other values, or none."""
    kind = draw.randrange(10)
    if kind == 0:
        return draw.choice(JSONS).encode("utf-8", "replace")
    if kind in (1, 2):
        return blind(draw, content)
    return json.dumps(tree(draw, json.loads(content))).encode()


def xml_text(draw: Random, content: bytes) -> bytes:
    """XML with other values in its attributes, with other elements, or broken."""
    kind, text = draw.randrange(8), content.decode("utf-8")
    if kind in (0, 1):
        return blind(draw, content)
    if kind == 2:
        return (draw.choice(XML_HEADS) + text).encode("utf-8", "replace")
    if kind in (3, 4):
        ends = [
            index
            for index in range(len(text))
            if text.startswith(("<worldbody", "</mujoco", "<joint", "</robot"), index)
        ]
        place = draw.choice(ends) if ends else 0
        return (text[:place] + draw.choice(XMLS) + text[place:]).encode("utf-8", "replace")
    parts = text.split('"')
    for _ in range(draw.choice((1, 1, 2, 5))):
        place = draw.randrange(len(parts) // 2) * 2 + 1 if len(parts) > 2 else 0
        numbers = " ".join(str(draw.choice(NUMBERS)) for _ in range(draw.choice((1, 3, 4, 100))))
        parts[place] = draw.choice(
            (
                numbers,
                numbers,
                draw.choice(TEXTS).replace("<", ""),
                parts[draw.randrange(len(parts) // 2) * 2 + 1],
            )
        )
    return '"'.join(parts).encode("utf-8", "replace")
