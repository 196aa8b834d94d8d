"""Recordings in numbers: how long, how they ended, and of each component its range, its spread and what lies far outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from qgf_ros.data.recording import Column, Recording

SAMPLED = 20_000  # rows of a column at most, evenly spread, of which spread, outliers and histogram are made
WIDEST = 256  # components: a wider column is named by its shape alone
MIDDLE = (0.005, 0.995)  # what lies beyond it by more than its own width is an outlier
CLOCK = "ns"  # the unit of stamps, of which there is nothing to tell
BINS = 24  # of a histogram


@dataclass(frozen=True)
class Component:
    """One component over all rows: least, most and mean of its finite values, in its unit, and how many are not finite.

    Of a sample: `spread` (half of the middle 68 %), the share of `outliers`, which lie beyond the middle 99 % by more than its width,
    and a histogram of the rest between `histogram_ends`.
    """

    name: str
    unit: str
    least: float
    most: float
    mean: float
    spread: float
    not_finite: int
    outliers: float
    histogram: list[int]
    histogram_ends: tuple[float, float]


class ColumnSummary:
    """State: sums over the rows so far, and an evenly spread sample of them."""

    def __init__(self, first: Column) -> None:
        self.width = width = 1 if first.values.ndim == 1 else first.values.shape[1]
        self._names = first.names or tuple(map(str, range(width)))
        self._units = first.units or ("",) * width
        self._is_flag = first.values.dtype.kind == "b"  # of which the rare value is no outlier
        self._least, self._most = np.full(width, np.inf), np.full(width, -np.inf)
        self._sum, self._finite = np.zeros(width), np.zeros(width, np.int64)
        self.rows = 0
        self._every, self._sample = 1, list[npt.NDArray[np.float64]]()

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """More rows (T, C)."""
        is_finite = np.isfinite(values)
        self._least = np.minimum(self._least, np.where(is_finite, values, np.inf).min(axis=0, initial=np.inf))
        self._most = np.maximum(self._most, np.where(is_finite, values, -np.inf).max(axis=0, initial=-np.inf))
        self._sum += np.where(is_finite, values, 0.0).sum(axis=0)
        self._finite += is_finite.sum(axis=0)
        self._sample.append(values[-self.rows % self._every :: self._every])
        self.rows += len(values)
        while sum(map(len, self._sample)) > SAMPLED:
            self._sample = [np.concatenate(self._sample)[::2]]
            self._every *= 2

    def components(self) -> list[Component]:
        """Each component."""
        sample = np.concatenate(self._sample)
        return [self._component(place, sample[:, place]) for place in range(len(self._names))]

    def _component(self, place: int, sample: npt.NDArray[np.float64]) -> Component:
        name, unit, count = self._names[place], self._units[place], int(self._finite[place])
        finite = sample[np.isfinite(sample)]
        if not count or not len(finite):
            return Component(name, unit, 0.0, 0.0, 0.0, 0.0, self.rows - count, 0.0, [], (0.0, 0.0))
        low, first, third, high = np.quantile(finite, [MIDDLE[0], 0.16, 0.84, MIDDLE[1]]).tolist()
        width = high - low
        is_far = ((finite < low - width) | (finite > high + width)) & (width > 0 and not self._is_flag)
        counts, edges = np.histogram(finite[~is_far], BINS)
        histogram, ends = [int(number) for number in counts], (float(edges[0]), float(edges[-1]))
        least, most, mean = (
            float(self._least[place]),
            float(self._most[place]),
            float(self._sum[place]) / count,
        )
        spread, outliers = (third - first) / 2, float(np.mean(is_far))
        return Component(name, unit, least, most, mean, spread, self.rows - count, outliers, histogram, ends)


@dataclass
class Summary:
    """State: recordings so far: their rows, outcomes, tasks, numeric columns by name; others by shape and type."""

    rows: list[int] = field(default_factory=list)
    successes: list[bool | None] = field(default_factory=list)
    tasks: set[str] = field(default_factory=set)
    columns: dict[str, ColumnSummary] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    def add(self, recording: Recording) -> None:
        """One more recording."""
        self.rows.append(recording.rows)
        self.successes.append(recording.success)
        self.tasks.add(recording.task)
        for name, column in recording.columns.items():
            if problem := self._add(name, column):
                self.others[name] = problem

    def _add(self, name: str, column: Column) -> str:
        """More rows of a column; why they are not summed up, if so."""
        values = column.values
        is_wide = values.ndim not in (1, 2) or values.size > WIDEST * len(values)
        if is_wide or values.dtype.kind not in "biuf" or CLOCK in column.units:
            return f"{values.dtype} {values.shape[1:]} {' '.join(column.units)}".rstrip()
        rows = values.reshape(len(values), -1)
        summary = self.columns.setdefault(name, ColumnSummary(column))
        if rows.shape[1] != summary.width:
            return f"{rows.shape[1]} components in one recording, {summary.width} in another"
        summary.add(rows.astype(np.float64))
        return ""


def counted(outcomes: Sequence[bool | None]) -> dict[str, int]:
    """How many succeeded, failed, and were not marked."""
    return {
        "successes": sum(outcome is True for outcome in outcomes),
        "failures": sum(outcome is False for outcome in outcomes),
        "unmarked": sum(outcome is None for outcome in outcomes),
    }
