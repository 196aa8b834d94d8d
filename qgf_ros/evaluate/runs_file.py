"""Outcomes of trials that were made elsewhere, on a real robot for example, from a JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgf_ros.errors import InvalidSetting
from qgf_ros.strict import build, read_json

MOST = 100_000  # outcomes of each


@dataclass(frozen=True)
class Runs:
    """Success of each trial, in the order in which they were made.

    `paired`: trial i of both began from the same scene. Otherwise they share nothing, and trial i of both makes a round.
    """

    candidate: tuple[bool, ...]
    parent: tuple[bool, ...]
    paired: bool = False

    def __post_init__(self) -> None:
        """Check the counts; raises InvalidSetting."""
        for name, outcomes in (("candidate", self.candidate), ("parent", self.parent)):
            if not 1 <= len(outcomes) <= MOST:
                raise InvalidSetting(f"runs.{name}", len(outcomes), f"a list of 1 to {MOST} outcomes")
        if self.paired and len(self.candidate) != len(self.parent):
            found = (len(self.candidate), len(self.parent))
            raise InvalidSetting(
                "runs.candidate and runs.parent",
                found,
                "of one length, since the trials are said to be paired",
            )


def read_runs(path: Path) -> Runs:
    """The outcomes in a file `{"candidate": [true, ...], "parent": [...], "paired": false}`. Raises the errors of `qgf_ros.strict`."""
    return build(Runs, read_json(path), path.name)
