"""The rivals in JAX compute what the authors' implementation computes: only then is their speed worth a comparison."""

from __future__ import annotations

import numpy as np
import pytest
from golden_answers import golden_directory, load
from golden_weights import load_networks

pytest.importorskip("jax", reason="jax is not installed: it comes with the extra `bench` (make bench)")

from jax_sampler import make_jax_sampler

ABSOLUTE = 2e-5  # golden/README.md, for float32
PREFIXES = sorted(path.name.removesuffix("_weights.npz") for path in golden_directory().glob("*_weights.npz"))
GUIDED = ("qgf_w0.05", "qgf_w1", "bc_w0")


def rival(prefix: str, weight: float):
    """The JAX sampler with a golden set's weights; golden observations are normalised already."""
    weights = load(f"{prefix}_weights")
    networks = load_networks(weights)
    arrays = {name: value.numpy() for name, value in networks.state_dict().items()}
    observed, steps = networks.config.observation_dim, int(weights["meta/denoise_steps"])
    mean, scale = np.zeros(observed, np.float32), np.ones(observed, np.float32)
    times = [index / steps for index in range(steps + 1)]
    minimum = not weights["meta/q_aggregation_is_mean"]
    return make_jax_sampler(arrays, mean, scale, times, weight, minimum=minimum)


@pytest.mark.parametrize("mode", GUIDED)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_rival_reproduces_golden_actions_one_sample_at_a_time(prefix: str, mode: str) -> None:
    golden = load(f"{prefix}_inference")
    sample = rival(prefix, float(golden[f"{mode}/weight"]))
    pairs = zip(golden["obs"], golden["noise"], strict=True)
    found = np.concatenate([sample(observation, noise[None]).actions for observation, noise in pairs])
    np.testing.assert_allclose(found, golden[f"{mode}/actions"], rtol=0.0, atol=ABSOLUTE)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_rival_chooses_the_best_of_four_as_the_golden_set_does(prefix: str) -> None:
    golden = load(f"{prefix}_inference")
    sample = rival(prefix, 0.05)
    noise = golden["bestof4_w0.05/noise"].reshape(len(golden["obs"]), 4, -1)
    found = [sample(observation, draws) for observation, draws in zip(golden["obs"], noise, strict=True)]
    chosen = np.stack([answer.actions[answer.best] for answer in found])
    np.testing.assert_allclose(chosen, golden["bestof4_w0.05/actions"], rtol=0.0, atol=ABSOLUTE)
