"""Other estimators of QGF's guidance, which its ablation names: how the critic's gradient returns from the estimate of the action to the noisy one.

QGF takes it as it is, as if the Jacobian J = d clip(a + (1 - t) v(a)) / d a were the identity; QGF-Jacobian takes J^T g (`settings.py`). Here are two
between them and one beyond: J regularised toward the identity, J smoothed over noisy actions nearby, and g at the end of the rest of the walk. Source:
the ablation of arXiv 2606.11087, which names them; it is not in the authors' code, so that shares, spread and counts are ours. Equations (16) to (19)
of docs/algorithm.md otherwise: target critic, summed over the batch, nothing clipped within the walk.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.guidance import QFunction, VelocityFunction, critic_gradient
from qgf_ros.flow.path import clean_estimate
from qgf_ros.rivals.ground import Ground, weight_or_default
from qgf_ros.rivals.rival import Knob, Passes, Rival
from qgf_ros.rivals.settings import GUIDANCE


@dataclass(frozen=True, kw_only=True)
class OtherEstimator(Rival):
    """Guidance of `weight` w by an estimator that engines do not have; None: the checkpoint's own."""

    knob: Knob | None = GUIDANCE
    weight: float | None = None

    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """See `Rival.finished`."""
        velocity_of, q = here.velocity(here.checkpoint.networks.policy), here.q()

        def field(action: Tensor, index: int) -> tuple[Tensor, Tensor]:
            return self.field(velocity_of, q, action, here.times[index:])

        return here.guided(field, weight_or_default(self.weight, here.checkpoint))

    @abstractmethod
    def field(
        self, velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """Velocity and guidance (B, D) at noisy `action` (B, D) and times[0]; the rest of the walk is at `times`."""


@dataclass(frozen=True, kw_only=True)
class Regularised(OtherEstimator):
    """g -> (s I + (1 - s) J)^T g, s the `identity_share`: 1 is QGF, 0 QGF-Jacobian."""

    name: str = "qgf_regularised"
    source: str = (
        "arXiv 2606.11087, ablation: the Jacobian regularised toward the identity; the share is ours"
    )
    identity_share: float = 0.5

    def __post_init__(self) -> None:
        """Check the share; raises InvalidSetting."""
        super().__post_init__()
        if not 0.0 <= self.identity_share <= 1.0:
            raise InvalidSetting(f"{self.name}.identity_share", self.identity_share, "from 0 to 1")

    def field(
        self, velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """See `OtherEstimator.field`."""
        velocity, point, start = _estimate(velocity_of, action, times[0])
        gradient = critic_gradient(q, point)
        (through,) = torch.autograd.grad(point, start, grad_outputs=gradient)
        return velocity, torch.lerp(through, gradient, self.identity_share)

    def passes_each(self, denoise_steps: int) -> Passes:
        """As QGF-Jacobian."""
        return Passes(denoise_steps, denoise_steps, denoise_steps, denoise_steps)


@dataclass(frozen=True, kw_only=True)
class Smoothed(OtherEstimator):
    """g -> mean over z of J(a + `spread` z)^T g, g at the estimate from a itself.

    z are `pairs` draws of the standard normal distribution with their negatives, the same at every step and in every chunk, so that equal
    questions have equal answers.
    """

    name: str = "qgf_smoothed"
    source: str = (
        "arXiv 2606.11087, ablation: the Jacobian smoothed by Monte Carlo; spread and count are ours"
    )
    spread: float = 0.1
    pairs: int = 2

    def __post_init__(self) -> None:
        """Check spread and count; raises InvalidSetting."""
        super().__post_init__()
        if not self.spread >= 0.0:
            raise InvalidSetting(f"{self.name}.spread", self.spread, "0 or more, in actions")
        if self.pairs < 1:
            raise InvalidSetting(f"{self.name}.pairs", self.pairs, "a positive whole number")

    def field(
        self, velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """See `OtherEstimator.field`."""
        with torch.no_grad():
            velocity = velocity_of(action, action.new_tensor(times[0]))
        gradient = critic_gradient(q, clean_estimate(action, velocity, times[0]).clamp(-1.0, 1.0))
        draws = torch.randn(self.pairs, action.shape[-1], generator=torch.Generator().manual_seed(0))
        total = torch.zeros_like(action)
        for offset in self.spread * torch.cat([draws, -draws]).to(action):
            _, point, start = _estimate(velocity_of, action + offset, times[0])
            (through,) = torch.autograd.grad(point, start, grad_outputs=gradient)
            total += through
        return velocity, total / (2 * self.pairs)

    def passes_each(self, denoise_steps: int) -> Passes:
        """At each step one of the policy, and there and back for each draw; the critic as QGF."""
        draws = 2 * self.pairs * denoise_steps
        return Passes(denoise_steps + draws, draws, denoise_steps, denoise_steps)


@dataclass(frozen=True, kw_only=True)
class Chain(OtherEstimator):
    """g of Q at the end of the rest of the walk, as it is: QGF with a better estimate of the action, at the price of the walk."""

    name: str = "qgf_chain"
    source: str = "arXiv 2606.11087, ablation: QGF-chain"

    def field(
        self, velocity_of: VelocityFunction, q: QFunction, action: Tensor, times: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """See `OtherEstimator.field`."""
        running, velocities = action, []
        with torch.no_grad():
            for time, next_time in pairwise(times):
                velocities.append(velocity_of(running, action.new_tensor(time)))
                running = running + (next_time - time) * velocities[-1]
        return velocities[0], critic_gradient(q, running.clamp(-1.0, 1.0))

    def passes_each(self, denoise_steps: int) -> Passes:
        """K + (K - 1) + ... + 1 passes of the policy; the critic as QGF."""
        rest = denoise_steps * (denoise_steps + 1) // 2
        return Passes(rest, 0, denoise_steps, denoise_steps)


def _estimate(velocity_of: VelocityFunction, action: Tensor, time: float) -> tuple[Tensor, Tensor, Tensor]:
    """The velocity (B, D), free of gradients, the clipped estimate (B, D), and the action from which it was made, to be differentiated."""
    with torch.enable_grad():
        start = action.detach().requires_grad_()
        velocity = velocity_of(start, start.new_tensor(time))
        point = clean_estimate(start, velocity, time).clamp(-1.0, 1.0)
    return velocity.detach(), point, start
