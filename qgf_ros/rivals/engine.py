"""Rivals in the closed loop: an engine that asks a rival, and the policy that `evaluate.rollouts.run_episode` takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.committed import make_committed
from qgf_ros.flow.prefix import PrefixMethod
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, Question, Sample
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.rivals.rival import Rival

CPU = torch.device("cpu")


class RivalEngine:
    """Asks a rival, by autograd on the CPU. The walk is the rival's own: of the question's walk only the candidates are used.

    Committed actions are kept by overwriting (docs/adr/0016), whatever the rival; it cannot be cut short.
    """

    def __init__(self, rival: Rival, checkpoint: Checkpoint, extra: nn.Module | None) -> None:
        self._rival, self._checkpoint, self._extra = rival, checkpoint, extra

    @property
    def description(self) -> str:
        """Which rival."""
        return f"rival {self._rival.name} (autograd, {CPU})"

    def sample(self, question: Question) -> Sample:
        """The one chunk that the rival chose, (1, D). Its score is nan. Raises ShapeMismatch for noise of other candidates."""
        prefix = question.prefix
        committed = None if prefix is None else make_committed(PrefixMethod.OVERWRITING, prefix, CPU)
        observation = torch.from_numpy(question.observation[None])
        noise = torch.from_numpy(question.noise)
        action = self._rival.act(self._checkpoint, self._extra, observation, noise, committed)
        nan = float("nan")
        return Sample(action.numpy(), np.full(1, nan, np.float32), 0, nan, 0.0, question.walk.steps)


class Player(NamedTuple):
    """A rival for the closed loop: `run_episode(loop, policy, Row(name, sampler), seed)`."""

    policy: ChunkPolicy
    sampler: SamplerConfig


def player(
    rival: Rival, checkpoint: Checkpoint, extra: nn.Module | None = None, engine: EngineConfig | None = None
) -> Player:
    """The policy of a rival: on `engine` where engines act as it does, else on `RivalEngine`.

    Raises:
        InvalidSetting: `extra` is not what the rival learns, or as `make_engine`.
        NoGoalError: the checkpoint is for many goals, and a rival for one.
    """
    check_of_one_goal(checkpoint, "A rival")
    native = rival.native(checkpoint, extra)
    if native is not None:
        made = make_engine(engine or EngineConfig(), native.checkpoint, Device.CPU)
        return Player(ChunkPolicy(checkpoint.interface, made), native.sampler)
    asked = SamplerConfig(checkpoint.defaults.denoise_steps, candidates=rival.candidates)
    return Player(ChunkPolicy(checkpoint.interface, RivalEngine(rival, checkpoint, extra)), asked)
