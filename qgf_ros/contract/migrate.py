"""Brings contracts of older schema versions up to date, one step a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qgf_ros.contract.schema import SCHEMA_VERSION
from qgf_ros.errors import InvalidSetting, UnknownKeys

Step = Callable[[dict[str, Any]], dict[str, Any]]

TOP_KEYS = ("schema_version", "interface", "deployment")
STEPS: Mapping[int, Step] = {}  # version -> what turns its contract into the next version's; 1 is the first


def migrate(
    content: dict[str, Any], path: Path, steps: Mapping[int, Step] = STEPS, newest: int = SCHEMA_VERSION
) -> dict[str, Any]:
    """The contract's content in the `newest` schema, without the `schema_version` key.

    Raises:
        UnknownKeys: it states no version.
        InvalidSetting: the version is not one that this release can read.
    """
    if "schema_version" not in content:
        raise UnknownKeys(path.name, (), TOP_KEYS, missing=["schema_version"])
    version = content["schema_version"]
    readable = [*sorted(steps), newest]
    if type(version) is not int or version not in readable:
        accepted = "one of " + ", ".join(str(known) for known in readable)
        raise InvalidSetting(f"{path.name}: schema_version", version, accepted)
    content = {key: value for key, value in content.items() if key != "schema_version"}
    for older in range(version, newest):
        content = steps[older](content)
    return content
