"""What one episode over ROS left behind: commands tick by tick, chunks, paths of objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from qgf_ros.datatypes import FloatArray, Seam
from qgf_ros.errors import LostMessagesError

Path3 = dict[int, tuple[float, float, float]]
"""x, y, z in m by stamp in ns."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One episode. T command ticks, J joints of the contract; times in ns.

    `commands` (T, 3, J): position rad, velocity rad/s, acceleration rad/s2. `paths`: by name (M, 4), seconds from the first
    tick, then x, y, z in m. `tail_ticks`: ticks without a fresh action, while a chunk was being made; `hold_ticks`: ticks at
    which the arm held because something was wrong. `seams`: how hard each chunk took over from the last.
    """

    seed: int
    success: bool
    total_return: float
    steps: int
    latencies_ms: tuple[float, ...]
    weights: tuple[float, ...]
    missed_commands: int
    tail_ticks: int
    hold_ticks: int
    stamps_ns: npt.NDArray[np.int64]
    commands: FloatArray
    paths: Mapping[str, FloatArray]
    seams: tuple[Seam, ...] = ()


@dataclass(frozen=True)
class Certified:
    """Of a certificate: its tick number, the rung, the count of missed ticks so far, and the seam that the tick ended."""

    tick: int
    rung: str
    missed: int
    seam: Seam | None = None


@dataclass
class Recorder:
    """State: what has come since the episode was announced. One thread."""

    certified: dict[int, Certified] = field(default_factory=dict)  # by stamp
    executed: dict[int, FloatArray] = field(default_factory=dict)  # by stamp, (3, J)
    chunks: list[Mapping[str, str]] = field(default_factory=list)
    poses: dict[str, Path3] = field(default_factory=dict)  # by name, then by stamp

    def clear(self) -> None:
        """A new episode begins with the next message."""
        self.certified.clear()
        self.executed.clear()
        self.chunks.clear()
        self.poses.clear()

    def has_all(self, ticks: int) -> bool:
        """True when at least so many ticks were certified, each has its command, and the poses reach as far."""
        last_ns = max(self.certified, default=0)
        poses = all(max(path, default=0) >= last_ns for path in self.poses.values())
        return len(self.certified) >= ticks and self.certified.keys() <= self.executed.keys() and poses

    def finish(self, seed: int, sim: Mapping[str, str], until_ns: int | None = None) -> EpisodeRecord:
        """The record, given the simulator's last status; ticks after `until_ns` are left out.

        Raises:
            LostMessagesError: a tick's certificate or command did not arrive.
        """
        stamps = sorted(stamp for stamp in self.certified if until_ns is None or stamp <= until_ns)
        ticks = [self.certified[stamp].tick for stamp in stamps]
        if (
            not stamps
            or ticks != list(range(ticks[0], ticks[0] + len(ticks)))
            or not self.certified.keys() <= self.executed.keys()
        ):
            raise LostMessagesError(len(ticks), ticks[-1] - ticks[0] + 1 if ticks else 0, len(self.executed))
        certified = [self.certified[stamp] for stamp in stamps]
        return EpisodeRecord(
            seed=seed,
            success=sim["success"] == "true",
            total_return=float(sim["return"]),
            steps=int(sim["step"]),
            latencies_ms=tuple(float(chunk["latency_ms"]) for chunk in self.chunks),
            weights=tuple(float(chunk["weight"]) for chunk in self.chunks),
            missed_commands=certified[-1].missed - certified[0].missed,
            tail_ticks=sum(entry.rung == "tail" for entry in certified),
            hold_ticks=sum(entry.rung in ("hold", "stop") for entry in certified),
            stamps_ns=np.array(stamps, np.int64),
            commands=np.stack([self.executed[stamp] for stamp in stamps]),
            paths={name: _path(points, stamps[0], stamps[-1]) for name, points in self.poses.items()},
            seams=tuple(entry.seam for entry in certified if entry.seam is not None),
        )


def nothing_to_do(seed: int, sim: Mapping[str, str], joints: int) -> EpisodeRecord:
    """The record of an episode that was over as it began: T = 0."""
    return EpisodeRecord(
        seed=seed,
        success=sim["success"] == "true",
        total_return=float(sim["return"]),
        steps=0,
        latencies_ms=(),
        weights=(),
        missed_commands=0,
        tail_ticks=0,
        hold_ticks=0,
        stamps_ns=np.zeros(0, np.int64),
        commands=np.zeros((0, 3, joints)),
        paths={},
    )


def _path(points: Path3, first_ns: int, last_ns: int) -> FloatArray:
    kept = [
        ((stamp - first_ns) * 1e-9, *place) for stamp, place in points.items() if first_ns <= stamp <= last_ns
    ]
    return np.array(kept, np.float64).reshape(-1, 4)
