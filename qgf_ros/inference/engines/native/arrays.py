"""Brings a checkpoint's weights into the order that the library reads, and times into embeddings. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import ShapeMismatch

Float32 = npt.NDArray[np.float32]

TIME_SCALE = 10_000.0
FREQUENCIES = 8
EMBEDDING_DIM = 2 * FREQUENCIES


def embed(times: npt.NDArray[np.float64]) -> Float32:
    """emb(t) (K, 16) of `times` (K,), in float32 as the policy was trained. Equation (1).

    The exponential is rounded once from float64: so the frequencies are those of layers.TimeEmbedding, bit by bit.
    """
    exponents = np.float32(-math.log(TIME_SCALE)) * (
        np.arange(FREQUENCIES, dtype=np.float32) / np.float32(FREQUENCIES)
    )
    frequencies = np.exp(exponents.astype(np.float64)).astype(np.float32)
    angles = (np.float32(TIME_SCALE) * times.astype(np.float32))[:, None] * frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def hidden_widths(weights: Mapping[str, Float32]) -> list[int]:
    """Widths of the policy's hidden layers; the critics have the same."""
    widths: list[int] = []
    while (name := f"policy.layers.hidden.{len(widths)}.bias") in weights:
        widths.append(len(weights[name]))
    return widths


def in_order(weights: Mapping[str, Float32], observation_dim: int, vector_dim: int) -> list[Float32]:
    """All arrays of the policy and then of each member of the target critic, as `Builder` of network.h names them.

    The policy's first kernel has its rows reordered: those of the flags of committed rows, which are the same at all steps,
    follow the observation's.

    Raises:
        ShapeMismatch: a kernel does not fit the widths.
    """
    widths = hidden_widths(weights)
    members = len(weights["target_critic.layers.out.bias"])
    first = weights["policy.layers.hidden.0.kernel"]
    blocks = np.cumsum([observation_dim, vector_dim, EMBEDDING_DIM])
    observation, action, time, flags = np.split(first, blocks)
    reordered = np.concatenate([observation, flags, action, time])
    policy = {**weights, "policy.layers.hidden.0.kernel": reordered}
    arrays = [*_network(policy, "policy", None, len(widths), len(widths) - 1)]
    for member in range(members):
        arrays += _network(weights, "target_critic", member, len(widths), len(widths))
    _check_sizes(arrays, [*widths], observation_dim + len(flags), observation_dim, vector_dim, members)
    return arrays


def _network(
    weights: Mapping[str, Float32], name: str, member: int | None, depth: int, normalised: int
) -> Iterator[Float32]:
    def part(leaf: str) -> Float32:
        value = weights[f"{name}.layers.{leaf}"]
        return np.ascontiguousarray(value if member is None else value[member], dtype=np.float32)

    for layer in range(depth):
        yield part(f"hidden.{layer}.kernel")
        yield part(f"hidden.{layer}.bias")
        if layer < normalised:
            yield part(f"norm.{layer}.scale")
            yield part(f"norm.{layer}.bias")
    yield part("out.kernel")
    yield part("out.bias")


def _check_sizes(
    arrays: Sequence[Float32],
    widths: list[int],
    policy_constant: int,
    constant: int,
    vector: int,
    members: int,
) -> None:
    """The library trusts sizes: a wrong one would read beyond an array."""
    given = iter(arrays)
    heads = [(policy_constant + vector + EMBEDDING_DIM, vector, len(widths) - 1)]
    heads += [(constant + vector, 1, len(widths))] * members
    for inputs, outputs, normalised in heads:
        for layer, (rows, width) in enumerate(zip([inputs, *widths], [*widths, outputs], strict=True)):
            kernel, *vectors = [next(given) for _ in range(4 if layer < normalised else 2)]
            if kernel.shape != (rows, width):
                raise ShapeMismatch("kernel", kernel.shape, f"({rows}, {width})")
            for values in vectors:
                if values.shape != (width,):
                    raise ShapeMismatch("bias or scale", values.shape, f"({width},)")
