"""A row of the table of faults and reactions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class MatrixRow:
    """A fault that struck in a phase: what had to follow, what followed, after how long, within which time it had to.

    Times in s: from the fault's beginning to the reaction; where the right reaction is to go on, how long it went on. `time`
    is None where nothing was seen. Of real processes: `missed` command ticks that were dropped from the fault on, `missed_before` in the same
    time before it; None in process, where none can be. `kills` of a row over many: the figures of each.
    """

    fault: str
    phase: str
    expected: str
    seen: str
    time: float | None
    within: float
    passed: bool
    missed: int | None = None
    missed_before: int | None = None
    kills: tuple[dict[str, object], ...] = field(default=(), repr=False)

    def figures(self) -> dict[str, object]:
        """As `--json` writes it: without what this row cannot have."""
        figures = {
            key: value for key, value in vars(self).items() if key != "kills" and not key.startswith("missed")
        }
        if self.missed is not None:
            figures |= {"missed": self.missed, "missed_before": self.missed_before}
        return figures | ({"kills": list(self.kills)} if self.kills else {})
