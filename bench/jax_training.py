"""The rival in training: the same gradient step in JAX, compiled by one `jit`, all buffers donated.

Losses, order, optimiser and initial state are those of `qgf_ros.train.update`; test/bench/test_jax_training.py holds both to the
golden steps. Weights come as `Networks.state_dict()` and go back under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax_nets import Arrays, Net, layers, read_net, time_embedding

Trees = dict[str, Any]
"""The networks by name: policy, critic, target_critic, value."""

NETWORKS, TRAINED = ("policy", "critic", "target_critic", "value"), ("policy", "critic", "value")
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class JaxUpdate:
    """The numbers of a gradient step, as `UpdateConfig` has them; static under `jit`."""

    discount: float
    expectile: float
    tau: float
    learning_rate: float
    horizon: int
    minimum: bool = True


def initial_state(arrays: Arrays) -> Trees:
    """Networks, Adam's moments (zero) and the number of steps done."""
    networks = {name: read_net(arrays, name) for name in NETWORKS}
    trained = {name: networks[name] for name in TRAINED}
    zeros = jax.tree.map(jnp.zeros_like, trained)
    return {
        "networks": networks,
        "first": zeros,
        "second": jax.tree.map(jnp.zeros_like, trained),
        "step": jnp.int32(0),
    }


def make_step(config: JaxUpdate) -> Any:
    """(state, batch, noise, time) -> (state, metrics); the old state's buffers are used up."""
    return jax.jit(partial(step, config), donate_argnums=0)


def step(
    config: JaxUpdate, state: Trees, batch: Mapping[str, jax.Array], noise: jax.Array, time: jax.Array
) -> tuple[Trees, Trees]:
    """One gradient step. batch: observations (B, O), actions (B, D), next_observations (B, O), rewards, masks, valid (B,)."""
    networks = state["networks"]
    trained = {name: networks[name] for name in TRAINED}
    next_value = value(networks["value"], batch["next_observations"])
    target = batch["rewards"] + config.discount**config.horizon * batch["masks"] * next_value
    target_q = ensemble_q(networks["target_critic"], batch["observations"], batch["actions"])
    target_q = target_q.min(axis=0) if config.minimum else target_q.mean(axis=0)
    losses = partial(all_losses, config, batch, noise, time, target, target_q)
    (_, metrics), gradients = jax.value_and_grad(losses, has_aux=True)(trained)
    target_critic = jax.tree.map(
        lambda old, online: config.tau * online + (1.0 - config.tau) * old,
        networks["target_critic"],
        networks["critic"],
    )
    count = state["step"] + 1
    first = jax.tree.map(lambda m, g: BETA_1 * m + (1.0 - BETA_1) * g, state["first"], gradients)
    second = jax.tree.map(lambda v, g: BETA_2 * v + (1.0 - BETA_2) * g * g, state["second"], gradients)
    unbias_1, unbias_2 = 1.0 - BETA_1**count, 1.0 - BETA_2**count
    updated = jax.tree.map(
        lambda p, m, v: p - config.learning_rate * (m / unbias_1) / (jnp.sqrt(v / unbias_2) + EPSILON),
        trained,
        first,
        second,
    )
    after = {
        "networks": updated | {"target_critic": target_critic},
        "first": first,
        "second": second,
        "step": count,
    }
    return after, metrics | {"target_mean": target.mean(), "valid_share": batch["valid"].mean()}


def all_losses(
    config: JaxUpdate,
    batch: Mapping[str, jax.Array],
    noise: jax.Array,
    time: jax.Array,
    target: jax.Array,
    target_q: jax.Array,
    trained: Trees,
) -> tuple[jax.Array, Trees]:
    """The sum of the three losses (they share no parameter) and the metrics."""
    action, valid = batch["actions"], batch["valid"]
    noisy = (1.0 - time)[:, None] * noise + time[:, None] * action
    predicted = velocity(trained["policy"], batch["observations"], noisy, time)
    bc = jnp.square(action - noise - predicted).mean()
    q = ensemble_q(trained["critic"], batch["observations"], action)
    critic = (valid * jnp.square(q - target)).mean()
    v = value(trained["value"], batch["observations"])
    difference = target_q - v
    weight = jnp.where(difference > 0, config.expectile, 1.0 - config.expectile)
    expectile = (valid * weight * jnp.square(difference)).mean()
    metrics = {
        "bc_loss": bc,
        "critic_loss": critic,
        "value_loss": expectile,
        "q_mean": q.mean(),
        "value_mean": v.mean(),
    }
    return bc + critic + expectile, metrics


def velocity(policy: Net, observation: jax.Array, action: jax.Array, time: jax.Array) -> jax.Array:
    """v (B, D)."""
    inputs = jnp.concatenate([observation, action, time_embedding(time)], axis=-1)
    return layers(policy, inputs @ policy["kernels"][0] + policy["biases"][0])


def ensemble_q(critic: Net, observation: jax.Array, action: jax.Array) -> jax.Array:
    """Q (E, B), all members in one batched product a layer."""
    inputs = jnp.concatenate([observation, action], axis=-1)

    def one(member: Net) -> jax.Array:
        return layers(member, inputs @ member["kernels"][0] + member["biases"][0])[:, 0]

    return jax.vmap(one)(critic)


def value(net: Net, observation: jax.Array) -> jax.Array:
    """V (B,)."""
    return layers(net, observation @ net["kernels"][0] + net["biases"][0])[:, 0]


def as_arrays(networks: Trees) -> dict[str, npt.NDArray[np.float32]]:
    """The networks under the names of `Networks.state_dict()`."""
    found = {}
    for name, net in networks.items():
        prefix = f"{name}.layers"
        for part, stored in (("hidden", ("kernels", "biases")), ("norm", ("scales", "shifts"))):
            leaves = ("kernel", "bias") if part == "hidden" else ("scale", "bias")
            for index, pair in enumerate(zip(net[stored[0]], net[stored[1]], strict=True)):
                found |= {
                    f"{prefix}.{part}.{index}.{leaf}": np.asarray(array)
                    for leaf, array in zip(leaves, pair, strict=True)
                }
        found |= {
            f"{prefix}.out.kernel": np.asarray(net["out"]),
            f"{prefix}.out.bias": np.asarray(net["out_bias"]),
        }
    return found
