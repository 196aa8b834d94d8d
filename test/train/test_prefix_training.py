"""Training a policy that is told which actions are committed, and a policy alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from qgf_ros.checkpoint import save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import Batch
from qgf_ros.flow.path import flow_matching_loss
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.strict import build
from qgf_ros.train.config import NetworkSizes
from qgf_ros.train.state_file import restore_state, save_state
from qgf_ros.train.update import cloning_loss
from test.data.conftest import interface as interface
from test.train.test_resume import CONFIG, same, trainer, weights

B, OBSERVATION, H, A = 8, 3, 4, 2
TOLD = dataclasses.replace(CONFIG, networks=NetworkSizes(hidden=(16, 16), max_delay=2))


def networks(max_delay: int) -> Networks:
    """Small random networks."""
    config = NetworkConfig(OBSERVATION, A, horizon=H, hidden=(16, 16), max_delay=max_delay)
    return Networks.create(config, torch.Generator().manual_seed(0))


def draws() -> tuple[Batch, torch.Tensor, torch.Tensor]:
    """A batch, noise (B, D) and times (B,)."""
    torch.manual_seed(1)
    void = torch.zeros(B)
    batch = Batch(
        torch.randn(B, OBSERVATION), torch.rand(B, H, A), torch.randn(B, OBSERVATION), void, void, void
    )
    return batch, torch.randn(B, H * A), torch.rand(B)


def test_committed_rows_are_not_counted_and_their_noise_is_not_seen() -> None:
    batch, noise, time = draws()
    delay = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])
    other = noise.clone()
    for row, count in enumerate(delay.tolist()):
        other[row, : count * A] = 7.0
    losses = [cloning_loss(networks(3), batch, start, time, delay) for start in (noise, other)]
    torch.testing.assert_close(losses[0], losses[1], rtol=0.0, atol=0.0)


def test_without_delay_the_loss_is_the_plain_one() -> None:
    batch, noise, time = draws()
    none, zero = (cloning_loss(networks(3), batch, noise, time, d) for d in (None, torch.zeros(B)))
    torch.testing.assert_close(none, zero)  # the mean is summed in another order


def test_a_loss_over_chosen_entries_is_their_mean() -> None:
    predicted, noise, action = torch.zeros(1, 4), torch.zeros(1, 4), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    counted = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    assert float(flow_matching_loss(predicted, noise, action, counted)) == (4.0 + 16.0) / 2


def test_training_teaches_a_told_policy_to_heed_what_it_is_told(tmp_path: Path, interface: Interface) -> None:
    run = trainer(tmp_path, interface, dataclasses.replace(TOLD, steps=30))
    observation = torch.zeros(1, interface.observation_dim)
    policy, flags = run.state.networks.policy, torch.eye(interface.chunk_length)[0]
    before = policy.layers.first.kernel[-interface.chunk_length :].detach().clone()
    list(run.run())
    after = policy.layers.first.kernel[-interface.chunk_length :].detach()
    moved = (after - before).abs().amax(dim=1)
    assert (moved[:2] > 0).all(), "the flags of rows that can be committed learn"
    assert float(moved[2]) == 0.0, "the last row is never committed: its flag stays as drawn"
    assert not torch.allclose(policy.encode(observation, flags), policy.encode(observation))


def test_a_policy_alone_leaves_the_critic_that_it_was_given(tmp_path: Path, interface: Interface) -> None:
    whole = trainer(tmp_path, interface)
    list(whole.run())
    save_checkpoint(tmp_path / "critic", whole.checkpoint(SamplerDefaults(), {}))
    alone = trainer(tmp_path, interface, dataclasses.replace(TOLD, critic_from=tmp_path / "critic"))
    (metrics, *_) = list(alone.run())
    assert set(metrics) == {"bc_loss"}
    assert np.isfinite(metrics["bc_loss"])
    kept, given = weights(alone), weights(whole)
    names = [name for name in kept if not name.startswith("policy.")]
    assert len(names) > 10
    assert same({name: kept[name] for name in names}, {name: given[name] for name in names})


@pytest.mark.parametrize("is_alone", [False, True])
def test_a_told_policys_run_that_was_cut_goes_on_to_the_same_result(
    tmp_path: Path, interface: Interface, is_alone: bool
) -> None:
    config = TOLD
    if is_alone:
        save_checkpoint(tmp_path / "critic", trainer(tmp_path, interface).checkpoint(SamplerDefaults(), {}))
        config = dataclasses.replace(TOLD, critic_from=tmp_path / "critic")
    whole, cut, resumed = (trainer(tmp_path, interface, config) for _ in range(3))
    list(whole.run())
    steps = cut.run()
    for _ in range(5):
        next(steps)
    save_state(tmp_path / "state", cut.state, "run")
    restore_state(tmp_path / "state", resumed.state, "run")
    list(resumed.run())
    assert same(weights(whole), weights(resumed))


def test_a_checkpoint_from_before_the_option_is_of_a_policy_that_is_not_told() -> None:
    stored = networks(0).config.as_mapping()
    del stored["max_delay"]
    assert build(NetworkConfig, stored, "networks") == networks(0).config
