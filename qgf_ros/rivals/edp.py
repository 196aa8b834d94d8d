"""EDP: a flow policy that climbs Q at its one-step estimate of the action while it clones.

Source: arXiv 2305.20081, action approximation: instead of walking the chain, the clean action is reconstructed in one step from the
noised data and Q is climbed there. For flows, as in the QGF authors' code: L = -Q(s, clip(a_t + (1 - t) v(s, a_t, t))) + beta L_BC, the same point as
QGF's estimate (equation (16) of docs/algorithm.md), at training time; the clip lets no gradient through outside the box. Acting is the
plain walk. The paper trains by TD3, CRR or IQL; here IQL's critic, the aggregated target. beta (`bc_weight`, unit Q / action^2):
30 to 300 in the authors' scripts.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from qgf_ros.flow.path import clean_estimate, flow_matching_loss
from qgf_ros.rivals.flow_student import NoisyTaught
from qgf_ros.rivals.rival import Knob
from qgf_ros.rivals.training import Lesson

BC_WEIGHTS = Knob("bc_weight", (3.0, 10.0, 30.0, 100.0, 300.0))


@dataclass(frozen=True, kw_only=True)
class Edp(NoisyTaught):
    """Cloning of weight `bc_weight` beta against climbing Q."""

    name: str = "edp"
    source: str = "arXiv 2305.20081: action approximation"
    knob: Knob | None = BC_WEIGHTS
    bc_weight: float = 100.0

    def loss(self, velocity: Tensor, noisy: Tensor, lesson: Lesson) -> Tensor:
        """See the module."""
        estimate = clean_estimate(noisy, velocity, lesson.time.unsqueeze(-1)).clamp(-1.0, 1.0)
        cloning = flow_matching_loss(velocity, lesson.noise, lesson.action)
        return self.bc_weight * cloning - lesson.q()(estimate).mean()
