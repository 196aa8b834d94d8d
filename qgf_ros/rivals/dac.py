"""DAC: a flow policy that regresses noise, bent by the critic's gradient at the noised action.

Source: arXiv 2405.20555, diffusion actor-critic: L = alpha |eps - eps_0|^2 + sigma_t <eps, grad_a Q(s, a_t)>, with the predicted noise eps, the noise eps_0 in the data's a_t and
its level sigma_t. Row by row its minimum is noise regression with the soft Q-guidance, eps = eps_0 - sigma_t grad Q / (2 alpha).
On the straight path sigma_t = 1 - t and eps = a_t - t v. The same with velocities: the mean is v = a_1 - a_0 + t (1 - t) grad Q / (2 alpha),
guidance at the noisy action (QFQL) that fades at both ends, learned. Both terms are means over D, as in the QGF authors' code.

Chosen: the regression is that of velocities (equation (5) of docs/algorithm.md), for the reason in `qsm`, so that the fading holds t too; the gradient is the
aggregated target critic's. The paper trains an ensemble whose lower confidence bound is the value target, and picks among samples by
Q; the QGF authors' comparison, and we, take the critic of implicit Q-learning and one sample. alpha (eta there): 100 to 300 in their scripts.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import flow_matching_loss
from qgf_ros.rivals.flow_student import NoisyTaught
from qgf_ros.rivals.qsm import predicted_noise
from qgf_ros.rivals.rival import Knob
from qgf_ros.rivals.training import Lesson

ALPHAS = Knob("alpha", (3.0, 10.0, 30.0, 100.0, 300.0))


@dataclass(frozen=True, kw_only=True)
class Dac(NoisyTaught):
    """Cloning of weight `alpha` against the soft guidance."""

    name: str = "dac"
    source: str = "arXiv 2405.20555: diffusion actor-critic, soft Q-guidance"
    knob: Knob | None = ALPHAS
    alpha: float = 100.0

    def loss(self, velocity: Tensor, noisy: Tensor, lesson: Lesson) -> Tensor:
        """See the module."""
        cloning = flow_matching_loss(velocity, lesson.noise, lesson.action)
        level = (1.0 - lesson.time).unsqueeze(-1)
        slope = critic_gradient(lesson.q(), noisy)
        bending = (level * slope * predicted_noise(velocity, noisy, lesson.time)).mean()
        return self.alpha * cloning + bending
