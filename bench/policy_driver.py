"""A trained policy as a driver of the limiter study."""

from __future__ import annotations

import numpy as np
from robots_under_study import Robot

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.rollouts import Row, make_policy


class PolicyDriver:
    """Plays whole chunks of a checkpoint, sampled as `row` says. State: the episode's seed and chunk number."""

    def __init__(self, checkpoint: Checkpoint, row: Row) -> None:
        self.name = row.name
        self._policy = make_policy(checkpoint, row.engine)
        self._walk = row.sampler.walk()
        dimensions = checkpoint.interface.action.dimensions
        self._scale = np.array([dimension.scale for dimension in dimensions])
        self._centre = np.array([dimension.centre for dimension in dimensions])
        self._seed = self._index = 0

    def reset(self, robot: Robot, seed: int) -> None:
        self._seed, self._index = seed, 0

    def act(self, robot: Robot) -> FloatArray:
        chunk = self._policy.propose(robot.observe(), self._walk, self._seed, self._index).chunk
        self._index += 1
        return (chunk.actions - self._centre) / self._scale
