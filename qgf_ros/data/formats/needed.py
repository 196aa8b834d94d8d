"""Libraries that only some formats need: looked for when such a data set is opened, and what they say of damaged files."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qgf_ros.errors import MissingExtraError, UnreadableFileError

DAMAGED = (OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError, NotImplementedError)


def needed(module: str) -> Any:
    """The module of that name. Raises MissingExtraError where its package is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError("This data format", module.partition(".")[0], "data") from error


def need(package: str, what: str) -> None:
    """Raises MissingExtraError, saying that `what` needs it, where a package is not installed; imports nothing."""
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(what, package, "data")


@contextmanager
def refused(path: Path, expected: str, theirs: type[Exception]) -> Iterator[None]:
    """Turns what a library says of a damaged file, `theirs` or what Python has for it, into UnreadableFileError: its first line."""
    try:
        yield
    except (theirs, *DAMAGED) as error:
        lines = str(error).strip().splitlines()
        problem = lines[0].rstrip(".") if lines else type(error).__name__
        raise UnreadableFileError(path, expected, problem) from error
