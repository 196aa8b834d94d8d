"""Versions of libraries, for checkpoints and reports."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution by name; `not from pip` where pip knows of none."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not from pip"
