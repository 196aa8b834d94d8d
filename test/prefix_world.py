"""A small checkpoint, plain and told, and draws for it: what the laws of committed actions are checked on."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Action, Dimension, Field, Input, Interface, Message, Reference, Term
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.prefix import Prefix, PrefixMethod, make_prefix
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.networks import NetworkConfig, Networks

H, A, OBSERVATION = 6, 2, 4
CPU = torch.device("cpu")
TRIPLES = [(d, s) for d in range(H + 1) for s in range(1, H + 1) if d <= s and d + s <= H]
triples = st.sampled_from(TRIPLES)
methods = st.sampled_from(PrefixMethod)


def checkpoint(max_delay: int = 0) -> Checkpoint:
    """Random networks; those with `max_delay` are told which actions are committed."""
    config = NetworkConfig(OBSERVATION, A, horizon=H, hidden=(16, 16), max_delay=max_delay)
    networks = Networks.create(config, torch.Generator().manual_seed(3)).requires_grad_(False)
    interface = Interface(
        name="small",
        joints=("one", "two"),
        control_period_s=0.1,
        chunk_length=H,
        inputs=(Input("joint_states", Message.JOINT_STATE),),
        observation=(
            Term("positions", "joint_states", Field.POSITION, "rad", ("one", "two")),
            Term("velocities", "joint_states", Field.VELOCITY, "rad/s", ("one", "two")),
        ),
        action=Action(Reference.COMMANDED, (Dimension("one", 0.1, "rad"), Dimension("two", 0.1, "rad"))),
    )
    unit = Normalizer(np.zeros(OBSERVATION, np.float32), np.ones(OBSERVATION, np.float32))
    return Checkpoint(networks, unit, interface, SamplerDefaults(), {})


PLAIN, TOLD = checkpoint(), checkpoint(max_delay=H // 2)


def engine(method: PrefixMethod) -> ReferenceEngine:
    """The specification with one of the methods."""
    return ReferenceEngine(TOLD if method is PrefixMethod.CONDITIONED else PLAIN, CPU, method)


def draws(seed: int, candidates: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An observation (O,), noise (N, D) and the actions left of an old chunk (H, A)."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((candidates, H * A)).astype(np.float32)
    left = rng.uniform(-1, 1, (H, A)).astype(np.float32)
    return rng.standard_normal(OBSERVATION).astype(np.float32), noise, left


def some_prefix(left: np.ndarray, delay: int, execution_horizon: int) -> Prefix:
    """A prefix that commits something."""
    prefix = make_prefix(left[: H - execution_horizon], H, delay, execution_horizon)
    assert prefix is not None, "delay > 0"
    return prefix
