"""Laws of flow matching and guided denoising. Conventions: time 0 is noise, time 1 is action."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.flow.denoise import (
    best_of_n,
    condition_q,
    denoise,
    finish,
    gradient_ascent,
    sample,
)
from qgf_ros.flow.guidance import Guide, critic_gradient, evaluate_guided
from qgf_ros.flow.path import (
    TimeSampling,
    clean_estimate,
    flow_matching_loss,
    interpolate,
    sample_times,
)
from qgf_ros.flow.sampler import Estimator, SamplerConfig, uniform_times
from qgf_ros.networks import NetworkConfig, Networks

ROUNDING = 1e-5  # float32 sums of at most 64 numbers near 1
CONFIG = NetworkConfig(observation_dim=5, action_dim=2, horizon=3, hidden=(16, 16))
steps_counts = st.integers(min_value=1, max_value=64)
seeds = st.integers(min_value=0, max_value=2**31)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def networks() -> Networks:
    return Networks.create(CONFIG, generator())


def forbidden_critic(action: Tensor) -> Tensor:
    raise AssertionError("the critic was evaluated")


# --- the path -----------------------------------------------------------------------------------------------------------


def test_the_path_runs_from_noise_at_time_0_to_the_action_at_time_1() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    assert torch.equal(interpolate(noise, action, torch.zeros(4)), noise)
    assert torch.equal(interpolate(noise, action, torch.ones(4)), action)


def test_the_flow_matching_loss_vanishes_for_the_velocity_of_the_path() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    assert flow_matching_loss(action - noise, noise, action) == 0.0


def test_the_flow_matching_loss_is_a_mean_over_batch_and_components() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    loss = flow_matching_loss(action - noise + 0.5, noise, action)
    assert loss.item() == pytest.approx(0.25, abs=ROUNDING)


def test_discrete_training_times_are_the_grid_times_and_include_both_ends() -> None:
    times = sample_times(2000, TimeSampling.DISCRETE, 10, generator())
    assert set(times.tolist()) == {(torch.tensor(k) / 10).item() for k in range(11)}


def test_continuous_training_times_fill_the_interval() -> None:
    times = sample_times(2000, TimeSampling.CONTINUOUS, 10, generator())
    assert len(set(times.tolist())) > 1900
    assert times.min() >= 0.0
    assert times.max() < 1.0


def test_a_walk_of_no_steps_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="denoise_steps is 0"):
        uniform_times(0)


# --- the walk -----------------------------------------------------------------------------------------------------------


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


# --- guidance -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", Estimator)
def test_weight_zero_is_the_unguided_policy_and_never_evaluates_the_critic(estimator: Estimator) -> None:
    noise = normal(3, 4)
    unguided = finish(denoise(lambda a, t: -a, noise, uniform_times(10)))
    guided = finish(
        denoise(lambda a, t: -a, noise, uniform_times(10), Guide(forbidden_critic, 0.0, estimator))
    )
    assert torch.equal(unguided, guided)


def test_a_schedule_evaluates_the_critic_only_where_it_is_not_zero() -> None:
    calls = 0

    def q(action: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return action.sum(dim=-1)

    guide = Guide(q, lambda time: 0.1 if time >= 0.5 else 0.0)
    walk = list(denoise(lambda a, t: -a, normal(1, 4), uniform_times(10), guide))
    assert calls == 5
    assert [step.weight for step in walk] == [0.0] * 5 + [0.1] * 5


@pytest.mark.parametrize("estimator", Estimator)
def test_a_constant_schedule_is_the_same_as_a_constant_weight(estimator: Estimator) -> None:
    nets, observation, noise = networks(), normal(2, 5), normal(2, 6)
    constant, schedule = (
        SamplerConfig(weight=0.3, estimator=estimator),
        SamplerConfig(weight=lambda time: 0.3, estimator=estimator),
    )
    assert torch.equal(
        sample(nets.policy, nets.target_critic, observation, noise, constant),
        sample(nets.policy, nets.target_critic, observation, noise, schedule),
    )


@pytest.mark.parametrize("estimator", [Estimator.ONE_STEP, Estimator.NOISY])
def test_a_linear_critic_shifts_the_walk_by_weight_times_its_slope_also_outside_the_box(
    estimator: Estimator,
) -> None:
    noise, field, slope = 3.0 * normal(3, 4, seed=1), normal(3, 4, seed=2), normal(4, seed=3)
    guide = Guide(lambda action: action @ slope, 0.5, estimator)
    *_, last = denoise(lambda a, t: field, noise, uniform_times(10), guide)
    torch.testing.assert_close(last.next_action, noise + field + 0.5 * slope, atol=ROUNDING, rtol=ROUNDING)


@given(seeds)
def test_one_step_differentiates_at_the_clipped_clean_estimate(seed: int) -> None:
    action, field, time = normal(3, 4, seed=seed), normal(3, 4, seed=seed + 1), torch.tensor(0.3)
    guided = evaluate_guided(lambda a, t: field, lambda a: a.pow(3).sum(-1), action, time, Estimator.ONE_STEP)
    point = clean_estimate(action, field, time).clamp(-1, 1)
    assert torch.equal(guided.point, point)
    torch.testing.assert_close(guided.guidance, 3 * point.square(), atol=ROUNDING, rtol=ROUNDING)


@given(seeds)
def test_noisy_differentiates_at_the_unclipped_noisy_action(seed: int) -> None:
    action = 3.0 * normal(3, 4, seed=seed)
    guided = evaluate_guided(
        lambda a, t: -a, lambda a: a.square().sum(-1) / 2, action, torch.tensor(0.3), Estimator.NOISY
    )
    torch.testing.assert_close(guided.guidance, action, atol=ROUNDING, rtol=ROUNDING)


@given(seeds)
def test_the_jacobian_of_a_linear_field_is_applied_transposed(seed: int) -> None:
    matrix, slope, time = 0.1 * normal(4, 4, seed=seed), normal(4, seed=seed + 1), torch.tensor(0.25)
    action = normal(3, 4, seed=seed + 2).clamp(-0.3, 0.3)  # keeps the estimate inside the box
    guided = evaluate_guided(
        lambda a, t: a @ matrix.T, lambda a: a @ slope, action, time, Estimator.ONE_STEP_JACOBIAN
    )
    jacobian = torch.eye(4) + 0.75 * matrix
    inside = (guided.point.abs() < 1.0).float()
    expected = (inside * slope) @ jacobian
    torch.testing.assert_close(guided.guidance, expected, atol=ROUNDING, rtol=ROUNDING)


def test_through_the_jacobian_a_clipped_component_contributes_nothing() -> None:
    action = torch.tensor([[0.0, 5.0]])
    guided = evaluate_guided(
        lambda a, t: torch.zeros_like(a),
        lambda a: a.sum(-1),
        action,
        torch.tensor(0.5),
        Estimator.ONE_STEP_JACOBIAN,
    )
    assert torch.equal(guided.gradient, torch.tensor([[1.0, 1.0]]))
    assert torch.equal(guided.guidance, torch.tensor([[1.0, 0.0]]))


def test_the_gradient_of_a_row_does_not_depend_on_the_batch() -> None:
    nets, observation, action = networks(), normal(3, 5), normal(3, 6)
    together = critic_gradient(condition_q(nets.target_critic, observation), action)
    alone = critic_gradient(condition_q(nets.target_critic, observation[:1]), action[:1])
    torch.testing.assert_close(together[:1], alone, atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize("estimator", Estimator)
def test_gentle_guidance_raises_the_critic(estimator: Estimator) -> None:
    def q(action: Tensor) -> Tensor:
        return -(action - 0.5).square().sum(dim=-1)

    noise = normal(64, 4)
    unguided = finish(denoise(lambda a, t: -0.5 * a, noise, uniform_times(10)))
    guided = finish(denoise(lambda a, t: -0.5 * a, noise, uniform_times(10), Guide(q, 0.1, estimator)))
    assert q(guided).mean() > q(unguided).mean()


# --- candidates and ascent ------------------------------------------------------------------------------------------------


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
