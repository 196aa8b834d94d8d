"""A checkpoint for all goals becomes one for a single goal: all that an engine needs to know of goals.

For a given goal its rows of the critic's first kernel add a constant, `W [s, g, a] + b = W_s s + W_a a + (b + W_g g)`: the goal goes into
the bias, and what is left is a critic as every engine has it. Equation (38); docs/adr/0035-goals.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import NoGoalError, ShapeMismatch
from qgf_ros.networks import NetworkConfig, Networks

JUDGES = ("critic", "target_critic", "value")


def aimed(checkpoint: Checkpoint, goal: FloatArray) -> Checkpoint:
    """The checkpoint whose critic and value judge by `goal` (G,) alone, in the interface's units; other weights are shared.

    Raises:
        ShapeMismatch: the goal has another length than those that the critic was trained with, or the critic takes none.
    """
    networks, interface = checkpoint.networks, checkpoint.interface
    if goal.shape != (networks.config.goal_dim,) or interface.goal is None:
        raise ShapeMismatch("goal", goal.shape, f"({networks.config.goal_dim},)")
    units = checkpoint.normalizer.part(interface.slice_of(interface.goal.term))
    normal = torch.from_numpy(units.normalise(goal.astype("float32"))).to(
        networks.value.layers.first.bias.device
    )
    weights = networks.state_dict()
    for judge in JUDGES:
        weights |= _folded(weights, judge, networks.config, normal)
    made = Networks(replace(networks.config, goal_dim=0))
    made.load_state_dict(weights, assign=True)
    return replace(checkpoint, networks=made.requires_grad_(False).eval(), interface=interface.without_goal)


def check_of_one_goal(checkpoint: Checkpoint, what: str) -> None:
    """Raises NoGoalError where the checkpoint's critic must be told of a goal, which `what` cannot do."""
    if checkpoint.networks.config.goal_dim > 0:
        raise NoGoalError(what)


def _folded(
    weights: Mapping[str, Tensor], judge: str, config: NetworkConfig, goal: Tensor
) -> dict[str, Tensor]:
    """The first layer of a network, as for one goal (G,), normalised."""
    first = f"{judge}.layers.hidden.0"
    kernel, bias = weights[f"{first}.kernel"], weights[f"{first}.bias"]
    begin, end = config.observation_dim, config.judged_dim
    shift = torch.einsum("g,...gw->...w", goal.double(), kernel[..., begin:end, :].double())
    rest = torch.cat([kernel[..., :begin, :], kernel[..., end:, :]], dim=-2)
    return {f"{first}.kernel": rest, f"{first}.bias": (bias.double() + shift).to(bias.dtype)}
