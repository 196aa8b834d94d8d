"""A row of the table of faults and reactions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MatrixRow:
    """A fault that struck in a phase: what had to follow, what followed, after how long, within which time it had to.

    Times in s: from the fault's beginning to the reaction; where the right reaction is to go on, how long it went on. `time_s`
    is None where nothing was seen.
    """

    fault: str
    phase: str
    expected: str
    seen: str
    time_s: float | None
    within_s: float
    passed: bool
