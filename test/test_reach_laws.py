"""Losses of critics that are told goals: their targets stay in [0, 1], their slopes are those of the numbers they say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.critic.reach import distillation_loss, quantile_loss, reach_loss, reach_target

CHANCES = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6)
LEVELS = st.floats(0.05, 0.95)
STEP = 1e-5  # of a numeric slope, in float64
SLOPE_TOLERANCE = 1e-4


def tensor(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(
    chance=st.floats(-2.0, 3.0),
    after=st.integers(0, 30),
    horizon=st.integers(1, 29),
    discount=st.floats(0.0, 1.0),
)
def test_a_target_lies_between_0_and_1(chance: float, after: int, horizon: int, discount: float) -> None:
    found = float(reach_target(torch.tensor([after]), tensor([chance]), discount, horizon))
    assert 0.0 <= found <= 1.0


def test_a_target_is_the_discounted_chance_of_being_there() -> None:
    after, value = torch.tensor([0, 1, 3, 4, 9]), tensor([0.5] * 5)
    expected = tensor([1.0, 0.9, 0.9**3, 0.9**3 * 0.5, 0.9**3 * 0.5])
    torch.testing.assert_close(reach_target(after, value, 0.9, 3), expected)


def test_no_gradient_flows_into_targets() -> None:
    value = tensor([0.5]).requires_grad_()
    assert not reach_target(torch.tensor([9]), value, 0.9, 3).requires_grad
    logits = tensor([0.1]).requires_grad_()
    other = tensor([0.3]).requires_grad_()
    quantile_loss(logits, other, 0.9).backward()
    assert other.grad is None


@given(chances=CHANCES, logit=st.floats(-3.0, 3.0), level=LEVELS)
@settings(deadline=None)
def test_slopes_are_those_of_the_losses(chances: list[float], logit: float, level: float) -> None:
    target = tensor(chances)

    def losses(at: float) -> list[torch.Tensor]:
        logits = torch.full((2, len(chances)), at, dtype=torch.float64).requires_grad_()
        found = [reach_loss(logits, target), distillation_loss(logits, target, level)]
        found.append(quantile_loss(logits[0], torch.logit(target), level))
        return [*found, logits]

    *at, logits = losses(logit)
    if (torch.logit(target) - logit).abs().min() < 10 * STEP:
        return  # at a kink there is no slope
    for index, loss in enumerate(at):
        [gradient] = torch.autograd.grad(loss, logits, retain_graph=True)
        numeric = (losses(logit + STEP)[index] - losses(logit - STEP)[index]) / (2 * STEP)
        torch.testing.assert_close(
            gradient.sum(), numeric.detach(), atol=SLOPE_TOLERANCE, rtol=SLOPE_TOLERANCE
        )


def minimiser(loss: str, chances: list[float], level: float) -> float:
    """The probability that a loss settles at, by bisection of its slope in the logit."""
    target, low, high = tensor(chances), -8.0, 8.0
    for _ in range(60):
        logits = torch.full((1, len(chances)), (low + high) / 2, dtype=torch.float64).requires_grad_()
        found = (
            distillation_loss(logits, target, level)
            if loss == "expectile"
            else quantile_loss(logits[0], torch.logit(target), level)
        )
        [gradient] = torch.autograd.grad(found, logits)
        low, high = (low, (low + high) / 2) if float(gradient.sum()) > 0 else ((low + high) / 2, high)
    return float(torch.sigmoid(tensor([(low + high) / 2])))


@given(chances=st.lists(st.floats(0.05, 0.95), min_size=1, max_size=6), level=LEVELS)
@settings(deadline=None, max_examples=30)
def test_distilling_gives_the_expectile_of_probabilities(chances: list[float], level: float) -> None:
    p, q = tensor(chances), minimiser("expectile", chances, level)
    weight = torch.where(p > q, level, 1.0 - level)
    assert float((weight * (p - q)).sum()) == pytest.approx(0.0, abs=1e-6)


def test_half_an_expectile_is_the_mean() -> None:
    assert minimiser("expectile", [0.2, 0.3, 0.7], 0.5) == pytest.approx(0.4)


@pytest.mark.parametrize(("level", "expected"), [(0.3, 0.2), (0.5, 0.4), (0.9, 0.6)])
def test_a_value_is_the_quantile_of_what_the_chunks_are_worth(level: float, expected: float) -> None:
    assert minimiser("quantile", [0.6, 0.2, 0.4], level) == pytest.approx(expected, abs=1e-6)
