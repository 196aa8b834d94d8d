"""The rival in training takes the golden steps, so it does the same work as ours."""

from __future__ import annotations

import numpy as np
import pytest
from golden_answers import golden_directory, load
from golden_weights import load_networks, parameter_name

pytest.importorskip("jax", reason="jax is not installed: it comes with the extra `bench` (make bench)")

from jax_training import JaxUpdate, as_arrays, initial_state, make_step

ABSOLUTE = 2e-5  # golden/README.md, for float32
PREFIXES = sorted(path.name.removesuffix("_weights.npz") for path in golden_directory().glob("*_weights.npz"))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_rival_takes_the_golden_steps(prefix: str) -> None:
    weights, golden = load(f"{prefix}_weights"), load(f"{prefix}_training")
    networks = load_networks(weights)
    step = make_step(
        JaxUpdate(
            discount=float(weights["meta/discount"]),
            expectile=float(weights["meta/expectile"]),
            tau=float(weights["meta/tau"]),
            learning_rate=float(weights["meta/learning_rate"]),
            horizon=networks.config.horizon,
            minimum=not weights["meta/q_aggregation_is_mean"],
        )
    )
    state = initial_state({name: value.numpy() for name, value in networks.state_dict().items()})
    for name in ("step1", "step2"):
        state, metrics = step(
            state, batch_of(golden, name, networks.config.chunked), golden[f"{name}/eps"], golden[f"{name}/t"]
        )
        for loss in ("bc_loss", "critic_loss", "value_loss"):
            np.testing.assert_allclose(metrics[loss], golden[f"{name}/{loss}"], rtol=0.0, atol=ABSOLUTE)
        found = as_arrays(state["networks"])
        after = [key for key in golden if key.startswith(f"{name}/after/")]
        assert len(after) == len(found)
        for key in after:
            ours = found[parameter_name(key.removeprefix(f"{name}/after/"))]
            np.testing.assert_allclose(ours, golden[key], rtol=0.0, atol=ABSOLUTE)


def batch_of(golden: dict[str, np.ndarray], name: str, chunked: bool) -> dict[str, np.ndarray]:
    """A golden batch as the step takes it: of running quantities the last column."""
    actions = golden[f"{name}/batch/actions"]
    last = {
        key: golden[f"{name}/batch/{key}"][:, -1]
        for key in ("next_observations", "rewards", "masks", "valid")
    }
    return last | {
        "observations": golden[f"{name}/batch/observations"],
        "actions": actions.reshape(len(actions), -1) if chunked else actions[:, 0],
    }
