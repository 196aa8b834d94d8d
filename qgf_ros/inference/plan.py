"""Which walk fits the time that is left: decided before it begins, from what walks cost.

The ladder is ordered by measured success (docs/adr/0018): the first of its walks that fits is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qgf_ros.errors import NoPlanError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerConfig, Walk
from qgf_ros.inference.cost import CostBook

SAFETY = 1.2  # a walk fits where this many times its cost is left: the rest is for jitter within a walk


class PlanLevel(Enum):
    """How much of the sampling that was asked for is planned, from best to last."""

    FULL = "full"
    FEWER_STEPS = "fewer_steps"
    FEWER_GUIDED = "fewer_guided"
    FEWER_CANDIDATES = "fewer_candidates"
    UNGUIDED = "unguided"
    NONE = "none"


@dataclass(frozen=True)
class Option:
    """One rung: at which times, how many of the last steps are guided, the best of how many."""

    level: PlanLevel
    times: tuple[float, ...]
    guided_steps: int
    candidates: int

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.times) - 1

    def walk(self, sampler: SamplerConfig) -> Walk:
        """The walk, with estimator and weight of `sampler`."""
        first_guided = self.steps - self.guided_steps
        weights = tuple(
            (sampler.weight(time) if callable(sampler.weight) else sampler.weight)
            if k >= first_guided
            else 0.0
            for k, time in enumerate(self.times[:-1])
        )
        return Walk(self.times, weights, sampler.estimator, self.candidates)


@dataclass(frozen=True)
class Plan:
    """What is to be walked, and what it should cost at present, s. Without a walk nothing is to be sent."""

    level: PlanLevel
    walk: Walk | None
    expected_s: float


def ladder(sampler: SamplerConfig, grid: TimeGrid) -> tuple[Option, ...]:
    """The walks to choose from, best first; raises OffGridError where the first asks for times not trained on."""
    grid.check_equal(sampler.denoise_steps)
    steps, count = sampler.denoise_steps, sampler.candidates
    half = -(-steps // 2)
    options = [Option(PlanLevel.FULL, SamplerConfig(steps).walk().times, steps, count)]
    options += [
        Option(PlanLevel.FEWER_STEPS, grid.times(n), n, count) for n in range(steps - 1, half - 1, -1)
    ]
    options += [Option(PlanLevel.FEWER_GUIDED, grid.times(half), n, count) for n in range(half - 1, 0, -1)]
    if count > 1:
        options.append(Option(PlanLevel.FEWER_CANDIDATES, grid.times(half), half, 1))
    options += [Option(PlanLevel.UNGUIDED, grid.times(n), 0, count) for n in range(steps, 0, -1)]
    return tuple(options)


class Planner:
    """The ladder of one way of sampling, with the costs that decide. `costs` knows every number of candidates in it."""

    def __init__(self, sampler: SamplerConfig, grid: TimeGrid, costs: CostBook) -> None:
        """Raises OffGridError where the sampler asks for times that the policy was not trained on."""
        self._options = ladder(sampler, grid)
        self._costs = costs

    def plan(self, sampler: SamplerConfig, left_s: float) -> Plan:
        """The best walk that fits into `left_s`, or none; of `sampler` the weight counts, which may have changed."""
        for option in self._options:
            walk = option.walk(sampler)
            expected_s = self._costs.predict(walk.candidates, walk.steps, walk.guided_steps)
            if SAFETY * expected_s <= left_s:
                return Plan(option.level, walk, expected_s)
        return Plan(PlanLevel.NONE, None, 0.0)

    def check_fits(self, sampler: SamplerConfig, left_s: float) -> None:
        """Raises NoPlanError where nothing fits into `left_s`."""
        if self.plan(sampler, left_s).walk is None:
            raise NoPlanError(self.cheapest_s(sampler), left_s)

    def cheapest_s(self, sampler: SamplerConfig) -> float:
        """What must be left for any walk to fit, s."""
        walks = [option.walk(sampler) for option in self._options]
        return SAFETY * min(self._costs.predict(w.candidates, w.steps, w.guided_steps) for w in walks)


def candidate_counts(sampler: SamplerConfig) -> tuple[int, ...]:
    """The numbers of candidates that the ladder of `sampler` may use: their costs must be known."""
    return (1, sampler.candidates)
