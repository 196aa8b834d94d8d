"""Where the critic is differentiated, how its gradient returns to the noisy action, and the guided velocity.

The gradient is always that of the aggregated *target* critic, summed over the batch (no 1/B factor).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from qgf_ros.flow.path import clean_estimate
from qgf_ros.flow.sampler import Estimator, Slope, WeightSchedule

VelocityFunction = Callable[[Tensor, Tensor], Tensor]
"""(a_t (B, D), t ()) -> v (B, D): a velocity field with its observation already given."""

QFunction = Callable[[Tensor], Tensor]
"""a (B, D) -> aggregated Q (B,): a target critic with its observation already given."""


@dataclass(frozen=True)
class Guide:
    """A critic and how strongly it bends the flow.

    `weight` has the unit action^2 / Q. At steps where it is 0 the critic is not evaluated.
    """

    q: QFunction
    weight: float | WeightSchedule
    estimator: Estimator = Estimator.ONE_STEP

    def weight_at(self, time: float) -> float:
        """Return the guidance weight at `time` in [0, 1)."""
        return self.weight(time) if callable(self.weight) else self.weight


@dataclass(frozen=True)
class GuidedField:
    """The field at one noisy action; all (B, D).

    `gradient` is the critic's at `point`; `guidance` is what is added to `velocity`, times the weight. The
    two differ only for ONE_STEP_JACOBIAN.
    """

    velocity: Tensor
    point: Tensor
    gradient: Tensor
    guidance: Tensor


def sloped(q: QFunction, slope: Slope) -> QFunction:
    """Return a -> Q, or the probability that Q is the logit of. Equation (39)."""
    return q if slope is Slope.LOGIT else lambda action: torch.sigmoid(q(action))


def critic_gradient(q: QFunction, action: Tensor) -> Tensor:
    """Return d sum_b Q(s_b, a_b) / d a (B, D) at `action` (B, D), also outside [-1, 1]. Equation (17)."""
    with torch.enable_grad():
        point = action.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(q(point).sum(), point)
    return gradient


def evaluate_guided(
    velocity_of: VelocityFunction, q: QFunction, action: Tensor, time: Tensor, estimator: Estimator
) -> GuidedField:
    """Return velocity and guidance at noisy `action` (B, D) and `time` (). Equations (16) to (18)."""
    if estimator is Estimator.ONE_STEP_JACOBIAN:
        return _through_estimate(velocity_of, q, action, time)
    with torch.no_grad():
        velocity = velocity_of(action, time)
        noisy = estimator is Estimator.NOISY
        point = action if noisy else clean_estimate(action, velocity, time).clamp(-1.0, 1.0)
    gradient = critic_gradient(q, point)
    return GuidedField(velocity, point, gradient, gradient)


def guided_velocity(velocity: Tensor, guidance: Tensor, weight: float) -> Tensor:
    """Return v + w g (B, D). Equation (19)."""
    return torch.add(velocity, guidance, alpha=weight)


def _through_estimate(
    velocity_of: VelocityFunction, q: QFunction, action: Tensor, time: Tensor
) -> GuidedField:
    """Return the field with guidance J^T g, J = d clip(a + (1 - t) v(a)) / d a, by one VJP."""
    with torch.enable_grad():
        start = action.detach().requires_grad_()
        velocity = velocity_of(start, time)
        point = clean_estimate(start, velocity, time).clamp(-1.0, 1.0)
        gradient = critic_gradient(q, point)
        (guidance,) = torch.autograd.grad(point, start, grad_outputs=gradient)
    return GuidedField(velocity.detach(), point.detach(), gradient, guidance)
