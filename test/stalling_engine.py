"""Engines for ladders: one that stalls where a schedule says, and one whose walk is known without networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from qgf_ros.inference.engines.engine import Engine, Question, Sample

SCORING = -1  # in place of a step's number


@dataclass(frozen=True)
class Stall:
    """`seconds` before step `step`, or SCORING: after the last."""

    step: int
    seconds: float


class StallingEngine:
    """Another engine's samples; `stalls` has at most one stall a sample, by the number of the sample, and `wait` carries it out.

    A stall before a step that the walk does not have, or where the engine is not asked between steps, comes at the end.
    """

    def __init__(self, engine: Engine, stalls: Mapping[int, Stall], wait: Callable[[float], None]) -> None:
        self.engine = engine
        self._stalls = stalls
        self._wait = wait
        self.count = 0

    @property
    def description(self) -> str:
        return f"stalling {self.engine.description}"

    def sample(self, question: Question) -> Sample:
        go_on = question.go_on
        stall = self._stalls.get(self.count)
        self.count += 1
        waited = False

        def stall_at(step: int) -> None:
            nonlocal waited
            if stall is not None and not waited and (stall.step == step or step == SCORING):
                self._wait(stall.seconds)
                waited = True

        def stall_and_ask(step: int) -> bool:
            stall_at(step)
            return go_on is not None and go_on(step)

        stall_at(0)
        sample = self.engine.sample(replace(question, go_on=stall_and_ask if go_on is not None else None))
        stall_at(SCORING)
        return sample


class StraightEngine:
    """The field that leads from any noise straight to 0.5, judged 0 everywhere: fast, and its answer is known at every step."""

    description = "straight"

    def sample(self, question: Question) -> Sample:
        noise, walk, go_on = question.noise, question.walk, question.go_on
        action, velocity, done = noise, 0.5 - noise, 0
        for step, (time, later) in enumerate(pairwise(walk.times)):
            if step and go_on is not None and not go_on(step):
                break
            action, done = action + np.float32(later - time) * velocity, step + 1
        answer = np.clip(action + np.float32(1.0 - walk.times[done]) * velocity, -1.0, 1.0)
        nan = float("nan")
        return Sample(answer, np.full(len(noise), nan, np.float32), 0, nan, 0.0, done)
