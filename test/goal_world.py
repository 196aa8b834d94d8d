"""Checkpoints whose critic is told a goal, and the contract that they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from contract_files import write_two_joints
from engine_cases import checkpoint_of

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.networks import NetworkConfig, Networks

RADIUS = 0.04


def add_goal(content: dict[str, Any]) -> None:
    """Goals for the position that the two joints' contract observes."""
    content["interface"]["goal"] = {"term": "goal_position", "radius": RADIUS}
    content["deployment"]["goal"] = {"topic": "goal"}


def goal_contract(folder: Path) -> Contract:
    """The contract of two joints, with goals."""
    return load_contract(write_two_joints(folder, add_goal))


def goal_checkpoint(contract: Contract, seed: int = 0, **sizes: Any) -> Checkpoint:
    """Random networks for the contract, whose critic is told a goal."""
    interface = contract.interface
    config = NetworkConfig(
        interface.observation_dim,
        interface.action_dim,
        interface.chunk_length,
        hidden=(24, 16),
        goal_dim=interface.goal_dim,
        **sizes,
    )
    draw = torch.Generator().manual_seed(seed)
    networks = Networks.create(config, draw)
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.add_(0.1 * torch.rand(parameter.shape, generator=draw) - 0.05)
    made = checkpoint_of(networks, seed)
    return Checkpoint(made.networks, made.normalizer, interface, made.defaults, {})
