"""A name for the checkpoint that is in use: a folder whose link `current` points at one of its versions. docs/adr/0029.

NAME/
  current -> versions/0002-6f1c...   what is in use; to change it is one rename
  versions/0001-.../                 copies of checkpoints, each with its history
  log.jsonl                          one line a decision, also those that changed nothing
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgf_ros.checkpoint import CONFIG, WEIGHTS
from qgf_ros.errors import NothingBeforeError, NotNamedError, OtherParentError
from qgf_ros.lineage import add_event, events, weights_digest
from qgf_ros.strict import read_json

CURRENT, VERSIONS, LOG = "current", "versions", "log.jsonl"
COPIED = (WEIGHTS, CONFIG, "detector.json", "detector.safetensors", "seen.json")
VERSION = re.compile(r"\d{4,}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Named:
    """The name `folder`. State: its files. One process at a time changes it; any number may load `current` meanwhile."""

    folder: Path

    @property
    def current(self) -> Path:
        """What a policy node is given: the link."""
        return self.folder / CURRENT

    @property
    def exists(self) -> bool:
        """Whether it points at anything yet."""
        return self.current.is_symlink()

    def version(self) -> str:
        """The version that is in use. Raises NotNamedError."""
        try:
            target = Path(os.readlink(self.current))
        except OSError as error:
            raise NotNamedError(self.folder) from error
        if (
            target.parent != Path(VERSIONS)
            or not VERSION.fullmatch(target.name)
            or not self._at(target.name).is_dir()
        ):
            raise NotNamedError(self.folder)
        return target.name

    def promote(self, candidate: Path, parent: Path, event: Mapping[str, Any]) -> str:
        """Points at a copy of the candidate, and returns its version; `event` goes into the copy's history.

        A name that does not exist yet begins with the parent.

        Raises:
            OtherParentError: it points at another checkpoint than the parent.
            NotNamedError: its link does not point at a version.
        """
        if not self.exists:
            self._point(self._add(parent, {"event": "named"}, None))
        self.check_parent(parent)
        version = self._add(candidate, {"event": "promoted", **event}, self.version())
        self._point(version)
        self.note({"decision": "promote", "version": version, **event})
        return version

    def roll_back(self, why: str) -> str:
        """Points at what was in use before the present version, and returns that.

        Raises:
            NotNamedError: it points at nothing.
            NothingBeforeError: the present version is the first.
        """
        version = self.version()
        previous = self._previous(version)
        if previous is None:
            raise NothingBeforeError(self.folder, version)
        self._point(previous)
        self.note({"decision": "rollback", "from": version, "version": previous, "why": why})
        return previous

    def is_trial_of(self, candidate: Path, parent: Path) -> bool:
        """Whether the candidate is in use already, since it was put in the parent's place."""
        if not self.exists:
            return False
        version = self.version()
        previous = self._previous(version)
        pairs = ((version, candidate), (previous, parent))
        return previous is not None and all(
            weights_digest(self._at(str(name))) == weights_digest(folder) for name, folder in pairs
        )

    def check_parent(self, parent: Path) -> None:
        """Returns where the parent is in use. Raises OtherParentError, NotNamedError."""
        in_use, given = weights_digest(self._at(self.version())), weights_digest(parent)
        if in_use != given:
            raise OtherParentError(self.folder, in_use, given)

    def note(self, entry: Mapping[str, Any]) -> None:
        """One more line in the log."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **entry})
        with (self.folder / LOG).open("a") as log:
            log.write(line + "\n")

    def _at(self, version: str) -> Path:
        return self.folder / VERSIONS / version

    def _previous(self, version: str) -> str | None:
        history = events(read_json(self._at(version) / CONFIG).get("provenance", {}))
        mine = [entry for entry in history if entry.get("version") == version]
        found = mine[-1].get("previous") if mine else None
        known = isinstance(found, str) and VERSION.fullmatch(found) and self._at(found).is_dir()
        return str(found) if known else None

    def _add(self, source: Path, event: Mapping[str, Any], previous: str | None) -> str:
        versions = self.folder / VERSIONS
        versions.mkdir(parents=True, exist_ok=True)
        numbers = [
            int(path.name.split("-")[0]) for path in versions.iterdir() if VERSION.fullmatch(path.name)
        ]
        version = f"{max(numbers, default=0) + 1:04d}-{weights_digest(source)[:12]}"
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=versions))
        part.chmod(0o755)
        for name in COPIED:
            if (source / name).is_file():
                shutil.copyfile(source / name, part / name)
        add_event(part, {**event, "version": version, "previous": previous})
        for path in part.iterdir():  # on the disk before anything points there
            with path.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(part, self._at(version))
        return version

    def _point(self, version: str) -> None:
        part = self.folder / f".{CURRENT}-{os.getpid()}"
        part.unlink(missing_ok=True)
        part.symlink_to(Path(VERSIONS) / version)
        os.replace(part, self.current)
