"""What rivals share whose answer is another flow policy: it takes the place of the cloned one and is walked unguided."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.committed import Committed
from qgf_ros.flow.path import interpolate
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.networks import Networks, VelocityField
from qgf_ros.rivals.ground import ground, learned
from qgf_ros.rivals.rival import Native, Passes
from qgf_ros.rivals.training import Lesson, Taught
from qgf_ros.train.finetune import copied
from qgf_ros.train.gradients import Forward, forward


@dataclass(frozen=True, kw_only=True)
class FlowTaught(Taught):
    """A rival that learns a velocity field, from nothing unless it says otherwise."""

    def student(self, parent: Networks, generator: torch.Generator) -> VelocityField:
        """See `Taught.student`."""
        policy = VelocityField(parent.config)
        policy.initialise(generator)
        return policy

    def act(
        self,
        checkpoint: Checkpoint,
        extra: nn.Module | None,
        observations: Tensor,
        noise: Tensor,
        committed: Committed | None = None,
    ) -> Tensor:
        """See `Rival.act`."""
        here = ground(checkpoint, observations, noise, self.candidates, committed)
        return here.chosen(here.unguided(here.velocity(learned(extra, VelocityField, self.name))))

    def passes(self, denoise_steps: int) -> Passes:
        """K of the policy, as unguided."""
        return Passes(self.candidates * denoise_steps, 0, self.candidates if self.candidates > 1 else 0, 0)

    def native(self, checkpoint: Checkpoint, extra: nn.Module | None) -> Native:
        """A checkpoint with this policy and the parent's critic, to be sampled unguided."""
        networks = copied(checkpoint.networks)
        networks.policy.load_state_dict(learned(extra, VelocityField, self.name).state_dict())
        networks.requires_grad_(False).eval()
        steps = checkpoint.defaults.denoise_steps
        defaults = replace(checkpoint.defaults, guidance_weight=0.0, candidates=self.candidates)
        made = replace(checkpoint, networks=networks, defaults=defaults)
        return Native(made, SamplerConfig(steps, candidates=self.candidates))


def at_noisy(student: nn.Module, lesson: Lesson, name: str) -> tuple[Forward, Tensor]:
    """The student's velocity at the lesson's a_t (B, D), and a_t. Equation (4) of docs/algorithm.md."""
    policy = learned(student, VelocityField, name)
    noisy = interpolate(lesson.noise, lesson.action, lesson.time)
    inputs = torch.cat([lesson.batch.observations, noisy, policy.embedding(lesson.time)], dim=-1)
    return forward(policy.layers, inputs), noisy
