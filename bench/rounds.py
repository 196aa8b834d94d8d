"""Fair timing: sides take turns, round by round, so that whatever else the machine does hits all of them alike.

Nothing here knows what is timed. A side is a name and a function that takes one turn and returns the milliseconds of its calls.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

NOISY = 1.5  # a row whose median is over this many times its minimum was disturbed

Name = TypeVar("Name", bound=Hashable)
Turn = Callable[[], Sequence[float]]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Budget:
    """How long a group of sides is measured: at least `fewest` rounds, at most `most`, and not much over `seconds`."""

    seconds: float
    fewest: int = 5
    most: int = 200


@dataclass
class Timings:
    """The milliseconds of one side's calls; `repeats` counts how often they were measured again because they were noisy."""

    milliseconds: list[float] = field(default_factory=list)
    repeats: int = 0

    @property
    def disturbed(self) -> float:
        """Median over minimum."""
        return float(np.median(self.milliseconds)) / min(self.milliseconds)

    def figures(self) -> dict[str, Any]:
        """p50, p99, minimum, worst (ms) and how many calls they come from."""
        return {
            "p50_ms": float(np.median(self.milliseconds)),
            "p99_ms": float(np.percentile(self.milliseconds, 99)),
            "min_ms": min(self.milliseconds),
            "worst_ms": max(self.milliseconds),
            "calls": len(self.milliseconds),
            "repeats": self.repeats,
        }


def interleave(
    turns: Mapping[Name, Turn], budget: Budget, clock: Clock = time.monotonic
) -> dict[Name, Timings]:
    """Every side once a round, each round in another order, until the budget is used up."""
    found = {name: Timings() for name in turns}
    order, shuffle = list(turns), random.Random(0)
    began = clock()
    for done in range(budget.most):
        spent = clock() - began
        if done >= budget.fewest and spent + spent / done > budget.seconds:
            break
        shuffle.shuffle(order)
        for name in order:
            found[name].milliseconds.extend(turns[name]())
    return found


def measure(
    turns: Mapping[Name, Turn], budget: Budget, most_repeats: int = 2, clock: Clock = time.monotonic
) -> dict[Name, Timings]:
    """Interleaved timings; sides that were disturbed are measured again among themselves, at most `most_repeats` times.

    Of a side's attempts the least disturbed one is kept, whether it is faster or slower.
    """
    best = interleave(turns, budget, clock)
    for attempt in range(1, most_repeats + 1):
        noisy = [name for name, timings in best.items() if timings.disturbed > NOISY]
        if not noisy:
            break
        share = budget.seconds * len(noisy) / len(turns)
        again = interleave(
            {name: turns[name] for name in noisy}, Budget(share, budget.fewest, budget.most), clock
        )
        for name, timings in again.items():
            best[name] = min(best[name], timings, key=lambda one: one.disturbed)
            best[name].repeats = attempt
    return best
