"""The defining property of each rival that trains another policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from qgf_ros.flow.denoise import condition_velocity, denoise, finish
from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import clean_estimate, flow_matching_loss, interpolate
from qgf_ros.networks import VelocityField
from qgf_ros.rivals.dac import Dac
from qgf_ros.rivals.edp import Edp
from qgf_ros.rivals.fql import Fql
from qgf_ros.rivals.qam import Qam
from qgf_ros.rivals.qsm import QsmBc, predicted_noise
from qgf_ros.rivals.registry import RIVALS
from qgf_ros.rivals.training import Lesson, Taught
from test.rivals.world import ROUNDING, Parent, a_lesson, normal, questions, steep

FLOW_LOSSES = {"edp": Edp(bc_weight=2.0), "qsm_bc": QsmBc(alpha=2.0), "dac": Dac(alpha=2.0)}


def lesson_of(parent: Parent) -> tuple[Lesson, Tensor]:
    """A lesson of a steep critic, and its a_t."""
    lesson = a_lesson(parent, steep(parent))
    return lesson, interpolate(lesson.noise, lesson.action, lesson.time)


def slope_of(loss: Tensor, at: Tensor) -> Tensor:
    """Of a loss, its gradient."""
    (gradient,) = torch.autograd.grad(loss, at)
    return gradient


def flow_answers(lesson: Lesson, noise: Tensor) -> Tensor:
    """The ends of the cloned flow's walks."""
    velocity_of = condition_velocity(lesson.networks.policy, lesson.batch.observations)
    return finish(denoise(velocity_of, noise, lesson.times()))


# -- what is trained -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLOW_LOSSES)
def test_the_loss_is_that_of_the_student_s_velocity_at_the_lesson(name: str, parent: Parent) -> None:
    rival = FLOW_LOSSES[name]
    lesson, noisy = lesson_of(parent)
    student = rival.blank(parent.checkpoint, seed=1)
    assert isinstance(student, VelocityField)
    evaluated, loss = rival.lesson_loss(student, lesson)
    velocity = student.velocity(student.encode(lesson.batch.observations), noisy, lesson.time)
    torch.testing.assert_close(evaluated.output, velocity, atol=ROUNDING, rtol=ROUNDING)
    torch.testing.assert_close(loss, rival.loss(velocity, noisy, lesson))


# -- FQL -----------------------------------------------------------------------------------------------------------------


def test_fql_is_at_rest_at_the_flow_s_answer_plus_the_critic_s_slope_over_alpha(parent: Parent) -> None:
    """The loss's slope is 2 alpha (mu - flow) / (B D) - grad Q / B inside the box: 0 at mu = flow + D grad Q / (2 alpha), which is the flow for alpha to infinity."""
    lesson, _ = lesson_of(parent)
    noise, answer = lesson.normal(), (1.5 * normal(16, 6, seed=9)).requires_grad_()
    flow, inside = flow_answers(lesson, noise), (answer.abs() <= 1.0).float()
    pulling = 2 * 7.0 * (answer.detach() - flow) / answer.numel()
    climbing = inside * critic_gradient(lesson.q(), answer.detach().clamp(-1, 1)) / len(answer)
    actual = slope_of(Fql(alpha=7.0).loss(answer, noise, lesson), answer)
    torch.testing.assert_close(actual, pulling - climbing, atol=ROUNDING, rtol=1e-4)


def test_fql_s_loss_is_distillation_to_the_flow_of_the_same_noise_minus_q_inside_the_box(
    parent: Parent,
) -> None:
    lesson, _ = lesson_of(parent)
    noise, answer = lesson.normal(), 1.5 * normal(16, 6, seed=9)
    flow, q = flow_answers(lesson, noise), lesson.q()(answer.clamp(-1, 1))
    expected = 7.0 * (answer - flow).square().mean() - q.mean()
    torch.testing.assert_close(Fql(alpha=7.0).loss(answer, noise, lesson), expected)
    scaled = 7.0 * (answer - flow).square().mean() - q.mean() / q.abs().mean()
    torch.testing.assert_close(Fql(alpha=7.0, normalised=True).loss(answer, noise, lesson), scaled)


def test_with_alpha_to_infinity_fql_learns_the_flow_s_answers(parent: Parent) -> None:
    config = replace(parent.config, steps=200, update=replace(parent.config.update, learning_rate=1e-2))
    rival, (lesson, _) = Fql(alpha=1e6), lesson_of(parent)
    noise = normal(16, 6, seed=5)
    flow = flow_answers(lesson, noise)
    before, after = (
        float(
            (policy.velocity(policy.encode(lesson.batch.observations), noise, torch.tensor(0.0)) - flow)
            .detach()
            .square()
            .mean()
        )
        for policy in (rival.blank(parent.checkpoint, 0), rival.train(steep(parent), parent.training, config))
        if isinstance(policy, VelocityField)
    )
    assert after < 0.3 * before


# -- EDP -----------------------------------------------------------------------------------------------------------------


def test_edp_climbs_q_at_the_one_step_estimate_of_the_action(parent: Parent) -> None:
    lesson, noisy = lesson_of(parent)
    velocity = normal(16, 6, seed=3).requires_grad_()
    time = lesson.time.unsqueeze(-1)
    estimate = clean_estimate(noisy, velocity.detach(), time)
    inside = (estimate.abs() <= 1.0).float()
    climbing = (1.0 - time) * inside * critic_gradient(lesson.q(), estimate.clamp(-1, 1)) / len(noisy)
    cloning = 2.0 * 2 * (velocity.detach() - (lesson.action - lesson.noise)) / velocity.numel()
    actual = slope_of(FLOW_LOSSES["edp"].loss(velocity, noisy, lesson), velocity)
    torch.testing.assert_close(actual, cloning - climbing, atol=ROUNDING, rtol=1e-4)


# -- QSM and DAC ---------------------------------------------------------------------------------------------------------


def test_the_noise_that_the_data_s_velocity_implies_is_the_noise_drawn(parent: Parent) -> None:
    lesson, noisy = lesson_of(parent)
    implied = predicted_noise(lesson.action - lesson.noise, noisy, lesson.time)
    torch.testing.assert_close(implied, lesson.noise, atol=ROUNDING, rtol=ROUNDING)


def test_qsm_regresses_the_score_to_the_critic_s_gradient_at_the_noisy_action(parent: Parent) -> None:
    """Where eps = -tau grad Q(s, a_t), whose score is tau grad Q over the noise's level, nothing but cloning is left of the loss."""
    lesson, noisy = lesson_of(parent)
    lesson = replace(lesson, time=lesson.time.clamp(min=0.2))
    rival, time = QsmBc(inverse_temperature=0.3, alpha=2.0), lesson.time.unsqueeze(-1)
    slope = critic_gradient(lesson.q(), noisy)
    matched = (noisy + 0.3 * slope) / time  # a_t - t v = -tau grad Q
    cloning = 2.0 * flow_matching_loss(matched, lesson.noise, lesson.action)
    torch.testing.assert_close(rival.loss(matched, noisy, lesson), cloning, atol=ROUNDING, rtol=ROUNDING)
    other = matched + 0.1
    more = rival.loss(other, noisy, lesson) - 2.0 * flow_matching_loss(other, lesson.noise, lesson.action)
    torch.testing.assert_close(more, (0.1 * time).square().mean(), atol=1e-4, rtol=1e-3)


def test_dac_s_minimum_is_noise_regression_with_soft_guidance(parent: Parent) -> None:
    """v = a_1 - a_0 + t (1 - t) grad Q(s, a_t) / (2 alpha), row by row."""
    lesson, noisy = lesson_of(parent)
    rival, time = Dac(alpha=2.0), lesson.time.unsqueeze(-1)
    bent = time * (1 - time) * critic_gradient(lesson.q(), noisy) / (2 * 2.0)
    velocity = (lesson.action - lesson.noise + bent).requires_grad_()
    slope = slope_of(rival.loss(velocity, noisy, lesson), velocity)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=ROUNDING, rtol=0.0)
    assert bent.abs().max() > 1e-3


# -- all of them ---------------------------------------------------------------------------------------------------------

TOWARDS_Q = {
    "fql": (Fql(alpha=1e5), Fql(alpha=0.03)),
    "edp": (Edp(bc_weight=1e5), Edp(bc_weight=0.03)),
    "qam": (Qam(inverse_temperature=0.0), Qam(inverse_temperature=2.0)),
    "qsm_bc": (QsmBc(alpha=1e5), QsmBc(alpha=0.03, inverse_temperature=2.0)),
    "dac": (Dac(alpha=1e5), Dac(alpha=0.03)),
}


@pytest.mark.parametrize("name", TOWARDS_Q)
def test_the_more_it_is_bent_the_higher_is_q(name: str, parent: Parent) -> None:
    checkpoint = steep(parent)
    config = replace(parent.config, steps=100, update=replace(parent.config.update, learning_rate=3e-3))
    observation, noise = questions(checkpoint, rows=64)
    q = replace(
        a_lesson(parent, checkpoint), batch=replace(a_lesson(parent).batch, observations=observation)
    ).q()
    cloned, bent = (
        float(
            q(
                rival.act(checkpoint, rival.train(checkpoint, parent.training, config), observation, noise)
            ).mean()
        )
        for rival in TOWARDS_Q[name]
    )
    assert bent > cloned


@pytest.mark.parametrize("name", ["fql", "edp", "qsm_bc", "dac"])
def test_it_is_trained_for_q_of_the_target_critic_alone(name: str, parent: Parent) -> None:
    rival = RIVALS[name]
    assert isinstance(rival, Taught)
    lesson, _ = lesson_of(parent)
    student = rival.blank(parent.checkpoint, seed=1)
    assert student is not None
    _, before = rival.lesson_loss(student, replace(lesson, generator=torch.Generator().manual_seed(1)))
    with torch.no_grad():
        for parameter in (*lesson.networks.critic.parameters(), *lesson.networks.value.parameters()):
            parameter.add_(1.0)
    _, after = rival.lesson_loss(student, replace(lesson, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(before, after)
