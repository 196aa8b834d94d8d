"""What rivals share whose answer is another flow policy: it takes the place of the cloned one and is walked unguided."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.path import interpolate
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.networks import Networks, VelocityField
from qgf_ros.rivals.ground import Ground, learned
from qgf_ros.rivals.rival import Native, Passes
from qgf_ros.rivals.training import Lesson, Taught, fresh_policy
from qgf_ros.train.finetune import copied
from qgf_ros.train.gradients import Forward, forward


@dataclass(frozen=True, kw_only=True)
class FlowTaught(Taught):
    """A rival that learns a velocity field, from nothing unless it says otherwise."""

    def student(self, parent: Networks, generator: torch.Generator) -> VelocityField:
        """See `Taught.student`."""
        return fresh_policy(parent.config, generator)

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        return here.unguided(here.velocity(learned(extra, VelocityField, self.name)))

    def passes_each(self, denoise_steps: int) -> Passes:
        """K of the policy, as unguided."""
        return Passes(denoise_steps)

    def native(self, checkpoint: Checkpoint, extra: nn.Module | None) -> Native:
        """A checkpoint with this policy and the parent's critic, to be sampled unguided."""
        networks = copied(checkpoint.networks)
        networks.policy.load_state_dict(learned(extra, VelocityField, self.name).state_dict())
        networks.requires_grad_(False).eval()
        steps = checkpoint.defaults.denoise_steps
        defaults = replace(checkpoint.defaults, guidance_weight=0.0, candidates=self.candidates)
        made = replace(checkpoint, networks=networks, defaults=defaults)
        return Native(made, SamplerConfig(steps, candidates=self.candidates))


@dataclass(frozen=True, kw_only=True)
class NoisyTaught(FlowTaught):
    """One whose loss looks at the velocity at one noisy action of each row."""

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """See `Taught.lesson_loss`; at the lesson's a_t, equation (4) of docs/algorithm.md."""
        policy = learned(student, VelocityField, self.name)
        noisy = interpolate(lesson.noise, lesson.action, lesson.time)
        inputs = torch.cat([lesson.batch.observations, noisy, policy.embedding(lesson.time)], dim=-1)
        evaluated = forward(policy.layers, inputs)
        return evaluated, self.loss(evaluated.output, noisy, lesson)

    @abstractmethod
    def loss(self, velocity: Tensor, noisy: Tensor, lesson: Lesson) -> Tensor:
        """The loss () of `velocity` (B, D) at `noisy` a_t (B, D)."""
