"""CFGRL: classifier-free guidance by optimality.

Source: arXiv 2505.23458. A policy that is told o: the field of all the data (o absent) and that of the better data (o = 1, where the
advantage A(s, a) = agg Qbar(s, a) - V(s) is above 0) in one network; the walk follows v_0 + w (v_1 - v_0), w >= 1, which
samples pi_0(a|s) p(o = 1|s, a)^w approximately (the paper's product policy). No gradient of Q is taken.

Training, as in the QGF authors' code: L = mean of 1[A > 0] |a_1 - a_0 - v(s, a_t, t, 1)|^2 + 0.1 |a_1 - a_0 - v(s, a_t, t, 0)|^2, which in
expectation is the usual dropping of the condition in a tenth of the rows. This is the small change at training time that the test-time method needs:
one more input to the policy, and a pass of critic and value a batch. There o chooses one of two learned vectors of length 32 in front of
the first layer; here it is a flag behind the observation, the same functions of o since a linear layer follows either way. V is
the expectile value of implicit Q-learning, so that A > 0 holds for the better part of the data only. Best of N, where asked for,
scores by the target critic (there: the online one).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qgf_ros.flow.denoise import condition_velocity
from qgf_ros.flow.guidance import VelocityFunction
from qgf_ros.flow.path import interpolate
from qgf_ros.networks import Networks, VelocityField
from qgf_ros.rivals.ground import Ground, learned
from qgf_ros.rivals.rival import Knob, Passes, Stage
from qgf_ros.rivals.training import Lesson, Taught, fresh_policy
from qgf_ros.train.gradients import Forward, forward

WEIGHTS = Knob("weight", (1.0, 2.0, 3.0, 5.0, 10.0))  # of the six in the QGF authors' scripts all but 15


@dataclass(frozen=True, kw_only=True)
class Cfgrl(Taught):
    """Guidance of `weight` w between the field of all the data and that of the better; `share` of the loss of all the data."""

    name: str = "cfgrl"
    source: str = "arXiv 2505.23458: classifier-free guidance by optimality"
    stage: Stage = Stage.TEST_TIME
    knob: Knob | None = WEIGHTS
    weight: float = 3.0
    share: float = 0.1

    def student(self, parent: Networks, generator: torch.Generator) -> VelocityField:
        """See `Taught.student`."""
        return fresh_policy(
            replace(parent.config, observation_dim=parent.config.observation_dim + 1), generator
        )

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """The better data's loss and a share of everything's: rows o = 1, then rows o = 0."""
        policy, batch = learned(student, VelocityField, self.name), lesson.batch
        noisy = interpolate(lesson.noise, lesson.action, lesson.time)
        rest = torch.cat([noisy, policy.embedding(lesson.time)], dim=-1)
        told = [torch.cat([flagged(batch.observations, flag), rest], dim=-1) for flag in (1.0, 0.0)]
        evaluated = forward(policy.layers, torch.cat(told))
        error = evaluated.output.view(2, *lesson.action.shape) - (lesson.action - lesson.noise)
        better, everything = error.square().mean(-1)
        with torch.no_grad():
            is_better = (lesson.q()(lesson.action) > lesson.networks.value.v(batch.observations)).float()
        return evaluated, (is_better * better + self.share * everything).mean()

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        better, everything = fields(learned(extra, VelocityField, self.name), here)

        def guided(action: Tensor, time: Tensor) -> Tensor:
            return torch.lerp(everything(action, time), better(action, time), self.weight)

        return here.unguided(guided)

    def passes_each(self, denoise_steps: int) -> Passes:
        """K times two passes of the policy."""
        return Passes(2 * denoise_steps)


def flagged(observation: Tensor, flag: float) -> Tensor:
    """`observation` (B, O) with the flag o behind it: (B, O + 1)."""
    return torch.cat([observation, observation.new_full((len(observation), 1), flag)], dim=-1)


def fields(policy: VelocityField, here: Ground) -> tuple[VelocityFunction, VelocityFunction]:
    """The field of the better data and that of all of it."""
    with torch.no_grad():
        better, everything = (
            condition_velocity(policy, flagged(here.observation, flag), here.candidates)
            for flag in (1.0, 0.0)
        )
    return better, everything
