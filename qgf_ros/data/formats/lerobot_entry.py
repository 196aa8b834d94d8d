"""Where one episode of a LeRobot data set lies, whatever its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """Frames of an episode within a file: from `start_s` on; `is_whole` where the file holds no others."""

    path: Path
    start_s: float = 0.0
    is_whole: bool = False


@dataclass(frozen=True)
class Entry:
    """An episode as the metadata list it; `clips` by the video feature's key."""

    index: int
    length: int
    data: Path
    clips: Mapping[str, Clip] = field(default_factory=dict)
    outcome: bool | None = None
