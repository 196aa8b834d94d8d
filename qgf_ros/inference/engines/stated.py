"""An engine whose work takes a stated time on a virtual clock, whatever it really takes: deadlines that repeat bit by bit."""

from __future__ import annotations

from dataclasses import replace

from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import VirtualClock
from qgf_ros.inference.engines.engine import Engine, Question, Sample


class StatedEngine:
    """Another engine's samples. The clock goes on by `cost`, whatever the number of candidates."""

    def __init__(self, engine: Engine, clock: VirtualClock, cost: WalkCost) -> None:
        self._engine = engine
        self._clock = clock
        self._cost = cost

    @property
    def description(self) -> str:
        """The other engine's."""
        return self._engine.description

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`."""
        walk, go_on = question.walk, question.go_on
        done = 0
        self._clock.spend(self._cost.fixed_s)

        def spend_until(step: int) -> None:
            nonlocal done
            self._clock.spend(self._cost.of_steps(step - done, _guided(walk, done, step)))
            done = step

        def spend_and_ask(step: int) -> bool:
            spend_until(step)
            return go_on is not None and go_on(step)

        asked = spend_and_ask if go_on is not None else None
        sample = self._engine.sample(replace(question, go_on=asked))
        spend_until(sample.steps)
        self._clock.spend(self._cost.around_s(walk.guided_steps) - self._cost.fixed_s)
        return sample


def _guided(walk: Walk, first: int, end: int) -> int:
    return sum(weight != 0.0 for weight in walk.weights[first:end])
