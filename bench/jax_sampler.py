"""The rival: the guided sampler in JAX, compiled by `jit`, written as well as we can.

What was tried on the CPU and kept or dropped: docs/adr/0020. The observation's share of every first layer is computed once a chunk,
the time's share once for all chunks; the loop over steps stays a loop (unrolled it is slower and compiles for longer); for a single
sample only the ensemble member with the smaller Q is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax
from jax_nets import Arrays, Net, layers, members_of, read_net, time_embedding

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class JaxSample:
    """actions (N, D) in [-1, 1], their scores (N,) by the aggregated target critic, and the index of the best."""

    actions: FloatArray
    scores: FloatArray
    best: int


Sampler = Callable[[FloatArray, FloatArray], JaxSample]


def make_jax_sampler(
    arrays: Arrays,
    mean: FloatArray,
    scale: FloatArray,
    times: Sequence[float],
    weight: float,
    *,
    minimum: bool = True,
) -> Sampler:
    """A function of a raw observation (O,) and noise (N, D), for guidance of constant `weight` along `times` (K + 1,).

    `arrays` is `Networks.state_dict()` as numpy arrays; `mean` and `scale` (O,) normalise; `minimum` says how the target
    critics are aggregated (else by their mean). Estimator: one step, as the reference's. It compiles once for each N.
    """
    policy, members = read_net(arrays, "policy"), members_of(read_net(arrays, "target_critic"))
    observed = len(mean)
    vector = policy["out"].shape[1]
    of_time = policy["kernels"][0][observed + vector :]
    steps = {
        "time": jnp.asarray(times[:-1], jnp.float32),
        "length": jnp.asarray([after - before for before, after in pairwise(times)], jnp.float32),
        "features": time_embedding(jnp.asarray(times[:-1], jnp.float32)) @ of_time + policy["biases"][0],
    }
    constants = {
        "policy": split_first(policy, observed, vector),
        "members": [split_first(member, observed, vector) for member in members],
        "steps": steps,
        "mean": jnp.asarray(mean),
        "scale": jnp.asarray(scale),
        "weight": jnp.float32(weight),
    }
    compiled = jax.jit(partial(guided_walk, minimum=minimum))

    def sample(observation: FloatArray, noise: FloatArray) -> JaxSample:
        actions, scores, best = compiled(constants, observation, noise)
        return JaxSample(np.asarray(actions), np.asarray(scores), int(best))

    return sample


def split_first(net: Net, observed: int, vector: int) -> Net:
    """The network with its first kernel split into the observation's and the action's rows."""
    first = net["kernels"][0]
    return net | {"of_observation": first[:observed], "of_action": first[observed : observed + vector]}


def guided_walk(
    constants: dict[str, Any], observation: jax.Array, noise: jax.Array, *, minimum: bool
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """All steps of guided denoising, the clip, the scores and the best: what `jit` compiles."""
    policy, steps = constants["policy"], constants["steps"]
    normal = (observation - constants["mean"]) / constants["scale"]
    features = normal @ policy["of_observation"]
    q_of = [member_q(member, normal) for member in constants["members"]]

    def step(index: int, action: jax.Array) -> jax.Array:
        first = action @ policy["of_action"] + (features + steps["features"][index])
        velocity = layers(policy, first)
        estimate = jnp.clip(action + (1.0 - steps["time"][index]) * velocity, -1.0, 1.0)
        guidance = gradient(q_of, estimate, minimum)
        return action + steps["length"][index] * (velocity + constants["weight"] * guidance)

    actions = jnp.clip(lax.fori_loop(0, steps["time"].shape[0], step, noise), -1.0, 1.0)
    scores = aggregated(q_of, actions, minimum)
    return actions, scores, jnp.argmax(scores)


def member_q(member: Net, normal: jax.Array) -> Callable[[jax.Array], jax.Array]:
    """Q (N,) of one member as a function of actions (N, D)."""
    features = normal @ member["of_observation"] + member["biases"][0]
    return lambda action: layers(member, action @ member["of_action"] + features)[:, 0]


def aggregated(
    q_of: Sequence[Callable[[jax.Array], jax.Array]], action: jax.Array, minimum: bool
) -> jax.Array:
    """The ensemble's Q (N,)."""
    q = jnp.stack([member(action) for member in q_of])
    return q.min(axis=0) if minimum else q.mean(axis=0)


def gradient(q_of: Sequence[Callable[[jax.Array], jax.Array]], action: jax.Array, minimum: bool) -> jax.Array:
    """The aggregated Q's gradient (N, D) with respect to each action; for one sample only the chosen member goes backward."""
    if minimum and action.shape[0] == 1:
        values, backward = zip(*(jax.vjp(member, action) for member in q_of), strict=True)
        chosen = jnp.argmin(jnp.concatenate(values))
        return lax.switch(chosen, [partial(one_backward, pull) for pull in backward])
    return jax.grad(lambda point: aggregated(q_of, point, minimum).sum())(action)


def one_backward(pull: Callable[[jax.Array], tuple[jax.Array]]) -> jax.Array:
    """The gradient of one member at one sample."""
    return pull(jnp.ones((1,), jnp.float32))[0]
