"""QSM + BC: a flow policy whose score is regressed to the critic's gradient while it clones.

Source: Q-score matching, arXiv 2312.11752: the score of the policy at the noised action, grad log pi_t(a_t | s), is matched to grad_a Q(s, a_t);
with the cloning term of the QGF authors' baseline: L = |eps + tau grad Q(s, a_t)|^2 + alpha L_BC, eps the noise that a diffusion policy
predicts (the score is -eps over its level), tau their `inv_temp`. On the straight path the predicted noise is eps = a_t - t v. Both squares are means over D.

Chosen: L_BC is that of velocities, equation (5) of docs/algorithm.md. That of noise is the same error times t^2: it would teach nothing
about the first step, at t = 0, from which a flow must walk (and at t = 0 the first term says nothing of v either, for all is noise). The gradient is that of the aggregated target critic (there:
the mean of its members); their (tau, alpha) = (0.1, 10) are the defaults; alpha is tuned. In the paper the critic is that of the policy, online.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import flow_matching_loss
from qgf_ros.rivals.flow_student import NoisyTaught
from qgf_ros.rivals.rival import Knob
from qgf_ros.rivals.training import Lesson

ALPHAS = Knob("alpha", (1.0, 3.0, 10.0, 30.0, 100.0))


@dataclass(frozen=True, kw_only=True)
class QsmBc(NoisyTaught):
    """Matching of the score to `inverse_temperature` tau times the gradient, cloning of weight `alpha`."""

    name: str = "qsm_bc"
    source: str = "arXiv 2312.11752: Q-score matching, with the cloning term of arXiv 2606.11087"
    knob: Knob | None = ALPHAS
    inverse_temperature: float = 0.1
    alpha: float = 10.0

    def loss(self, velocity: Tensor, noisy: Tensor, lesson: Lesson) -> Tensor:
        """See the module."""
        cloning = flow_matching_loss(velocity, lesson.noise, lesson.action)
        target = -self.inverse_temperature * critic_gradient(lesson.q(), noisy)
        matching = (predicted_noise(velocity, noisy, lesson.time) - target).square().mean()
        return matching + self.alpha * cloning


def predicted_noise(velocity: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
    """The mean of a_0 that a velocity (B, D) at a_t (B, D) and times (B,) implies: a_t - t v, since a_t = a_0 + t (a_1 - a_0)."""
    return noisy - time.unsqueeze(-1) * velocity
