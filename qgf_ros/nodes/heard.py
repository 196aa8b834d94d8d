"""What a graph said of its motion: certificates, commands, measured joints; and what was wrong with the commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, JointCommand, Rung
from qgf_ros.evaluate.limit_watch import LimitWatch

REST = 1e-6  # rad/s, rad/s2
AWAY = "hold:away"  # a finding: docs/safety.md
KEPT_TICKS = 3000  # of what came before a window, to compare with


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

    @property
    def told(self) -> str:
        """The rung; a hold or a stop with its reason: `hold: stale`."""
        return f"{self.rung}: {self.values['reason']}" if self.rung in ("hold", "stop") else self.rung


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


@dataclass(frozen=True)
class Missed:
    """Command ticks that were dropped, as certificates count them: from a fault on, and in as long a time before it.

    `bearable`: ticks of a control period, for which controllers bridge silence.
    """

    after: int
    before: int
    bearable: int

    @property
    def is_the_faults(self) -> bool:
        """Whether the fault must have caused some: a busy machine drops ticks without it, before as after."""
        return self.after > 2 * self.before + self.bearable

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.after} ticks missed, {self.before} in the same time before"

    def __add__(self, other: Missed) -> Missed:
        """Of two faults together; what is bearable stays what it is for one."""
        return Missed(self.after + other.after, self.before + other.before, self.bearable)


@dataclass
class Heard:
    """All that was said since a moment, in order; the newest of each from before it comes first.

    `began_ns`: the moment (wall clock); `earlier`: ticks before it; `planned`: the greatest speeds (rad/s) of the last trajectory,
    by joint.
    """

    certificates: list[Certified] = field(default_factory=list)
    executed: list[Row] = field(default_factory=list)
    measured: list[Row] = field(default_factory=list)
    planned: dict[str, float] = field(default_factory=dict)
    chunks: int = 0
    began_ns: int = 0
    earlier: list[Certified] = field(default_factory=list)

    @property
    def ticks(self) -> list[Certified]:
        """The certificates of ticks, without announcements."""
        return [entry for entry in self.certificates if entry.stamp_ns]

    def begin_window(self, now_ns: int) -> Heard:
        """What is heard from now on: the last tick stays, with what was announced since, and the newest of all else."""
        kept = max((place for place, entry in enumerate(self.certificates) if entry.stamp_ns), default=0)
        before = Heard(self.certificates[:kept]).ticks
        return Heard(
            self.certificates[kept:],
            self.executed[-1:],
            self.measured[-1:],
            began_ns=now_ns,
            earlier=[*self.earlier, *before][-KEPT_TICKS:],
        )

    def problems(self, contract: Contract, at_ns: int | None = None) -> list[str]:
        """What was wrong with the commands, where a fault struck at `at_ns` (when the window began, if nothing is said).

        Missing ones (each tick sends one on each output, but for those that say `away`: the arm stands elsewhere than it rested),
        limits broken, and ticks that were dropped because of the fault.
        """
        owing = [tick for tick in self.ticks if AWAY not in tick.values["findings"].split()]
        numbers = [int(tick.values["tick"]) for tick in owing]
        gaps = sum(later not in (number + 1, 1) for number, later in pairwise(numbers))
        outputs = len(contract.deployment.outputs)
        missing = gaps + sum(int(tick.values["commands"]) != outputs for tick in owing)
        missed = self.missed(contract, at_ns)
        return [
            *[f"{missing} ticks without their commands"] * bool(missing),
            *[missed.words] * missed.is_the_faults,
            *broken_limits(self.ticks, self.executed, contract),
        ]

    def missed(self, contract: Contract, at_ns: int | None = None) -> Missed:
        """Ticks dropped from `at_ns` (as for `problems`) to the last one, and in the same time before."""
        ticks, at_ns = [*self.earlier, *self.ticks], self.began_ns if at_ns is None else at_ns
        until_ns = ticks[-1].stamp_ns if ticks else at_ns
        after = missed_between(ticks, at_ns, until_ns)
        before = missed_between(ticks, at_ns - (until_ns - at_ns), at_ns - 1)
        return Missed(after, before, contract.ticks_per_action)


def missed_between(ticks: Sequence[Certified], begin_ns: int, end_ns: int) -> int:
    """By how much `missed` grew in the ticks stamped within these moments, both included; it begins at 0 again with each activation."""
    total = 0
    for earlier, later in pairwise(ticks):
        if begin_ns <= later.stamp_ns <= end_ns:
            before, now = int(earlier.values["missed"]), int(later.values["missed"])
            total += now - before if now >= before else now
    return total


def broken_limits(ticks: Sequence[Certified], executed: Sequence[Row], contract: Contract) -> list[str]:
    """What commands break, each after the one before; only the first of a placed command (tick 1) may lie elsewhere.

    The first of all breaks nothing, since what came before it is not known. A command that moves and has no certificate though a
    later one has, is said too.
    """
    numbers = {tick.stamp_ns: int(tick.values["tick"]) for tick in ticks}
    newest_ns = max(numbers, default=0)
    limits, joints = contract.deployment.limits, contract.interface.joints
    watch, broken, is_known = LimitWatch(joints, limits, contract.tick_ns * 1e-9), list[str](), False
    for row in executed:
        number = numbers.get(row.stamp_ns)
        if number is None:
            if is_known and row.stamp_ns < newest_ns and not row.is_at_rest:
                broken.append("a command in motion without a certificate")
            continue
        if number == 1:
            watch.begin_anew()
        found = watch.look(row.command)
        broken += found if is_known else []
        is_known = True
    return broken
