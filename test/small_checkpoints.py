"""Small checkpoints of any interface, for tests that only move them about or look at their critics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks


def small_checkpoint(interface: Interface, seed: int) -> Checkpoint:
    """Random networks."""
    length = interface.observation_dim
    config = NetworkConfig(length, interface.action_dim, interface.chunk_length, hidden=(16, 16))
    networks = Networks.create(config, torch.Generator().manual_seed(seed)).requires_grad_(False)
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    return Checkpoint(networks, normalizer, interface, SamplerDefaults(denoise_steps=4), {})


def saved_small(folder: Path, interface: Interface, seed: int) -> Path:
    """The folder, with random networks in it."""
    save_checkpoint(folder, small_checkpoint(interface, seed))
    return folder
