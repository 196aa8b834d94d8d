"""How often a rule promotes, by simulation: the power table, and the smallest gain that it finds often enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qgf_ros.evaluate.promotion import Rule, endings, evidence

PARENTS = (0.5, 0.7, 0.9)
GAINS = (-0.1, 0.0, 0.05, 0.1, 0.15, 0.2)
ENOUGH = 0.8
STEP = 0.01


@dataclass(frozen=True)
class Power:
    """Of simulated runs at these success rates: shares that end with a promotion, with the parent kept, and the mean number of pairs."""

    parent: float
    candidate: float
    promoted: float
    kept: float
    pairs: float


def power(parent: float, candidate: float, rule: Rule, runs: int = 1000, seed: int = 0) -> Power:
    """How `runs` trials end, where the two of a pair share nothing, as on a real robot.

    On shared seeds policies of one kind mostly agree; then fewer pairs decide, and a gain is found sooner than is said here.
    """
    generator = np.random.default_rng(seed)
    ours, theirs = (
        generator.random((runs, rule.cap), dtype=np.float32) < rate for rate in (candidate, parent)
    )
    promoted, kept, pairs = endings(evidence(ours, theirs, rule), rule)
    return Power(parent, candidate, float(promoted.mean()), float(kept.mean()), float(pairs.mean()))


def power_table(rule: Rule, runs: int = 1000) -> list[Power]:
    """For PARENTS, and candidates that are better by GAINS."""
    return [
        power(parent, parent + gain, rule, runs)
        for parent in PARENTS
        for gain in GAINS
        if 0.0 <= parent + gain <= 1.0
    ]


def smallest_detectable(parent: float, rule: Rule, runs: int = 300) -> float | None:
    """The least gain over a parent's success rate, in hundredths, that is promoted in at least ENOUGH of runs; None where none is."""
    few, many = 1, int((1.0 - parent) / STEP + 1e-9)
    if many < 1 or power(parent, parent + many * STEP, rule, runs).promoted < ENOUGH:
        return None
    while few < many:
        middle = (few + many) // 2
        if power(parent, parent + middle * STEP, rule, runs).promoted >= ENOUGH:
            many = middle
        else:
            few = middle + 1
    return round(many * STEP, 2)
