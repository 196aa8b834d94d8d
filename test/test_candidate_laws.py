"""Laws of best-of-N and of gradient ascent on the critic."""

from __future__ import annotations

import pytest
import torch
from flow_world import ROUNDING, networks, normal, seeds
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.flow.denoise import best_of_n, condition_q, gradient_ascent, sample
from qgf_ros.flow.sampler import Estimator, SamplerConfig


@given(st.integers(1, 5), st.integers(1, 6), seeds)
def test_best_of_n_returns_for_each_observation_its_candidate_of_highest_q(
    count: int, candidates: int, seed: int
) -> None:
    actions = normal(count * candidates, 3, seed=seed)
    best = best_of_n(lambda a: a[:, 0], actions, candidates)
    assert torch.equal(best[:, 0], actions[:, 0].view(count, candidates).amax(dim=1))
    assert all(any(torch.equal(row, one) for one in actions) for row in best)


@pytest.mark.parametrize("estimator", Estimator)
@pytest.mark.parametrize("weight", [0.0, 0.2])
def test_best_of_n_combines_with_every_estimator(estimator: Estimator, weight: float) -> None:
    nets, observation, noise = networks(), normal(2, 5), normal(8, 6)
    best = sample(
        nets.policy, nets.target_critic, observation, noise, SamplerConfig(10, weight, estimator, 4)
    )
    single = SamplerConfig(10, weight, estimator)
    everyone = sample(nets.policy, nets.target_critic, observation.repeat_interleave(4, 0), noise, single)
    scores = condition_q(nets.target_critic, observation, 4)(everyone).view(2, 4)
    expected = everyone.view(2, 4, 6)[torch.arange(2), scores.argmax(dim=1)]
    torch.testing.assert_close(best, expected, atol=ROUNDING, rtol=ROUNDING)


def test_noise_that_is_not_one_row_per_candidate_is_refused() -> None:
    nets = networks()
    with pytest.raises(ShapeMismatch, match="2 observations x 4 candidates"):
        sample(nets.policy, nets.target_critic, normal(2, 5), normal(2, 6), SamplerConfig(candidates=4))


def test_a_sampler_without_steps_or_candidates_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="denoise_steps"):
        SamplerConfig(denoise_steps=0)
    with pytest.raises(InvalidSetting, match="candidates"):
        SamplerConfig(candidates=0)


@given(seeds)
def test_gradient_ascent_climbs_a_concave_critic_and_stays_in_the_box(seed: int) -> None:
    peak, action = 2.0 * normal(3, 4, seed=seed), normal(3, 4, seed=seed + 1).clamp(-1, 1)
    climbed = gradient_ascent(lambda a: -(a - peak).square().sum(-1), action, 0.1, 3)
    assert ((climbed - peak).square().sum(-1) <= (action - peak).square().sum(-1)).all()
    assert climbed.abs().max() <= 1.0


def test_gradient_ascent_by_sign_moves_every_component_by_the_step_size() -> None:
    moved = gradient_ascent(lambda a: 7.0 * a[:, 0] - 0.1 * a[:, 1], torch.zeros(1, 2), 0.05, 2, sign=True)
    torch.testing.assert_close(moved, torch.tensor([[0.1, -0.1]]), atol=ROUNDING, rtol=0.0)
