"""What a graph said of its motion: certificates, commands, measured joints; and whether the commands kept their limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, JointCommand, Rung
from qgf_ros.evaluate.limit_watch import LimitWatch

REST = 1e-6  # rad/s, rad/s2
AWAY = "hold:away"  # a finding: docs/safety.md


@dataclass(frozen=True)
class Certified:
    """A certificate: its stamp (0: an announcement), when it came (ns, wall clock), its values by key."""

    stamp_ns: int
    came_ns: int
    values: dict[str, str]

    @property
    def rung(self) -> str:
        """`chunk`, `tail`, `hold` or `stop`."""
        return self.values["rung"]


@dataclass(frozen=True)
class Row:
    """Joints at a stamp, in the contract's order: rad, rad/s, rad/s2; what was not told is empty."""

    stamp_ns: int
    positions: FloatArray
    velocities: FloatArray
    accelerations: FloatArray

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing moves."""
        return bool(np.abs([self.velocities, self.accelerations]).max() < REST)

    @property
    def command(self) -> JointCommand:
        """As a command of which nothing else is known."""
        values = (self.positions, self.velocities, self.accelerations)
        return JointCommand(self.stamp_ns, 0, *values, Rung.CHUNK, "", 0, 0, False, 0)


@dataclass
class Heard:
    """All that was said since a moment, in order.

    `broken`: sentences of limits that a command broke; `planned`: the greatest speeds (rad/s) of the last trajectory, by joint.
    """

    certificates: list[Certified] = field(default_factory=list)
    executed: list[Row] = field(default_factory=list)
    measured: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    planned: dict[str, float] = field(default_factory=dict)
    chunks: int = 0

    @property
    def ticks(self) -> list[Certified]:
        """The certificates of ticks, without announcements."""
        return [entry for entry in self.certificates if entry.stamp_ns]

    def problems(self, outputs: int) -> list[str]:
        """What was wrong with the commands: missing ones (each tick sends `outputs`), and limits broken.

        None is owed while the arm stands elsewhere than it rested (`away`), and that is said.
        """
        owing = [tick for tick in self.ticks if AWAY not in tick.values["findings"].split()]
        numbers = [int(tick.values["tick"]) for tick in owing]
        gaps = sum(later not in (number + 1, 1) for number, later in pairwise(numbers))
        missing = gaps + sum(int(tick.values["commands"]) != outputs for tick in owing)
        return [f"{missing} ticks without their commands"] * bool(missing) + self.broken


class CommandWatch:
    """Checks every command that was executed. State: the last one. One thread."""

    def __init__(self, contract: Contract) -> None:
        joints, tick_s = contract.interface.joints, contract.tick_ns * 1e-9
        self._watch = LimitWatch(joints, contract.deployment.limits, tick_s)
        self._last: Row | None = None

    def look(self, row: Row) -> list[str]:
        """What a command breaks; the first one nothing, since what came before it is not known."""
        last, self._last = self._last, row
        if last is None or (row.is_at_rest and last.is_at_rest):
            self._watch.begin_anew()  # from rest to rest a reset may have placed the command elsewhere
        broken = self._watch.look(row.command)
        return broken if last is not None else []
