"""NAME:=VALUE on the command line, with the value's type read as YAML reads it."""

from __future__ import annotations

import yaml

from qgf_ros.errors import InvalidSetting

Scalar = bool | int | float | str


def assignment(word: str) -> tuple[str, Scalar]:
    """The name and value of `NAME:=VALUE`: 0.1 is a number, true a truth value, anything else a text.

    Raises:
        InvalidSetting: the word has no `:=`, no name, or a value that is no scalar.
    """
    name, separator, text = word.partition(":=")
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError:
        value = None
    if not separator or not name or not isinstance(value, bool | int | float | str):
        raise InvalidSetting("assignment", word, "NAME:=VALUE, for example guidance_weight:=0.1")
    return name, value
