"""The rows of a study: what is finished, each one JSON file, written whole or not at all. A study goes on from them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from qgf_ros.errors import InvalidSetting
from qgf_ros.strict import build, read_json
from qgf_ros.whole_file import write_whole

GIT_TIMEOUT_S = 20.0


class Purpose(Enum):
    """What episodes are for."""

    TUNING = "tuning"
    REPORTING = "reporting"


@dataclass(frozen=True)
class Key:
    """Which row: a cell, a training seed, a rival, and the value of its knob (None: as it is)."""

    cell: str
    training_seed: int
    rival: str
    value: float | None
    purpose: Purpose

    @property
    def name(self) -> str:
        """The row's file."""
        value = "as_is" if self.value is None else f"{self.value:g}"
        return f"{self.purpose.value}/{self.cell}/seed{self.training_seed}/{self.rival}-{value}.json"


@dataclass(frozen=True)
class Row:
    """`episodes` episodes from `first_seed` on, in order: whether each succeeded, and its control periods.

    `made_from` digests all that the outcome depends on but the code. `weight`: the guidance weight in force, where there is one.
    `ms_per_action`: time of sampling by control periods; `ms_per_chunk` the median; `processes` that ran beside one another then.
    `passes`: evaluations of networks for one chunk. `train_s` seconds of the rival's own training, `parent_train_s` of the policy and
    critic it goes on from; None where unknown. `commit`: of the code; None outside a repository.
    """

    cell: str
    task: str
    training_seed: int
    rival: str
    value: float | None
    purpose: Purpose
    made_from: str
    first_seed: int
    episodes: int
    success: tuple[bool, ...]
    steps: tuple[int, ...]
    weight: float | None
    engine: str
    ms_per_action: float
    ms_per_chunk: float
    processes: int
    passes: dict[str, int]
    train_s: float | None
    parent_train_s: float | None
    commit: str | None

    def __post_init__(self) -> None:
        """Check that lists are of one length; raises InvalidSetting."""
        for name in ("success", "steps"):
            if len(self.__dict__[name]) != self.episodes:
                raise InvalidSetting(
                    f"row.{name}", f"{len(self.__dict__[name])} values", f"{self.episodes} values"
                )

    @property
    def key(self) -> Key:
        """Which row it is."""
        return Key(self.cell, self.training_seed, self.rival, self.value, self.purpose)


class Rows:
    """The rows below a folder; `others` are folders of other studies, whose rows serve where they were made from the same. State: the files."""

    def __init__(self, folder: Path, others: Sequence[Path] = ()) -> None:
        self._folder, self._others = folder, others

    def find(self, key: Key, made_from: str) -> Row | None:
        """The row, where it is finished.

        Raises:
            InvalidSetting: the folder's own row was made from something else: other weights, constants, data, episodes.
            UnreadableFileError, UnknownKeys: the file is no row.
        """
        path = self._folder / key.name
        if not path.is_file():
            return self._elsewhere(key, made_from)
        row = build(Row, read_json(path), path.name)
        if row.key != key or row.made_from != made_from:
            accepted = (
                f"{made_from}, as the study now stands: move {path} away, or give the study another folder"
            )
            raise InvalidSetting(f"{key.name}: made_from", row.made_from, accepted)
        return row

    def _elsewhere(self, key: Key, made_from: str) -> Row | None:
        paths = [folder / key.name for folder in self._others if (folder / key.name).is_file()]
        rows = (build(Row, read_json(path), path.name) for path in paths)
        return next((row for row in rows if row.key == key and row.made_from == made_from), None)

    def add(self, row: Row) -> None:
        """Writes a row: after a crash it stands whole or not at all."""
        content = dataclasses.asdict(row) | {"purpose": row.purpose.value}
        write_whole(self._folder / row.key.name, json.dumps(content) + "\n")


def code_commit(folder: Path | None = None) -> str | None:
    """The commit of the code, ending in `-dirty` where files differ from it; None outside a repository."""
    place = folder or Path(__file__).parent
    return _git(place, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")


def committed_in(path: Path) -> str | None:
    """The commit that last changed a file; None where it is in none, or has changed since."""
    if not path.is_file() or _git(path.parent, "status", "--porcelain", "--ignored", "--", path.name) != "":
        return None
    return _git(path.parent, "log", "-n", "1", "--format=%H", "--", path.name) or None


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
