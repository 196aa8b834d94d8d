"""Classifier-free guidance: which data teach which field, and how the walk goes between them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from qgf_ros.flow.denoise import denoise, finish
from qgf_ros.networks import VelocityField
from qgf_ros.rivals.cfgrl import Cfgrl, fields, flagged
from test.rivals.world import ROUNDING, Parent, a_lesson, asked, questions, steep


def policy_of(parent: Parent) -> VelocityField:
    """An untrained one."""
    blank = Cfgrl().blank(parent.checkpoint, seed=4)
    assert isinstance(blank, VelocityField)
    return blank.requires_grad_(False)


def rows_taught(parent: Parent) -> tuple[Tensor, Tensor, Tensor]:
    """Of a lesson: rows whose advantage is above 0, and the loss's gradient to both fields' outputs."""
    lesson = a_lesson(parent, steep(parent))
    evaluated, loss = Cfgrl().lesson_loss(policy_of(parent), lesson)
    (gradient,) = torch.autograd.grad(loss, evaluated.output)
    advantage = lesson.q()(lesson.action) - lesson.networks.value.v(lesson.batch.observations)
    better, everything = gradient.view(2, *lesson.action.shape)
    return advantage > 0, better, everything


def test_the_field_of_the_better_data_learns_from_actions_above_the_value_only(parent: Parent) -> None:
    is_better, better, _ = rows_taught(parent)
    assert 0 < is_better.sum() < len(is_better)
    assert torch.equal(better.abs().sum(-1) > 0, is_better)


def test_the_field_of_all_the_data_learns_from_every_row_as_cloning_does_at_a_tenth(parent: Parent) -> None:
    lesson = a_lesson(parent, steep(parent))
    evaluated, _ = Cfgrl().lesson_loss(policy_of(parent), lesson)
    _, _, everything = rows_taught(parent)
    error = evaluated.output.detach().view(2, *lesson.action.shape)[1] - (lesson.action - lesson.noise)
    torch.testing.assert_close(everything, 0.1 * 2 * error / error.numel(), atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize(("weight", "which"), [(1.0, 0), (0.0, 1)])
def test_weight_1_is_the_better_field_and_weight_0_that_of_all_the_data(
    weight: float, which: int, parent: Parent
) -> None:
    checkpoint, policy = parent.checkpoint, policy_of(parent)
    here = asked(checkpoint)
    alone = finish(denoise(fields(policy, here)[which], here.noise, here.times))
    mixed = Cfgrl(weight=weight).act(checkpoint, policy, *questions(checkpoint))
    torch.testing.assert_close(mixed, alone, atol=ROUNDING, rtol=ROUNDING)


def test_a_step_is_extrapolated_from_all_the_data_towards_the_better(parent: Parent) -> None:
    checkpoint, policy = parent.checkpoint, policy_of(parent)
    checkpoint = replace(checkpoint, defaults=replace(checkpoint.defaults, denoise_steps=1))
    here, now = asked(checkpoint), torch.tensor(0.0)
    better, everything = (field(here.noise, now) for field in fields(policy, here))
    expected = (here.noise + everything + 3.0 * (better - everything)).clamp(-1, 1)
    actual = Cfgrl(weight=3.0).act(checkpoint, policy, *questions(checkpoint))
    torch.testing.assert_close(actual, expected, atol=ROUNDING, rtol=ROUNDING)


def test_the_flag_stands_behind_the_observation() -> None:
    assert flagged(torch.zeros(2, 3), 1.0).tolist() == [[0.0, 0.0, 0.0, 1.0]] * 2
