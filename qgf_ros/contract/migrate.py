"""Brings contracts of older schema versions up to date, one step a version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgf_ros.contract.schema import SCHEMA_VERSION
from qgf_ros.errors import InvalidSetting, UnknownKeys

_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}  # version -> its contract as the next version's


def migrate(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The contract's content in today's schema, without the `schema_version` key.

    Raises:
        UnknownKeys: it states no version.
        InvalidSetting: the version is not one that this release can read.
    """
    if "schema_version" not in content:
        raise UnknownKeys(path.name, (), {*content, "schema_version"}, missing=["schema_version"])
    version = content["schema_version"]
    content = {key: value for key, value in content.items() if key != "schema_version"}
    while version != SCHEMA_VERSION:
        if version not in _STEPS:
            accepted = ", ".join(str(known) for known in [*_STEPS, SCHEMA_VERSION])
            raise InvalidSetting(f"{path.name}: schema_version", version, f"one of {accepted}")
        content, version = _STEPS[version](content), version + 1
    return content
