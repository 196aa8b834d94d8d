"""The Euler walk from noise to an action, one step at a time, and the samplers built on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from qgf_ros.errors import ShapeMismatch
from qgf_ros.flow.committed import Committed
from qgf_ros.flow.guidance import (
    Guide,
    GuidedField,
    QFunction,
    VelocityFunction,
    critic_gradient,
    evaluate_guided,
    guided_velocity,
)
from qgf_ros.flow.path import clean_estimate
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.networks import CriticModel, VelocityModel, aggregate


@dataclass(frozen=True)
class DenoiseStep:
    """One Euler step from `action` at `time` to `next_action` at `next_time`.

    Tensors are (B, D), nothing is clipped. `guided` is None where the weight was 0: then the critic was not
    evaluated.
    """

    index: int
    time: float
    next_time: float
    action: Tensor
    velocity: Tensor
    weight: float
    guided: GuidedField | None
    next_action: Tensor

    def clean_estimate(self) -> Tensor:
        """Return the one-step estimate of the action from before the step, clipped: where the critic was asked."""
        return clean_estimate(self.action, self.velocity, self.time).clamp(-1.0, 1.0)

    def answer(self) -> Tensor:
        """Return the action if the walk ends after this step, clipped; equation (21) after the last one.

        Before that, the step's velocity is kept up to t = 1 (ours): an estimate, the worse the smaller t is.
        """
        return clean_estimate(self.next_action, self.velocity, self.next_time).clamp(-1.0, 1.0)


def denoise(
    velocity_of: VelocityFunction,
    noise: Tensor,
    times: Sequence[float],
    guide: Guide | None = None,
    committed: Committed | None = None,
) -> Iterator[DenoiseStep]:
    """Yield the Euler steps from `noise` (B, D) along increasing `times`, which may be unevenly spaced.

    A step is computed when the caller asks for it, so a caller may stop between steps. The running action is
    never clipped; the result is the last `next_action`, clipped. Equation (20). Times are usually
    `uniform_times(K)`; a field trained at DISCRETE times must be stepped at those. `committed` keeps the walk to
    actions that the robot is bound to, and holds guidance back there.
    """
    action = noise
    grid = torch.tensor(times, dtype=noise.dtype, device=noise.device)
    for index, (time, next_time) in enumerate(pairwise(times)):
        weight = 0.0 if guide is None else guide.weight_at(time)
        action = action if committed is None else committed.place(action, noise, time)
        if guide is None or weight == 0.0:
            guided = None
            with torch.no_grad():
                velocity = direction = velocity_of(action, grid[index])
        else:
            guided = evaluate_guided(velocity_of, guide.q, action, grid[index], guide.estimator)
            velocity = guided.velocity
            if committed is not None:
                guided = replace(guided, guidance=committed.hold_back(guided.guidance))
            direction = guided_velocity(velocity, guided.guidance, weight)
        pull = None if committed is None else committed.pull(velocity_of, action, grid[index])
        direction = direction if pull is None else direction + pull
        next_action = torch.add(action, direction, alpha=next_time - time)
        yield DenoiseStep(index, time, next_time, action, velocity, weight, guided, next_action)
        action = next_action


def finish(steps: Iterator[DenoiseStep]) -> Tensor:
    """Walk to the end and return the final action (B, D), clipped to [-1, 1]. Equation (21)."""
    *_, last = steps
    return last.answer()


def sample(
    policy: VelocityModel,
    target_critic: CriticModel,
    observation: Tensor,
    noise: Tensor,
    config: SamplerConfig,
) -> Tensor:
    """Return action vectors (B, D) in [-1, 1] for `observation` (B, ...) from `noise` (B * N, D).

    Rows i N to i N + N - 1 of `noise` are the candidates of observation i. The critic is touched only for
    guidance or N > 1.

    Raises:
        ShapeMismatch: noise has not B * N rows.
    """
    count = config.candidates
    if noise.shape[0] != observation.shape[0] * count:
        expected = f"{observation.shape[0]} observations x {count} candidates rows"
        raise ShapeMismatch("noise", tuple(noise.shape), expected)
    with torch.no_grad():
        velocity_of = condition_velocity(policy, observation, count)
        needs_critic = config.guided or count > 1
        q = condition_q(target_critic, observation, count) if needs_critic else None
    guide = Guide(q, config.weight, config.estimator) if q is not None and config.guided else None
    action = finish(denoise(velocity_of, noise, config.walk().times, guide))
    return action if q is None or count == 1 else best_of_n(q, action, count)


def condition_velocity(
    policy: VelocityModel, observation: Tensor, candidates: int = 1, rows: Tensor | None = None
) -> VelocityFunction:
    """Return (a_t, t) -> v for `observation` (B, ...), encoded once; actions have B * candidates rows.

    `rows` (H,) flags committed rows for a policy that is told.
    """
    features = repeat_rows(policy.encode(observation, rows), candidates)
    return lambda action, time: policy.velocity(features, action, time)


def condition_q(critic: CriticModel, observation: Tensor, candidates: int = 1) -> QFunction:
    """Return a -> aggregated Q for `observation` (B, ...), encoded once; actions have B * candidates rows."""
    features = repeat_rows(critic.encode(observation), candidates)
    return lambda action: aggregate(critic.q(features, action), critic.aggregation)


def repeat_rows(features: Tensor, count: int) -> Tensor:
    """Return `features` (..., B, F) with each row repeated `count` times in place: (..., B * count, F)."""
    return features if count == 1 else features.repeat_interleave(count, dim=-2)


def best_of_n(q: QFunction, actions: Tensor, candidates: int) -> Tensor:
    """Return, of each observation's N candidates in `actions` (B * N, D), the one of highest Q: (B, D). Equation (22)."""
    with torch.no_grad():
        scores = q(actions).view(-1, candidates)
    grouped = actions.view(scores.shape[0], candidates, -1)
    return grouped[torch.arange(scores.shape[0], device=actions.device), scores.argmax(dim=1)]


def gradient_ascent(
    q: QFunction, action: Tensor, step_size: float, steps: int, *, sign: bool = False
) -> Tensor:
    """Return `action` (B, D) after `steps` of a <- clip(a + step_size g). Equation (23).

    `action` is a finished, clipped sample. This is the baseline GradStep. `sign` replaces the gradient by its
    sign.
    """
    for _ in range(steps):
        gradient = critic_gradient(q, action)
        action = (action + step_size * (gradient.sign() if sign else gradient)).clamp(-1.0, 1.0)
    return action
