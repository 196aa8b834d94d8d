"""Where the robot stood in the data that a policy learned from: ranges of its joints, as plain JSON beside the weights.

The command node reads it, without torch: it begins slowly elsewhere, and takes positions far outside for wrong units.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import InvalidSetting, MissingFileError, ShapeMismatch
from qgf_ros.strict import build, read_json

FILE = "seen.json"
MOST_BYTES = 65_536
MOST_JOINTS = 256
LEAST_WIDTH = 1.0  # rad: a joint that hardly moved in the data may be elsewhere without being in wrong units


@dataclass(frozen=True)
class Seen:
    """Ranges of measured joints, rad or m, in the order of `joints`: in all of the data, and where episodes began."""

    joints: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    start_lower: tuple[float, ...]
    start_upper: tuple[float, ...]

    @classmethod
    def of(cls, joints: tuple[str, ...], positions: FloatArray, starts: FloatArray) -> Seen:
        """The ranges of measured `positions` (N, J) and of those at the begin of episodes, `starts` (M, J).

        Raises:
            ShapeMismatch: an array is not of that shape, or empty.
            InvalidSetting: a value is not finite.
        """
        for name, rows in (("positions", positions), ("starts", starts)):
            if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(joints):
                raise ShapeMismatch(name, rows.shape, f"(1 or more, {len(joints)})")
        ends = (positions.min(0), positions.max(0), starts.min(0), starts.max(0))
        seen = cls(joints, *(tuple(float(value) for value in end) for end in ends))
        _check(seen, "seen")
        return seen

    def joined(self, other: Seen) -> Seen:
        """The ranges of both data sets together. Raises InvalidSetting where a joint is not known to the other."""
        other.check_joints(self.joints)
        places = [other.joints.index(joint) for joint in self.joints]
        lows, highs = ("lower", "start_lower"), ("upper", "start_upper")
        ends = {name: [getattr(other, name)[place] for place in places] for name in (*lows, *highs)}
        least = {name: tuple(map(min, getattr(self, name), ends[name])) for name in lows}
        most = {name: tuple(map(max, getattr(self, name), ends[name])) for name in highs}
        return replace(self, **least, **most)

    def save(self, folder: Path) -> None:
        """Writes the file into a checkpoint's folder."""
        text = json.dumps(asdict(self), indent=1) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")

    def check_joints(self, joints: tuple[str, ...]) -> None:
        """Returns where every one of `joints` is known. Raises InvalidSetting."""
        lacking = [joint for joint in joints if joint not in self.joints]
        if lacking:
            accepted = f"a list with the contract's joints; it lacks {', '.join(lacking)}"
            raise InvalidSetting("seen.joints", list(self.joints), accepted)

    def outside(self, measured: Mapping[str, float], tolerance: float) -> list[str]:
        """Joints (of those known) that stand more than `tolerance` outside of all data."""
        return self._beyond(measured, self.lower, self.upper, tolerance)

    def outside_starts(self, measured: Mapping[str, float], tolerance: float) -> list[str]:
        """Joints (of those known) that stand more than `tolerance` away from where any episode began."""
        return self._beyond(measured, self.start_lower, self.start_upper, tolerance)

    def bounds(self, joint: str) -> tuple[float, float]:
        """Further out than this a position can only be in other units: the range, and its width on either side.

        Raises:
            ValueError: the joint is not known.
        """
        place = self.joints.index(joint)
        lower, upper = self.lower[place], self.upper[place]
        width = max(upper - lower, LEAST_WIDTH)
        return lower - width, upper + width

    def _beyond(
        self,
        measured: Mapping[str, float],
        lower: tuple[float, ...],
        upper: tuple[float, ...],
        tolerance: float,
    ) -> list[str]:
        ranges = zip(self.joints, lower, upper, strict=True)
        return [
            joint
            for joint, low, high in ranges
            if joint in measured and not low - tolerance <= measured[joint] <= high + tolerance
        ]


def load_seen(folder: Path) -> Seen | None:
    """What the folder of a checkpoint says about its data, or None where it has no such file.

    Raises:
        MissingFileError: there is no such folder.
        FileTooLarge, UnreadableFileError: the file is too long, is not JSON, or repeats a key.
        UnknownKeys, InvalidSetting: its content is not as above.
    """
    if not folder.is_dir():
        raise MissingFileError(folder)
    path = folder / FILE
    if not path.exists():
        return None
    seen = build(Seen, read_json(path, MOST_BYTES), FILE)
    _check(seen, FILE)
    return seen


def read_seen(place: str) -> tuple[Seen | None, str]:
    """What the policy at `place` says about its data, and in words where that stands, or why it is not known.

    `place`: the folder of a checkpoint, or one exported file, which says nothing of its data; empty: none was named.

    Raises:
        MissingFileError, FileTooLarge, UnreadableFileError, UnknownKeys, InvalidSetting: as `load_seen`.
    """
    if not place:
        return None, "not known: the parameter seen names no checkpoint"
    path = Path(place)
    if path.is_file():
        return None, f"not known: {path.name} is one exported file, only a checkpoint's folder has {FILE}"
    seen = load_seen(path)
    return seen, f"known from {path}" if seen is not None else f"not known: {path} has no {FILE}"


def _check(seen: Seen, where: str) -> None:
    count = len(seen.joints)
    if not 1 <= count <= MOST_JOINTS or len(set(seen.joints)) != count:
        raise InvalidSetting(f"{where}.joints", count, f"a list of 1 to {MOST_JOINTS} different names")
    _check_range(f"{where}.lower and upper", count, seen.lower, seen.upper)
    _check_range(f"{where}.start_lower and start_upper", count, seen.start_lower, seen.start_upper)


def _check_range(name: str, count: int, lower: tuple[float, ...], upper: tuple[float, ...]) -> None:
    if (len(lower), len(upper)) != (count, count):
        raise InvalidSetting(name, (len(lower), len(upper)), f"{count} numbers each")
    if not np.isfinite([lower, upper]).all() or (np.array(lower) > upper).any():
        raise InvalidSetting(name, (lower, upper), "finite, the lower not above the upper")
