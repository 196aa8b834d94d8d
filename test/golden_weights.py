"""Loads golden weights into networks: `net/hidden0/kernel` becomes `net.layers.hidden.0.kernel`."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import torch

from qgf_ros.networks import Aggregation, NetworkConfig, Networks

NETWORKS = ("policy", "critic", "target_critic", "value")


def network_config(weights: Mapping[str, np.ndarray]) -> NetworkConfig:
    """Return the network configuration that the `meta/` entries and the weight shapes describe."""
    hidden = []
    while f"policy/hidden{len(hidden)}/bias" in weights:
        hidden.append(int(weights[f"policy/hidden{len(hidden)}/bias"].shape[0]))
    return NetworkConfig(
        observation_dim=int(weights["meta/obs_dim"]),
        action_dim=int(weights["meta/action_dim"]),
        horizon=int(weights["meta/horizon"]),
        hidden=tuple(hidden),
        num_critics=int(weights["meta/num_qs"]),
        aggregation=Aggregation.MEAN if weights["meta/q_aggregation_is_mean"] else Aggregation.MIN,
        chunked=bool(weights["meta/action_chunking"]),
    )


def parameter_name(golden: str) -> str:
    """Return our name of a golden array: `policy/hidden0/kernel` -> `policy.layers.hidden.0.kernel`."""
    network, layer, leaf = golden.split("/")
    numbered = re.sub(r"(hidden|norm)([0-9]+)", r"\1.\2", layer)
    return f"{network}.layers.{numbered}.{leaf}"


def load_networks(weights: Mapping[str, np.ndarray]) -> Networks:
    """Return networks with the golden weights; every parameter is set and every golden weight is used."""
    networks = Networks(network_config(weights))
    names = [name for name in weights if name.split("/")[0] in NETWORKS]
    state = {parameter_name(name): torch.tensor(weights[name]) for name in names}
    networks.load_state_dict(state, strict=True)
    return networks
