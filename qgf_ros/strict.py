"""Builds frozen dataclasses from plain YAML or JSON values, and refuses what does not fit.

One reader for every file a user writes (contracts, recipes, graphs) and for the configuration inside a
checkpoint: an unknown key, a missing key, or a value of the wrong type is an error that says where it stands
and what would do.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from qgf_ros.bounds import JSON_BYTES, YAML_BYTES, read_file
from qgf_ros.errors import InvalidSetting, UnknownKeys, UnreadableFileError
from qgf_ros.plain_text import NotPlain, parse_json, parse_yaml

T = TypeVar("T")


def read_yaml(path: Path, most: int = YAML_BYTES) -> dict[str, Any]:
    """The mapping in a YAML file of at most `most` bytes.

    Raises:
        MissingFileError, FileTooLarge: there is no such file, or it is longer.
        UnreadableFileError: it cannot be read, is not YAML as `plain_text` reads it, or is not a mapping.
    """
    return _mapping(path, "YAML", parse_yaml, read_file(path, most))


def read_json(path: Path, most: int = JSON_BYTES) -> dict[str, Any]:
    """The object in a JSON file of at most `most` bytes. Raises as `read_yaml`."""
    return _mapping(path, "JSON", parse_json, read_file(path, most))


def _mapping(path: Path, kind: str, parse: Callable[[str], Any], content: bytes) -> dict[str, Any]:
    try:
        found = parse(content.decode("utf-8"))
    except (NotPlain, UnicodeDecodeError) as error:
        raise UnreadableFileError(path, kind, str(error)) from error
    if not isinstance(found, dict):
        problem = "it is empty" if found is None else f"found {type(found).__name__}"
        raise UnreadableFileError(path, f"a {kind} mapping", problem)
    return found


def build(cls: type[T], value: Any, where: str) -> T:
    """`value` as an instance of the dataclass `cls`; `where` names the place in messages, e.g.
    `interface.action`.

    Raises:
        InvalidSetting: a value has the wrong type, is not finite, or is no member of an enumeration.
        UnknownKeys: keys that `cls` has not, or absent ones without default; the message lists the valid
        ones.
    """
    if not isinstance(value, Mapping):
        raise InvalidSetting(where, value, "a mapping")
    hints = _hints(cls)  # type: ignore[arg-type]
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    required = {name for name, field in fields.items() if not _has_default(field)}
    unknown, missing = [str(key) for key in value if key not in fields], required - set(value)
    if unknown or missing:
        raise UnknownKeys(where, unknown, fields, missing)
    built = {key: _convert(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    return cls(**built)


@functools.cache
def _hints(cls: type[object]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return (
            None
            if value is None
            else _convert(next(a for a in arguments if a is not type(None)), value, where)
        )
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
    if hint is object:
        return value
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InvalidSetting(where, value, "a mapping")
        return {str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _convert_enum(hint, value, where)
    return _convert_scalar(hint, value, where)


def _convert_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise InvalidSetting(where, value, "a list")
    if arguments[-1] is Ellipsis:
        return tuple(_convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if len(value) != len(arguments):
        raise InvalidSetting(where, value, f"a list of {len(arguments)}")
    pairs = zip(arguments, value, strict=True)
    return tuple(
        _convert(argument, item, f"{where}[{index}]") for index, (argument, item) in enumerate(pairs)
    )


def _convert_enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError as error:
        raise InvalidSetting(
            where, value, "one of " + ", ".join(str(member.value) for member in hint)
        ) from error


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise InvalidSetting(where, value, "a finite number")
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    raise InvalidSetting(where, value, _accepted(hint, value))


def _accepted(hint: Any, value: Any) -> str:
    if hint is float and isinstance(value, str) and "e" in value.lower():
        return "a number; YAML takes 1e3 for a text, so write 1.0e+3 or 1000.0"
    return {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}.get(
        hint, str(hint)
    )
