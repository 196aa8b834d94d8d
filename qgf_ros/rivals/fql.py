"""FQL: a policy of one step, distilled from the cloned flow while it climbs Q.

Source: arXiv 2502.02538, Algorithm 1. L = -Q(s, clip(mu(s, z))) + alpha |mu(s, z) - mu_flow(s, z)|^2, mu_flow(s, z) the end of the cloned
flow's Euler walk from the noise z, clipped; z is standard normal and the same for both. Acting is mu(s, z), clipped, one pass.

Chosen: |.|^2 is a mean over D, as in the paper's code; Q is our aggregated target critic (there: the mean of the online members); mu is a network
of the policy's shape, whose time input is held at 0 (there: no time input; a constant only moves a bias). The source trains its critic on
mu's own next actions; the QGF authors' comparison, and we, use implicit Q-learning. `normalised` divides the Q term by the mean of |Q|, an
option of the source (off there, too). alpha has the unit Q / action^2: 300 and 1000 in the QGF authors' scripts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qgf_ros.flow.denoise import condition_velocity, denoise, finish
from qgf_ros.networks import Networks, VelocityField
from qgf_ros.rivals.ground import Ground, learned
from qgf_ros.rivals.rival import Knob, Passes
from qgf_ros.rivals.training import Lesson, Taught, fresh_policy
from qgf_ros.train.gradients import Forward, forward

ALPHAS = Knob("alpha", (30.0, 100.0, 300.0, 1000.0, 3000.0))


@dataclass(frozen=True, kw_only=True)
class Fql(Taught):
    """Distillation of weight `alpha` against climbing Q."""

    name: str = "fql"
    source: str = "arXiv 2502.02538: flow Q-learning, Algorithm 1"
    knob: Knob | None = ALPHAS
    alpha: float = 300.0
    normalised: bool = False

    def student(self, parent: Networks, generator: torch.Generator) -> VelocityField:
        """See `Taught.student`."""
        return fresh_policy(parent.config, generator)

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """See the module."""
        policy = learned(student, VelocityField, self.name)
        observation, noise = lesson.batch.observations, lesson.normal()
        now = policy.embedding(torch.zeros(len(noise)))
        evaluated = forward(policy.layers, torch.cat([observation, noise, now], dim=-1))
        return evaluated, self.loss(evaluated.output, noise, lesson)

    def loss(self, action: Tensor, noise: Tensor, lesson: Lesson) -> Tensor:
        """The loss () of answers `action` (B, D) to `noise` (B, D)."""
        with torch.no_grad():
            velocity_of = condition_velocity(lesson.networks.policy, lesson.batch.observations)
            flow = finish(denoise(velocity_of, noise, lesson.times()))
        q = lesson.q()(action.clamp(-1.0, 1.0))
        scale = q.detach().abs().mean() if self.normalised else 1.0
        return self.alpha * (action - flow).square().mean() - q.mean() / scale

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`. One step cannot go around committed actions: they are replaced in the answer."""
        policy_of = here.velocity(learned(extra, VelocityField, self.name))
        with torch.no_grad():
            return policy_of(here.noise, here.noise.new_tensor(0.0)).clamp(-1.0, 1.0)

    def passes_each(self, denoise_steps: int) -> Passes:
        """One of its policy."""
        return Passes(1)
