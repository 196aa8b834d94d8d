"""A mapping: a YAML file that says what the columns of foreign data mean, term by term and dimension by dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qgf_ros.errors import UnknownKeys
from qgf_ros.strict import build, read_yaml


@dataclass(frozen=True)
class Place:
    """Where a term or a dimension stands in a recording: a `column`, and there components by `names`, or from index `start` on.

    `unit` is the file's: the contract's where nothing is said. `scale` and `offset` turn what is there into that unit.
    """

    column: str
    names: tuple[str, ...] = ()
    start: int | None = None
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Mapped:
    """What a file's columns mean: a place for each term of the observation, and for each dimension of the action."""

    observation: dict[str, Place] = field(default_factory=dict)
    action: dict[str, Place] = field(default_factory=dict)


def load_mapping(path: Path) -> Mapped:
    """The mapping in a YAML file. Raises the errors of `qgf_ros.strict`."""
    return build(Mapped, read_yaml(path), path.name)


def check_names(what: str, places: Mapping[str, Place], wanted: Sequence[str]) -> None:
    """Raises UnknownKeys where `places` are not exactly those `wanted`; `what` is the part of the mapping."""
    unknown, missing = (
        [name for name in places if name not in wanted],
        [name for name in wanted if name not in places],
    )
    if unknown or missing:
        raise UnknownKeys(f"mapping.{what}", unknown, wanted, missing)
