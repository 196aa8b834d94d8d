"""What a kill -9 led to, and whether it may: one of the command node in motion, one of the policy node in play."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qgf_ros.contract.schema import OutputKind
from qgf_ros.datatypes import FloatArray
from qgf_ros.nodes.heard import Missed, Row

SAG_RAD = 0.02  # the simulated arm sags under its weight by less, and more or less so where it stands
LEAST_SPEED = 0.05  # rad/s: a command that moves less at the kill shows nothing
LONGEST_REST_S = 1.0
UNHEARD_S = 0.1  # a longer silence hides when the joints stand: Fast DDS may hold others up for a second where a process is killed
STANDS = 0.02  # rad/s: a joint that is measured to be slower stands


@dataclass(frozen=True)
class CommandKill:
    """One kill of the command node. Joints (J,) in the contract's order, rad.

    `speed` (rad/s) is the greatest of any joint in the last command, `moved` how far the joints still moved, `lag` how far the drives
    were behind the last command, `bound` the stopping bound of the command, `rest_s` when all were measured to stand for good.
    `missed`: ticks that were dropped before; `unheard_s`: the longest time of which no joint states were heard after it. `again`: so many
    kills before it were unclear.
    """

    kind: OutputKind
    phase_s: float
    speed: float
    moved: FloatArray
    lag: FloatArray
    bound: FloatArray
    rest_s: float
    missed: int = 0
    unheard_s: float = 0.0
    again: int = 0

    @property
    def share(self) -> float:
        """How much was used of what the drives had to make good and the stopping bound, at most."""
        return float((self.moved / (self.lag + self.bound + SAG_RAD)).max())

    @property
    def passed(self) -> bool:
        """In motion when it was killed, inside the stopping bound, and at rest in time."""
        return self.speed > LEAST_SPEED and self.share <= 1.0 and self.rest_s <= LONGEST_REST_S

    @property
    def is_unclear(self) -> bool:
        """Whether it does not pass only for want of joint states: they were silent, and then still moved or had just come to rest."""
        return self.share <= 1.0 and self.rest_s > LONGEST_REST_S and self.unheard_s > UNHEARD_S

    def figures(self) -> dict[str, object]:
        """As `--json` writes it."""
        rounded = {name: np.round(getattr(self, name), 4).tolist() for name in ("moved", "lag", "bound")}
        rest_s = self.rest_s if math.isfinite(self.rest_s) else None
        plain = {"kind": self.kind.value, "phase": self.phase_s, "speed": self.speed, "rest": rest_s}
        counted = {
            "share": self.share,
            "missed_before": self.missed,
            "unheard": self.unheard_s,
            "again": self.again,
        }
        return plain | rounded | counted


@dataclass(frozen=True)
class PolicyKill:
    """One kill of the policy node: ticks watched, those that were dropped, what was wrong, rungs after it in order."""

    phase_s: float
    ticks: int
    missed: Missed
    problems: tuple[str, ...]
    rungs: tuple[str, ...]
    rest_s: float | None

    @property
    def passed(self) -> bool:
        """No command is missing, none breaks a limit, no tick is dropped because of it, and the arm rests on the tail."""
        is_tail = self.rungs in (("chunk", "tail"), ("tail",))
        return not self.problems and not self.missed.is_the_faults and is_tail and self.rest_s is not None

    def figures(self) -> dict[str, object]:
        """As `--json` writes it."""
        missed = {"missed": self.missed.after, "missed_before": self.missed.before}
        found = {"phase": self.phase_s, "ticks": self.ticks, "rungs": list(self.rungs), "rest": self.rest_s}
        return found | missed | {"problems": list(self.problems)}


def standing_after(rows: Sequence[Row], at_ns: int) -> float:
    """Seconds from a moment until no joint is measured to move any more, by its velocity; infinite where one does at the end."""
    moving = [not bool((np.abs(row.velocities) <= STANDS).all()) for row in rows]
    if not moving or moving[-1]:
        return float("inf")
    until = len(moving) - moving[::-1].index(True) if True in moving else 0
    return max((rows[until].stamp_ns - at_ns) * 1e-9, 0.0)


def longest_gap(rows: Sequence[Row]) -> float:
    """The longest time (s) between the stamps of two that follow one another."""
    return max(((after.stamp_ns - row.stamp_ns) * 1e-9 for row, after in pairwise(rows)), default=0.0)
