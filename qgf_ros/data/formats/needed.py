"""Libraries that only some formats need: looked for when such a data set is opened."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from qgf_ros.errors import MissingExtraError


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
