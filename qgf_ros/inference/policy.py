"""The guided policy: observation in, action chunk and report out. Imports no torch; engines may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import ActionChunk, FloatArray, Observation
from qgf_ros.errors import NoGoalError, ShapeMismatch
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.engines.engine import Engine, GoOn, Question


@dataclass(frozen=True)
class SamplerReport:
    """What one chunk took and gave; Q is the aggregated target critic's, of the chosen candidate.

    `denoise_steps` and `guided_steps` that were walked; `planned_steps` as the walk had them. `q_first`: at the first
    clean-action estimate, before any guidance (nan when unguided). `q_final`: of the chunk (nan when the critic was not
    asked). `guidance_norm`: mean over guided steps of |w g|, in action units per unit of time.
    """

    denoise_steps: int
    planned_steps: int
    guided_steps: int
    weight: float
    candidates: int
    q_first: float
    q_final: float
    guidance_norm: float


NOTHING = SamplerReport(0, 0, 0, 0.0, 0, float("nan"), float("nan"), 0.0)
"""Where no walk was begun."""


@dataclass(frozen=True)
class Proposal:
    """A chunk for the robot and how it came about."""

    chunk: ActionChunk
    report: SamplerReport


Aim = Callable[[FloatArray], None]
"""Tells an engine the goal (G,) that it samples for from now on, in the interface's units."""


class ChunkPolicy:
    """Samples chunks with an engine, in the units of an interface. State: the `goal` (G,), where the interface has goals and one is known."""

    def __init__(self, interface: Interface, engine: Engine, aim: Aim | None = None) -> None:
        """`aim`: the engine's, where its checkpoint is for many goals."""
        self.goal: FloatArray | None = None
        self._aim = aim
        self.engine = engine
        self._interface = interface
        self._range = ActionRange(interface.action)

    @property
    def observation_dim(self) -> int:
        """Length of the observations that it takes."""
        return self._interface.observation_dim

    def aim(self, goal: FloatArray) -> None:
        """Chunks are for `goal` (G,), in the interface's units, from now on. Raises ShapeMismatch where the policy takes no such goal."""
        if self._aim is None or goal.shape != (self._interface.goal_dim,):
            raise ShapeMismatch("goal", goal.shape, f"({self._interface.goal_dim},)")
        if self.goal is None or not np.array_equal(self.goal, goal):
            self._aim(goal)
            self.goal = goal

    def propose(
        self,
        observation: Observation,
        walk: Walk,
        seed: int,
        index: int,
        prefix: Prefix | None = None,
        go_on: GoOn | None = None,
    ) -> Proposal:
        """The chunk number `index` of an episode whose noise is drawn from `seed`: equal inputs, equal chunk.

        Raises:
            ShapeMismatch: the observation has another length than the interface.
            NoGoalError: the interface has goals, and none was stated.
        """
        interface = self._interface
        if interface.goal is not None and self.goal is None:
            raise NoGoalError("A chunk")
        if observation.values.shape != (interface.observation_dim,):
            raise ShapeMismatch("observation", observation.values.shape, f"({interface.observation_dim},)")
        vector_dim = interface.chunk_length * interface.action_dim
        noise = np.float32(walk.noise) * draw_noise(seed, index, walk.candidates, vector_dim)
        sample = self.engine.sample(Question(observation.values, noise, walk, prefix, go_on))
        values = sample.actions[sample.best].reshape(interface.chunk_length, -1)
        actions = self._range.physical(values.astype(np.float64))
        walked = [weight for weight in walk.weights[: sample.steps] if weight != 0.0]
        report = SamplerReport(
            denoise_steps=sample.steps,
            planned_steps=walk.steps,
            guided_steps=len(walked),
            weight=max(walked, default=0.0),
            candidates=walk.candidates,
            q_first=sample.q_first,
            q_final=float(sample.scores[sample.best]),
            guidance_norm=sample.guidance_norm,
        )
        return Proposal(ActionChunk(interface.action.names, actions, observation.stamp_ns), report)


def draw_noise(seed: int, index: int, candidates: int, vector_dim: int) -> npt.NDArray[np.float32]:
    """Standard normal noise (N, D) for chunk `index` of the episode `seed`; candidate 0 does not depend on N."""
    return np.random.default_rng([seed, index]).standard_normal((candidates, vector_dim), dtype=np.float32)
