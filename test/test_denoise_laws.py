"""Laws of the walk from noise to action. Conventions: time 0 is noise, time 1 is action."""

from __future__ import annotations

import math

import pytest
import torch
from flow_world import ROUNDING, networks, normal, seeds, steps_counts
from hypothesis import given
from torch import Tensor

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.denoise import denoise, finish, sample
from qgf_ros.flow.sampler import SamplerConfig, uniform_times


@given(steps_counts, seeds)
def test_denoising_a_constant_field_moves_by_exactly_it(count: int, seed: int) -> None:
    noise, field = normal(3, 4, seed=seed), normal(3, 4, seed=seed + 1)
    *_, last = denoise(lambda action, time: field, noise, uniform_times(count))
    torch.testing.assert_close(last.next_action, noise + field, atol=ROUNDING, rtol=ROUNDING)


def test_uneven_steps_move_by_the_constant_field_too() -> None:
    noise, field = normal(3, 4, seed=1), normal(3, 4, seed=2)
    *_, last = denoise(lambda action, time: field, noise, (0.0, 0.1, 0.7, 1.0))
    torch.testing.assert_close(last.next_action, noise + field, atol=ROUNDING, rtol=ROUNDING)


def test_the_euler_error_halves_with_the_step() -> None:
    start = torch.ones(1, 1, dtype=torch.float64)

    def error(count: int) -> float:
        *_, last = denoise(lambda action, time: action, start, uniform_times(count))
        return abs(last.next_action.item() - math.e)  # the solution of da/dt = a from 1

    # The ratio is 2 + O(1/K); at K = 64 the next term of the expansion is below 2 %.
    assert error(64) / error(128) == pytest.approx(2.0, rel=0.02)


@given(steps_counts, seeds)
def test_a_field_that_points_straight_at_an_action_arrives_there(count: int, seed: int) -> None:
    goal = normal(3, 4, seed=seed).clamp(-0.9, 0.9)
    final = finish(
        denoise(lambda action, time: (goal - action) / (1 - time), normal(3, 4, seed=7), uniform_times(count))
    )
    torch.testing.assert_close(final, goal, atol=1e-4, rtol=0.0)  # the field divides rounding by 1 - t = 1/K


def test_the_clean_estimate_of_a_straight_field_is_the_action_at_every_step() -> None:
    goal = normal(3, 4, seed=3).clamp(-0.9, 0.9)
    for step in denoise(lambda action, time: (goal - action) / (1 - time), normal(3, 4), uniform_times(10)):
        torch.testing.assert_close(step.clean_estimate(), goal, atol=ROUNDING, rtol=0.0)


def test_a_step_is_computed_only_when_it_is_asked_for() -> None:
    times: list[float] = []

    def field(action: Tensor, time: Tensor) -> Tensor:
        times.append(time.item())
        return action

    walk = denoise(field, normal(1, 4), uniform_times(4))
    assert times == []
    next(walk)
    next(walk)
    assert times == [0.0, 0.25]


def test_the_running_action_is_not_clipped_but_the_result_is() -> None:
    walk = list(
        denoise(lambda action, time: torch.full_like(action, 8.0), torch.zeros(1, 2), uniform_times(4))
    )
    assert [step.next_action[0, 0].item() for step in walk] == [2.0, 4.0, 6.0, 8.0]
    assert torch.equal(finish(iter(walk)), torch.ones(1, 2))


@given(seeds)
def test_the_same_noise_gives_the_same_chunk(seed: int) -> None:
    nets, observation, noise = networks(), normal(2, 5, seed=seed), normal(2, 6, seed=seed + 1)
    config = SamplerConfig(weight=0.1)
    once = sample(nets.policy, nets.target_critic, observation, noise, config)
    again = sample(nets.policy, nets.target_critic, observation, noise, config)
    other = sample(nets.policy, nets.target_critic, observation, noise + 0.1, config)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_a_walk_of_no_steps_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="denoise_steps is 0"):
        uniform_times(0)
