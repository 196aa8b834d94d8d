"""Critic and value trained under another checkpoint's policy: the policy stays, and they learn as beside one that is trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from qgf_ros.checkpoint import save_checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.train.config import NetworkSizes
from qgf_ros.train.loop import Trainer
from qgf_ros.train.update import Part, TrainState, update, update_critic
from test.data.conftest import interface as interface
from test.data.conftest import write_slice
from test.train.test_resume import CONFIG, same, trainer, weights


def of(part: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The policy's tensors, or the others."""
    return {
        name: value for name, value in tensors.items() if name.startswith("policy.") == (part == "policy")
    }


def saved(tmp_path: Path, interface: Interface) -> tuple[Trainer, Path]:
    """A run that has ended, and its checkpoint."""
    whole = trainer(tmp_path, interface)
    list(whole.run())
    save_checkpoint(tmp_path / "parent", whole.checkpoint(SamplerDefaults(), {}))
    return whole, tmp_path / "parent"


def test_the_policy_and_its_normalizer_stay_bit_by_bit_and_the_critic_learns(
    tmp_path: Path, interface: Interface
) -> None:
    parent, path = saved(tmp_path, interface)
    (tmp_path / "own").mkdir()
    write_slice(tmp_path / "own" / "b.npz", interface, [30, 30, 30], seed=7)  # other data than the parent's
    run = trainer(tmp_path / "own", interface, dataclasses.replace(CONFIG, policy_from=path, seed=3))
    before = weights(run)
    (metrics, *_) = list(run.run())
    assert set(metrics) == {"critic_loss", "value_loss", "q_mean", "value_mean", "target_mean", "valid_share"}
    assert same(of("policy", weights(run)), of("policy", weights(parent)))
    np.testing.assert_array_equal(run.normalizer.mean, parent.normalizer.mean)
    np.testing.assert_array_equal(run.normalizer.scale, parent.normalizer.scale)
    assert not same(of("critic", weights(run)), of("critic", before))


def test_a_step_of_the_critic_alone_is_that_part_of_a_whole_step(
    tmp_path: Path, interface: Interface
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    whole, alone = trainer(tmp_path / "one", interface), trainer(tmp_path / "other", interface)
    state = TrainState.create(alone.state.networks, CONFIG.update, Part.CRITIC)
    before = of("policy", weights(alone))
    for step in range(3):
        noise, time = whole._flow_draws(CONFIG.batch_size, 2, step)
        batch = whole._batch(whole.training, CONFIG.batch_size, 1, step)
        update(whole.state, batch, noise, time)
        update_critic(state, batch, noise, time)
    assert same(of("critic", weights(alone)), of("critic", weights(whole)))
    assert same(of("policy", weights(alone)), before)


def test_a_policy_of_another_size_is_refused(tmp_path: Path, interface: Interface) -> None:
    _, path = saved(tmp_path, interface)
    other = dataclasses.replace(CONFIG, policy_from=path, networks=NetworkSizes(hidden=(16,)))
    with pytest.raises(InvalidSetting, match="as in policy_from"):
        trainer(tmp_path, interface, other)


def test_to_take_over_both_leaves_nothing_to_train(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="nothing would be trained"):
        dataclasses.replace(CONFIG, policy_from=tmp_path, critic_from=tmp_path)
