"""What a script of faults may be: how much of it is read, as plain YAML, and which values a fault may have. Ours."""

from __future__ import annotations

import math
import stat
from pathlib import Path

import yaml

MOST_BYTES = 16 * 1024
MOST_FAULTS = 200
DEEPEST = 8  # lists and mappings within one another
MOST_NAMES, LONGEST_NAME = 100, 200
LONGEST_TOLD = 100  # letters of a value in a sentence
EVER_S = 1e7  # months
RANGES = {
    "at_s": (0.0, EVER_S),
    "for_s": (0.0, EVER_S),
    "delay.seconds": (0.0, 60.0),
    "controller_lag.seconds": (0.0, 60.0),
    "seconds": (-3600.0, 3600.0),
    "share": (0.0, 1.0),
    "times": (1.0, 100.0),
    "length": (1.0, 1000.0),
    "std": (0.0, 10.0),
    "offset": (-100.0, 100.0),
    "kg": (0.0, 100.0),
}
"""Accepted values by field, or by fault and field: rad, m, s, kg. Larger ones show nothing that these do not."""
OTHERS = (-1e6, 1e6)


class FaultError(ValueError):
    """A fault that cannot be: one sentence with what would do."""


def read_text(path: Path) -> str:
    """The text of a script. Raises FaultError where it is no file, too long, or no text."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
        content = b""
        if is_file:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte, letters that there are not
        raise FaultError(f"it cannot be read ({told(error)}).") from error
    if not is_file or len(content) > MOST_BYTES:
        raise FaultError(f"it is no file, or has more than {MOST_BYTES} bytes, and no more are read.")
    return text


def plain(text: str) -> object:
    """YAML without tags, and without aliases, which can make much of little. Raises FaultError where it is none, or longer than a script."""
    if len(text) > MOST_BYTES:
        raise FaultError(f"faults of {len(text)} letters are not read; {MOST_BYTES} at most would do.")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            is_tagged = getattr(event, "tag", None) is not None
            if isinstance(event, yaml.AliasEvent) or is_tagged or depth > DEEPEST:
                raise FaultError(f"faults have no aliases, no tags, and no lists within {DEEPEST} others.")
        return yaml.safe_load(text)
    except FaultError:
        raise
    except (
        yaml.YAMLError,
        ValueError,
        ArithmeticError,
    ) as error:  # ValueError: a date or a number that is none
        raise FaultError(f"it is no YAML ({told(error)}).") from error


def number(name: str, key: str, value: object, may_be_endless: bool = False) -> float:
    """The value of a fault's field. Raises FaultError where it is no number, or none that the field may have."""
    lowest, highest = RANGES.get(f"{name}.{key}", RANGES.get(key, OTHERS))
    found = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if may_be_endless and found == math.inf:
        return math.inf
    if not lowest <= found <= highest:
        raise FaultError(
            f"{key} of the fault {name} is {told(value)}, but it must be a number from {lowest:g} to {highest:g}."
        )
    return float(found)


def names(name: str, key: str, value: object) -> tuple[str, ...]:
    """The names in a fault's field. Raises FaultError where it is no list of them."""
    if not isinstance(value, list | tuple) or len(value) > MOST_NAMES:
        raise FaultError(
            f"{key} of the fault {name} is {told(value)}, but it must be a list of at most {MOST_NAMES} names."
        )
    return tuple(text(name, key, part) for part in value)


def text(name: str, key: str, value: object) -> str:
    """A fault's field of one name. Raises FaultError where it is none."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise FaultError(
            f"{key} of the fault {name} is {told(value)}, but it must be a text of at most {LONGEST_NAME} letters."
        )
    return value


def told(value: object) -> str:
    """As much of a value, on one line, as a person reads."""
    words = " ".join((str(value) if isinstance(value, Exception | Path) else repr(value)).split())
    return words if len(words) <= LONGEST_TOLD else f"{words[:LONGEST_TOLD]} ..."
