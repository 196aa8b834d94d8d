"""The three networks in JAX, for the rivals in this folder: plain functions over the arrays of `Networks.state_dict()`.

Written for speed on a CPU: ensemble members are separate matrices (a stacked ensemble was never faster for one sample), and
nothing that a caller can compute once is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

LAYER_NORM_EPS = 1e-6
TIME_SCALE, TIME_PAIRS = 10_000.0, 8

Arrays = Mapping[str, npt.NDArray[np.float32]]
Net = dict[str, Any]
"""kernels, biases (one a hidden layer), scales, shifts (one a normalised layer), out, out_bias."""


def read_net(arrays: Arrays, name: str) -> Net:
    """The network `name` (policy, critic, target_critic, value) with arrays as they are stored: kernels (in, out) or (E, in, out)."""
    prefix = f"{name}.layers"
    depth = sum(key.startswith(f"{prefix}.hidden.") and key.endswith("kernel") for key in arrays)
    normalised = sum(key.startswith(f"{prefix}.norm.") and key.endswith("scale") for key in arrays)
    return {
        "kernels": [jnp.asarray(arrays[f"{prefix}.hidden.{i}.kernel"]) for i in range(depth)],
        "biases": [jnp.asarray(arrays[f"{prefix}.hidden.{i}.bias"]) for i in range(depth)],
        "scales": [jnp.asarray(arrays[f"{prefix}.norm.{i}.scale"]) for i in range(normalised)],
        "shifts": [jnp.asarray(arrays[f"{prefix}.norm.{i}.bias"]) for i in range(normalised)],
        "out": jnp.asarray(arrays[f"{prefix}.out.kernel"]),
        "out_bias": jnp.asarray(arrays[f"{prefix}.out.bias"]),
    }


def members_of(ensemble: Net) -> list[Net]:
    """The members of a stacked ensemble, each with arrays of its own."""
    count = ensemble["out"].shape[0]
    return [jax.tree.map(partial(_member, index), ensemble) for index in range(count)]


def _member(index: int, stacked: jax.Array) -> jax.Array:
    return jnp.array(stacked[index])


def layers(net: Net, first: jax.Array) -> jax.Array:
    """The head's output (B, out) from the first Dense layer's (B, hidden)."""
    y = first
    for index, (kernel, bias) in enumerate(zip(net["kernels"], net["biases"], strict=True)):
        y = y @ kernel + bias if index > 0 else y
        if index < len(net["scales"]):
            y = layer_norm(y, net["scales"][index], net["shifts"][index])
        y = jax.nn.gelu(y, approximate=True)
    return y @ net["out"] + net["out_bias"]


def layer_norm(x: jax.Array, scale: jax.Array, shift: jax.Array) -> jax.Array:
    """Normalisation over the last axis with the biased variance."""
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + LAYER_NORM_EPS) * scale + shift


def time_embedding(time: jax.Array) -> jax.Array:
    """[cos, sin] (..., 16) of `time` (...), in float32 throughout (angles reach 10000 rad)."""
    exponents = jnp.arange(TIME_PAIRS, dtype=jnp.float32) / TIME_PAIRS
    frequencies = jnp.exp(-jnp.log(jnp.float32(TIME_SCALE)) * exponents)
    angles = TIME_SCALE * time.astype(jnp.float32)[..., None] * frequencies
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=-1)
