"""Which walk fits the time that is left: decided before it begins, from what walks cost.

The ladder is ordered by measured success (docs/adr/0018-plan-and-ladder.md): the first of its walks that fits is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qgf_ros.errors import NoPlanError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerConfig, Walk
from qgf_ros.inference.cost import CostBook

SAFETY = 1.2  # a walk fits where this many times its cost is left: the rest is for jitter within a walk
WIDER = 4  # so many times the candidates are chosen from where nothing is guided: they make up for most of the guidance


class PlanLevel(Enum):
    """How much of the sampling that was asked for is planned, from best to last."""

    FULL = "full"
    FEWER_GUIDED = "fewer_guided"
    FEWER_STEPS = "fewer_steps"
    UNGUIDED = "unguided"
    NONE = "none"


@dataclass(frozen=True)
class Option:
    """One rung: at which times, which of the steps are guided, and the best of how many. Candidates are never fewer."""

    level: PlanLevel
    times: tuple[float, ...]
    guided: frozenset[int]
    candidates: int

    def walk(self, sampler: SamplerConfig) -> Walk:
        """The walk, with estimator and weight of `sampler`."""
        whole = [
            sampler.weight(time) if callable(sampler.weight) else sampler.weight for time in self.times[:-1]
        ]
        weights = tuple(weight if k in self.guided else 0.0 for k, weight in enumerate(whole))
        return Walk(self.times, weights, sampler.estimator, self.candidates, sampler.noise_scale)


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
    half, third = -(-steps // 2), -(-3 * steps // 10)
    whole, short = grid.times(steps), grid.times(third)

    def unguided(fewest: int, candidates: int) -> list[Option]:
        chosen = range(steps, fewest - 1, -1)
        return [Option(PlanLevel.UNGUIDED, grid.times(n), frozenset(), candidates) for n in chosen]

    fewer_guided = range(steps - 1, 0, -1)
    fewer_steps = range(min(half, steps - 1), third - 1, -1)
    return (
        Option(PlanLevel.FULL, whole, spread(steps, steps), count),
        *(Option(PlanLevel.FEWER_GUIDED, whole, spread(n, steps), count) for n in fewer_guided),
        *(Option(PlanLevel.FEWER_STEPS, grid.times(n), spread(n, n), count) for n in fewer_steps),
        Option(PlanLevel.FEWER_STEPS, short, spread(1, third), count),
        *unguided(third, WIDER * count),
        *unguided(half, count),
    )


def spread(guided: int, steps: int) -> frozenset[int]:
    """Which of `steps` steps are guided where `guided` are: the last, and from there backwards evenly. Early ones give least."""
    return frozenset(steps - 1 - (index * steps) // guided for index in range(guided))


class Planner:
    """The ladder of one way of sampling, with the costs that decide. `costs` knows its numbers of candidates."""

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
    """The numbers of candidates in the ladder of `sampler`: their costs must be known."""
    return (sampler.candidates, WIDER * sampler.candidates)
