"""A rival: the plain sampler in PyTorch with one step compiled by `torch.compile` (Inductor), the critic's gradient by autograd."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.path import clean_estimate
from qgf_ros.flow.sampler import Walk
from qgf_ros.networks import aggregate

FloatArray = npt.NDArray[np.float32]


def make_compiled_sampler(
    checkpoint: Checkpoint, walk: Walk, device: torch.device
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """A function of a raw observation (O,) and noise (N, D) that gives actions (N, D); compiled at its first call."""
    networks = checkpoint.networks.to(device)
    policy, critic = networks.policy, networks.target_critic
    times = torch.tensor(walk.times, device=device)
    lengths = torch.tensor([after - before for before, after in pairwise(walk.times)], device=device)
    weights = torch.tensor(walk.weights, device=device)

    def q_sum(action: Tensor, features: Tensor) -> Tensor:
        return aggregate(critic.q(features, action), critic.aggregation).sum()

    def step(
        action: Tensor, time: Tensor, length: Tensor, weight: Tensor, of_policy: Tensor, of_critic: Tensor
    ) -> Tensor:
        velocity = policy.velocity(of_policy, action, time)
        point = clean_estimate(action, velocity, time).clamp(-1.0, 1.0)
        guidance = torch.func.grad(q_sum)(point, of_critic)
        return action + length * (velocity + weight * guidance)

    compiled = torch.compile(step, fullgraph=True, dynamic=False)

    @torch.no_grad()
    def sample(observation: FloatArray, noise: FloatArray) -> FloatArray:
        normal = torch.from_numpy(checkpoint.normalizer.normalise(observation[None])).to(device)
        of_policy = policy.encode(normal).repeat(len(noise), 1)
        of_critic = critic.encode(normal).repeat(1, len(noise), 1)
        action = torch.from_numpy(noise).to(device)
        for time, length, weight in zip(times, lengths, weights, strict=False):
            action = compiled(action, time, length, weight, of_policy, of_critic)
        action = action.clamp(-1.0, 1.0)
        aggregate(critic.q(of_critic, action), critic.aggregation).argmax()
        result: FloatArray = action.cpu().numpy()
        return result

    return sample
