"""Builds frozen dataclasses from plain YAML or JSON values, and refuses what does not fit.

One reader for every file a user writes (contracts, recipes, graphs) and for the configuration inside a checkpoint: an
unknown key, a missing key, or a value of the wrong type is an error that says where it stands and what would do.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from qgf_ros.errors import InvalidSetting, MissingFileError, UnknownKeys, UnreadableFileError

T = TypeVar("T")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is not YAML, or not a mapping.
    """
    if not path.is_file():
        raise MissingFileError(path)
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableFileError(path, "YAML", str(error).replace("\n", " ")) from error
    if not isinstance(content, dict):
        raise UnreadableFileError(path, "a YAML mapping", f"found {type(content).__name__}")
    return content


def build(cls: type[T], value: Any, where: str) -> T:
    """`value` as an instance of the dataclass `cls`; `where` names the place in messages, e.g. `interface.action`.

    Raises:
        InvalidSetting: a value has the wrong type, or is no member of an enumeration.
        UnknownKeys: a key that `cls` has not, or one without default is absent; the message lists the valid ones.
    """
    if not isinstance(value, Mapping):
        raise InvalidSetting(where, value, "a mapping")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    for key in value:
        if key not in fields:
            raise UnknownKeys(where, [str(key)], fields)
    built = {key: _convert(hints[key], item, f"{where}.{key}") for key, item in value.items()}
    for name, field in fields.items():
        if name not in built and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UnknownKeys(where, (), fields, missing=[name])
    return cls(**built)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
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
    return tuple(_convert(argument, item, f"{where}[{index}]") for index, (argument, item) in enumerate(pairs))


def _convert_enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError as error:
        raise InvalidSetting(where, value, "one of " + ", ".join(str(member.value) for member in hint)) from error


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    if hint is Path and isinstance(value, str):
        return Path(value)
    raise InvalidSetting(where, value, {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}.get(hint, str(hint)))
