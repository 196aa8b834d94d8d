"""A guidance weight from logged data: whatever the units of reward, guidance moves chunks as far."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from point_world import episodes, learned, with_critic

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Windows
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.critic_view import logged_windows, unguided_chunks, view
from qgf_ros.evaluate.guidance_weight import Yardstick, weighed_like, with_weight
from qgf_ros.flow.denoise import sample
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.train.finetune import copied
from test.data.conftest import interface as interface

STRENGTHS = (0.05, 0.3, 1.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, Windows]:
    small: Interface = interface.__wrapped__()
    folder = tmp_path_factory.mktemp("walks")
    made = learned(episodes(folder, small, 0), small)
    return made, logged_windows(episodes(folder, small, 3), made)


@pytest.fixture
def parent(world: tuple[Checkpoint, Windows]) -> Checkpoint:
    return world[0]


@pytest.fixture
def windows(world: tuple[Checkpoint, Windows]) -> Windows:
    return world[1]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_weight_of_a_strength_has_that_strength(
    parent: Checkpoint, windows: Windows, strength: float
) -> None:
    yardstick = Yardstick(parent, windows)
    assert yardstick.pull(yardstick.weight_of(strength)).strength == pytest.approx(strength, rel=1e-4)


def test_more_strength_is_more_weight(parent: Checkpoint, windows: Windows) -> None:
    yardstick = Yardstick(parent, windows)
    weights = [yardstick.weight_of(strength) for strength in STRENGTHS]
    assert weights == sorted(weights)


def test_without_weight_nothing_moves(parent: Checkpoint, windows: Windows) -> None:
    pull = Yardstick(parent, windows).pull(0.0)
    assert (pull.strength, pull.gain, pull.worse) == (0.0, 0.0, 0.0)


def test_guidance_raises_what_the_critic_makes_of_chunks(parent: Checkpoint, windows: Windows) -> None:
    yardstick = Yardstick(parent, windows)
    pull = yardstick.pull(yardstick.weight_of(0.3))
    assert pull.gain > 0.0
    assert pull.worse < 0.5


@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0, 100.0])
def test_rewards_in_other_units_give_the_same_chunks(
    parent: Checkpoint, windows: Windows, factor: float
) -> None:
    other = with_critic(parent, factor)
    weights = [Yardstick(made, windows).weight_of(0.3) for made in (parent, other)]
    assert weights[1] * factor == pytest.approx(weights[0], rel=1e-4)
    pulls = [
        Yardstick(made, windows).pull(weight) for made, weight in zip((parent, other), weights, strict=True)
    ]
    assert pulls[0].gain == pytest.approx(pulls[1].gain, rel=1e-3)


@settings(max_examples=12, deadline=None)
@given(factor=st.floats(0.1, 100.0))
def test_one_strength_gives_the_same_actions_whatever_the_rewards_are_multiplied_by(
    world: tuple[Checkpoint, Windows], factor: float
) -> None:
    """The sampler as nodes run it: guided, and the best of four by the same critic."""
    parent, windows = world
    observations = torch.from_numpy(parent.normalizer.normalise(windows.observations[:32]))
    noise = torch.randn(4 * len(observations), parent.networks.config.vector_dim)
    actions = []
    for made in (parent, with_critic(parent, factor)):
        weight = Yardstick(made, windows).weight_of(0.3)
        config = SamplerConfig(10, weight, candidates=4)
        actions.append(sample(made.networks.policy, made.networks.target_critic, observations, noise, config))
    assert float((actions[0] - actions[1]).abs().max()) <= 1e-4


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_a_childs_weight_follows_its_critic_so_that_it_pulls_as_hard(
    parent: Checkpoint, windows: Windows, factor: float
) -> None:
    chunks = unguided_chunks(parent, windows)
    before = view(parent, windows, chunks)
    made = weighed_like(with_critic(parent, factor), parent, windows)
    assert made.defaults.guidance_weight == pytest.approx(parent.defaults.guidance_weight / factor, rel=1e-4)
    same = view(made, windows, chunks).played / factor
    np.testing.assert_allclose(same, before.played, rtol=1e-3, atol=1e-3)


def test_a_child_that_is_the_parent_keeps_its_weight_to_the_last_bit(
    parent: Checkpoint, windows: Windows
) -> None:
    child = dataclasses.replace(parent, networks=copied(parent.networks))
    assert weighed_like(child, parent, windows) is child


def test_a_critic_without_slope_has_no_weight_and_a_child_of_such_keeps_the_parents(
    parent: Checkpoint, windows: Windows
) -> None:
    flat = with_critic(parent, 0.0)
    with pytest.raises(InvalidSetting, match="the critic has no slope at the policy's chunks"):
        Yardstick(flat, windows).weight_of(0.3)
    assert weighed_like(flat, parent, windows) is flat


def test_a_parent_that_is_not_guided_has_a_child_that_is_not(parent: Checkpoint, windows: Windows) -> None:
    unguided = with_weight(parent, 0.0)
    assert weighed_like(with_critic(unguided, 4.0), unguided, windows).defaults.guidance_weight == 0.0


@pytest.mark.parametrize("strength", [0.0, -1.0, math.nan, math.inf])
def test_a_strength_that_is_none_is_refused(parent: Checkpoint, windows: Windows, strength: float) -> None:
    with pytest.raises(InvalidSetting, match="a number above 0"):
        Yardstick(parent, windows).weight_of(strength)


def test_a_strength_beyond_the_actions_range_is_refused(parent: Checkpoint, windows: Windows) -> None:
    with pytest.raises(InvalidSetting, match="no weight moves chunks further"):
        Yardstick(parent, windows).weight_of(1e3)


def test_a_policy_without_spread_has_no_strength(parent: Checkpoint, windows: Windows) -> None:
    still = copied(parent.networks).requires_grad_(False)
    for value in still.policy.parameters():
        value.zero_()
    still.policy.layers.out.bias.fill_(1e6)  # every walk ends at the same corner
    with pytest.raises(InvalidSetting, match="the policy's spread"):
        Yardstick(dataclasses.replace(parent, networks=still), windows)


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_the_weight_is_the_same_however_little_noise_walks_begin_at(
    parent: Checkpoint, windows: Windows, scale: float
) -> None:
    """The spread is the policy's own, that of training's noise."""
    quiet = dataclasses.replace(parent, defaults=dataclasses.replace(parent.defaults, noise_scale=scale))
    assert Yardstick(quiet, windows).weight_of(0.3) == Yardstick(parent, windows).weight_of(0.3)


def test_a_look_changes_no_weights(parent: Checkpoint, windows: Windows) -> None:
    before = {name: value.clone() for name, value in parent.networks.state_dict().items()}
    Yardstick(parent, windows).weight_of(0.3)
    assert all(torch.equal(value, before[name]) for name, value in parent.networks.state_dict().items())
