"""The linear conditional path between noise and action, and the loss that trains a velocity field."""

from __future__ import annotations

from enum import Enum

import torch
from torch import Tensor


class TimeSampling(Enum):
    """Where training times come from.

    DISCRETE, the reference's value: uniform over the K + 1 grid times {0, 1/K, ..., 1}. A field trained so
    has seen no other time and may be stepped at grid times only. CONTINUOUS, the paper's text: uniform on [0,
    1).
    """

    DISCRETE = "discrete"
    CONTINUOUS = "continuous"


def sample_times(
    count: int, sampling: TimeSampling, denoise_steps: int, generator: torch.Generator
) -> Tensor:
    """Return training times (count,), float32, on the generator's device."""
    if sampling is TimeSampling.CONTINUOUS:
        return torch.rand(count, generator=generator, device=generator.device)
    index = torch.randint(denoise_steps + 1, (count,), generator=generator, device=generator.device)
    return index / denoise_steps


def interpolate(noise: Tensor, action: Tensor, time: Tensor) -> Tensor:
    """Return a_t = (1 - t) a_0 + t a_1 (B, D) for `noise` a_0 and `action` a_1, `time` (B,). Equation (4)."""
    t = time.unsqueeze(-1)
    return (1.0 - t) * noise + t * action


def flow_matching_loss(
    predicted: Tensor,
    noise: Tensor,
    action: Tensor,
    counted: Tensor | None = None,
    count: Tensor | None = None,
) -> Tensor:
    """Return the mean over batch and D of (a_1 - a_0 - v)^2, for `predicted` v (B, D). Equation (5).

    Where `counted` (B, D) is given, the mean is over its ones only; `count` () stands for how many they are. Of S runs: (S, B, D), and means (S,).
    """
    error = (action - noise - predicted).square()
    if counted is None:
        return error.mean((-2, -1))
    return (error * counted).sum((-2, -1)) / (counted.sum((-2, -1)) if count is None else count)


def clean_estimate(action: Tensor, velocity: Tensor, time: Tensor | float) -> Tensor:
    """Return the one-step estimate of the clean action, a_t + (1 - t) v (B, D), unclipped. Equation (16).

    At t = 0 it is a mean over all modes of the policy; it becomes an action only as t grows.
    """
    return action + (1.0 - time) * velocity
