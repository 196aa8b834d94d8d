"""Reads YAML and JSON into plain values in bounded time and memory: texts that are no such values are refused, never run.

YAML here is less than YAML: no tags (they name what to build), no dates, no anchors within themselves; aliases count as
often as they stand for something. The rest is what people write in configuration files.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from qgf_ros.bounds import DEPTH, DIGITS, VALUES

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
# A text in JSON; one without an end takes the rest.
_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class NotPlain(ValueError):
    """A text is not what it should be; its words say where and why, for the caller's sentence."""


class _PlainLoader(Composer, SafeConstructor, Resolver):
    """Builds values from events that were counted: no repeated keys (YAML itself would keep the last of them and say nothing),
    no dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as yaml's own
        first: [(tag, pattern) for tag, pattern in kinds if tag != _TIMESTAMP]
        for first, kinds in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, events: list[yaml.Event]) -> None:
        for part in (Composer, SafeConstructor, Resolver):
            part.__init__(self)
        self._events = iter(events)
        self._next: yaml.Event | None = next(self._events, None)

    def check_event(self, *choices: type[yaml.Event]) -> bool:
        """As yaml's parser: whether the next event is one of these, or any."""
        return self._next is not None and (not choices or isinstance(self._next, choices))

    def peek_event(self) -> yaml.Event | None:
        """The next event, which stays."""
        return self._next

    def get_event(self) -> yaml.Event | None:
        """The next event."""
        found, self._next = self._next, next(self._events, None)
        return found

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for key, count in keys.items():
            if count > 1:
                problem = f"the key '{key}' stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        built: dict[Any, Any] = super().construct_mapping(node, deep)
        return built


def parse_yaml(text: str) -> Any:
    """The plain values in a YAML text; None for an empty one.

    Raises:
        NotPlain: it is not YAML, repeats a key, or uses what is left out here.
    """
    try:
        found = _PlainLoader(list(_counted(text))).get_single_data()
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # yaml's own numbers may fail as Python's do
        raise NotPlain(" ".join(str(error).split())) from error
    _check_numbers(found)
    return found


def _counted(text: str) -> Iterator[yaml.Event]:
    """What stands in the text, counted before anything of it is built."""
    counts = [0]  # values within each open mapping or list, aliases' included
    opened: list[str | None] = []
    anchors: dict[str, int | None] = {}  # None: not yet closed
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            size = anchors.get(event.anchor, 0)
            if size is None:
                raise NotPlain(f"the anchor '{event.anchor}' stands within itself")
            counts[-1] += size
        elif isinstance(event, yaml.NodeEvent):
            _check_tag(event)
            counts[-1] += 1
        if isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            anchors[event.anchor] = 1
        if isinstance(event, yaml.CollectionStartEvent):
            if event.anchor is not None:
                anchors[event.anchor] = None
            opened.append(event.anchor)
            counts.append(0)
        if isinstance(event, yaml.CollectionEndEvent):
            size, anchor = counts.pop(), opened.pop()
            counts[-1] += size
            if anchor is not None:
                anchors[anchor] = size + 1
        if len(opened) > DEPTH:
            raise NotPlain(f"it is nested more than {DEPTH} deep")
        if counts[-1] > VALUES:
            raise NotPlain(f"it has more than {VALUES} values, those behind aliases counted each time")
        yield event


def _check_tag(event: yaml.NodeEvent) -> None:
    tag = event.tag if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) else None
    if tag is not None:
        raise NotPlain(f"it has the tag {tag}; values are written without tags")


def parse_json(text: str) -> Any:
    """The plain values in a JSON text; of the same bounds as YAML's.

    Raises:
        NotPlain: it is not JSON, or nested or with numbers that no file of ours has.
    """
    try:
        _check_depth(text)
        return json.loads(text, parse_int=_whole, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise NotPlain(" ".join(str(error).split())) from error


def _check_depth(text: str) -> None:
    """Before anything is built. Brackets within texts are none."""
    depth = 0
    for mark in filter("[]{}".__contains__, _QUOTED.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > DEPTH:
            raise NotPlain(f"it is nested more than {DEPTH} deep")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise NotPlain(f"it has a whole number of more than {DIGITS} digits")
    return int(digits)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise NotPlain(f"the key '{doubled}' stands twice in one object")
    return found


def _check_numbers(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(key)
            _check_numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_numbers(item)
    elif isinstance(value, int) and abs(value) >= 10**DIGITS:
        raise NotPlain(f"it has a whole number of more than {DIGITS} digits")
