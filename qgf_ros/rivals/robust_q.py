"""RobustQ: a critic of noisy actions, whose gradient at the noisy action guides.

Source: the RobustQ baseline of arXiv 2606.11087, after classifiers trained on noised images for guidance. Training: a single network
Q_r(s, a_t, t) regresses agg_i Qbar_i(s, a_1) at a_t = (1 - t) a_0 + t a_1, a_1 of the data, t uniform on [0, 1]; so Q_r tends to the
mean of Q over the actions that a_t may become. Walk: v + w d/da_t Q_r(s, a_t, t), nothing clipped but the end. The authors' sampler takes
the gradient of the batch's mean and cannot run (an unset weight); here it is the sum, as in all their other samplers, so that w means
the same. Q_r trains beside the policy there, against the target critic as it grows; here after it, or `together`. One member, the
parent's sizes, the time embedding of the policy; no policy is trained, so the stage is test time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import interpolate
from qgf_ros.layers import TIME_EMBEDDING_DIM, TimeEmbedding
from qgf_ros.networks import CriticEnsemble, Networks
from qgf_ros.rivals.ground import Ground, learned, weight_or_default
from qgf_ros.rivals.rival import Knob, Passes, Stage
from qgf_ros.rivals.settings import GUIDANCE
from qgf_ros.rivals.training import Lesson, Taught
from qgf_ros.train.gradients import Forward, forward


class NoisyCritic(nn.Module):
    """Q_r(s, a_t, t): a critic of one member that sees the time's embedding behind the observation."""

    def __init__(self, parent: Networks, generator: torch.Generator) -> None:
        super().__init__()
        length = parent.config.observation_dim + TIME_EMBEDDING_DIM
        self.embedding = TimeEmbedding()
        self.critic = CriticEnsemble(replace(parent.config, observation_dim=length, num_critics=1))
        self.critic.initialise(generator)

    def seen(self, observation: Tensor, time: Tensor) -> Tensor:
        """Observation and time (B, O + 16) for `observation` (B, O), `time` () or (B,)."""
        embedded = self.embedding(time.expand(len(observation))).to(observation.dtype)
        return torch.cat([observation, embedded], dim=-1)

    def q(self, observation: Tensor, action: Tensor, time: Tensor) -> Tensor:
        """Return Q_r (B,) for noisy `action` (B, D) at `time` () or (B,)."""
        return self.critic.q(self.critic.encode(self.seen(observation, time)), action).squeeze(0)


@dataclass(frozen=True, kw_only=True)
class RobustQ(Taught):
    """Guidance of `weight` w by a critic of noisy actions; None: the checkpoint's own."""

    name: str = "robust_q"
    source: str = "arXiv 2606.11087: RobustQ"
    stage: Stage = Stage.TEST_TIME
    knob: Knob | None = GUIDANCE
    weight: float | None = None

    def student(self, parent: Networks, generator: torch.Generator) -> NoisyCritic:
        """See `Taught.student`."""
        return NoisyCritic(parent, generator)

    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """The mean over the batch of (Q_r(s, a_t, t) - agg Qbar(s, a_1))^2."""
        critic = learned(student, NoisyCritic, self.name)
        time = torch.rand(len(lesson.action), generator=lesson.generator)
        noisy = interpolate(lesson.noise, lesson.action, time)
        seen = torch.cat([critic.seen(lesson.batch.observations, time), noisy], dim=-1)
        evaluated = forward(critic.critic.layers, seen)
        with torch.no_grad():
            target = lesson.q()(lesson.action)
        return evaluated, (evaluated.output.view(-1) - target).square().mean()

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        critic = learned(extra, NoisyCritic, self.name)
        velocity_of = here.velocity(here.checkpoint.networks.policy)
        seen = here.observation.repeat_interleave(self.candidates, dim=0)

        def field(action: Tensor, index: int) -> tuple[Tensor, Tensor]:
            time = action.new_tensor(here.times[index])
            with torch.no_grad():
                velocity = velocity_of(action, time)
            return velocity, critic_gradient(lambda a: critic.q(seen, a, time), action)

        return here.guided(field, weight_or_default(self.weight, here.checkpoint))

    def passes_each(self, denoise_steps: int) -> Passes:
        """K of the policy; K of its own critic, which has one member, there and back."""
        return Passes(denoise_steps, 0, denoise_steps, denoise_steps)
