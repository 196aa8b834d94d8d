"""Intervals: how sure a success rate, or a difference between two policies on the same seeds, is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

LEVEL = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Rate:
    """A success rate with its Wilson interval at 95 %."""

    success: float
    interval: tuple[float, float]
    episodes: int


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences with a percentile-bootstrap interval at 95 % over the pairs."""

    mean: float
    interval: tuple[float, float]
    pairs: int


def wilson(successes: int, episodes: int) -> tuple[float, float]:
    """The Wilson score interval of a success rate; (0, 1) without episodes."""
    if episodes == 0:
        return 0.0, 1.0
    interval = binomtest(successes, episodes).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def rate(successes: Sequence[bool]) -> Rate:
    """The rate of these outcomes."""
    count = sum(successes)
    return Rate(count / max(len(successes), 1), wilson(count, len(successes)), len(successes))


def paired_difference(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Difference:
    """Ours minus theirs over the same seeds, in the same order; at least one pair.

    The interval resamples pairs, so that what a seed makes easy or hard for both cancels out. Source: Efron's
    percentile bootstrap.
    """
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(differences), (RESAMPLES, len(differences)))
    means = differences[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(float(differences.mean()), (float(low), float(high)), len(differences))
