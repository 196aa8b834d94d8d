"""Differences between two methods over tasks and trainings: the hierarchical bootstrap, and what a study can resolve at all.

The unit of analysis is a task with a training seed: episodes of one training share its luck, so that a hundred of them are not a hundred trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.stats import t as student_t

from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.compare import LEVEL, RESAMPLES, wilson

POWER = 0.8
Units = Sequence[FloatArray]
"""Of each task with a training seed (E,) outcomes, or differences of pairs, of its episodes."""


@dataclass(frozen=True)
class Resolved:
    """A mean over units with its interval at 95 %, and the smallest true difference that such a study finds four times in five."""

    mean: float
    interval: tuple[float, float]
    resolution: float
    units: int
    pairs: int

    @property
    def is_difference(self) -> bool:
        """Whether it may be called one: the interval is clear of zero, and the mean is not below the resolution."""
        low, high = self.interval
        return (low > 0.0 or high < 0.0) and abs(self.mean) >= self.resolution


def resampled(units: Units, seed: int = 0) -> FloatArray:
    """Means (RESAMPLES,): units are drawn anew, and within each drawn unit its episodes. Source: the hierarchical bootstrap."""
    random, count = np.random.default_rng(seed), len(units)
    means, drawn = np.zeros(RESAMPLES), random.integers(0, count, (RESAMPLES, count))
    for place, values in enumerate(units):
        times = (drawn == place).sum(axis=1)
        places = np.repeat(np.arange(RESAMPLES), times)
        within = values[random.integers(0, len(values), (len(places), len(values)))].mean(axis=1)
        means += np.bincount(places, within, RESAMPLES)
    return means / count


def resolved(units: Units, seed: int = 0) -> Resolved:
    """The mean of paired differences in {-1, 0, 1}; at least one unit, each of at least one pair.

    The interval covers the bootstrap's and that of Agresti and Min for all pairs (Wald's with half a pair added to each of the four
    outcomes; Biometrics 61, 2005): pairs that all agree give the bootstrap no width at all, and few pairs too little.
    Resolution: (z of 97.5 % + z of 80 %) times the larger of both standard errors; or, where that is more, the same with Student's
    quantiles and the standard error of the units' means, since the bootstrap of three trainings knows too little of a fourth.
    """
    means, pairs = resampled(units, seed), np.concatenate(list(units))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    centre, error = agresti_min(pairs)
    z, power = NormalDist().inv_cdf((1 + LEVEL) / 2), NormalDist().inv_cdf(POWER)
    interval = (min(float(low), centre - z * error), max(float(high), centre + z * error))
    own = np.array([values.mean() for values in units])
    resolution = max((z + power) * max(float(means.std()), error), _by_units(own))
    mean = float(own.mean())
    return Resolved(mean, (max(interval[0], -1.0), min(interval[1], 1.0)), resolution, len(units), len(pairs))


def agresti_min(pairs: FloatArray) -> tuple[float, float]:
    """Centre and standard error of the mean of differences (N,) in {-1, 0, 1}, half a pair added to each of the four outcomes."""
    gained, lost, count = float((pairs > 0).sum()) + 0.5, float((pairs < 0).sum()) + 0.5, len(pairs) + 2.0
    centre = (gained - lost) / count
    return centre, float(np.sqrt(gained + lost - (gained - lost) ** 2 / count) / count)


def _by_units(means: FloatArray) -> float:
    """The resolution of units' means (N,) by Student's quantiles; 0 of one unit, which tells nothing of others."""
    if len(means) < 2:
        return 0.0
    quantiles = student_t.ppf([(1 + LEVEL) / 2, POWER], len(means) - 1)
    return float(quantiles.sum() * means.std(ddof=1) / np.sqrt(len(means)))


def rate_interval(units: Units, seed: int = 0) -> tuple[float, float]:
    """Of a success rate over units of 0 and 1: it covers the bootstrap's and Wilson's for all episodes, as for `resolved`."""
    episodes = np.concatenate(list(units))
    low, high = wilson(int(episodes.sum()), len(episodes))
    if len(units) < 2:
        return low, high
    drawn_low, drawn_high = np.quantile(resampled(units, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return min(low, float(drawn_low)), max(high, float(drawn_high))
