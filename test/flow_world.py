"""What the laws of flows share: draws, small networks, and a critic that must not be asked."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from qgf_ros.networks import NetworkConfig, Networks

ROUNDING = 1e-5  # float32 sums of at most 64 numbers near 1
CONFIG = NetworkConfig(observation_dim=5, action_dim=2, horizon=3, hidden=(16, 16))
steps_counts = st.integers(min_value=1, max_value=64)
seeds = st.integers(min_value=0, max_value=2**31)


def generator(seed: int = 0) -> torch.Generator:
    """Draws of a seed."""
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers of a seed."""
    return torch.randn(*shape, generator=generator(seed))


def networks() -> Networks:
    """Random networks of observations (5,) and chunks (3, 2), the same at every call."""
    return Networks.create(CONFIG, generator())


def forbidden_critic(action: Tensor) -> Tensor:
    """Fails when it is evaluated."""
    raise AssertionError("the critic was evaluated")
