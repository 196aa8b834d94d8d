"""Laws of guidance: at which action the critic is asked for its slope, and what is done with it."""

from __future__ import annotations

import pytest
import torch
from flow_world import ROUNDING, forbidden_critic, networks, normal, seeds
from hypothesis import given
from torch import Tensor

from qgf_ros.flow.denoise import condition_q, denoise, finish, sample
from qgf_ros.flow.guidance import Guide, critic_gradient, evaluate_guided
from qgf_ros.flow.path import clean_estimate
from qgf_ros.flow.sampler import Estimator, SamplerConfig, uniform_times


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
