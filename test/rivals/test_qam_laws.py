"""Adjoint matching: what runs back along the walk, and where the student ends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qgf_ros.flow.denoise import condition_velocity
from qgf_ros.flow.sampler import uniform_times
from qgf_ros.rivals.qam import Qam, lean_adjoint, memoryless_walk, noise_level, tilt
from test.rivals.world import STEPS, Parent, a_lesson, asked, in_float64, normal, questions, steep

TIMES = uniform_times(STEPS)


def test_the_lean_adjoint_is_the_slope_of_minus_tau_q_at_the_end_of_the_cloned_policy_s_own_walk(
    parent: Parent,
) -> None:
    checkpoint = in_float64(steep(parent))
    observation = questions(checkpoint)[0].double()
    base_of = condition_velocity(checkpoint.networks.policy, observation)
    features = checkpoint.networks.target_critic.encode(observation)

    def q(action: Tensor) -> Tensor:
        return checkpoint.networks.target_critic.q(features, action).amin(0)

    noise = 0.1 * normal(3, 6, seed=2).double()
    shocks = [0.1 * normal(3, 6, seed=3 + k).double() for k in range(STEPS)]
    start = noise.clone().requires_grad_()
    end = memoryless_walk(base_of, base_of, start, TIMES, shocks)[-1]
    (expected,) = torch.autograd.grad(-0.7 * q(end.clamp(-1, 1)).sum(), start)
    states = [state.detach() for state in memoryless_walk(base_of, base_of, noise, TIMES, shocks)]
    first, *_ = lean_adjoint(base_of, states, TIMES, tilt(q, states[-1], 0.7))
    torch.testing.assert_close(first, expected)
    assert first.abs().max() > 0.0


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_of_a_gaussian_and_a_linear_q_the_student_s_target_is_the_velocity_of_the_tilted_gaussian(
    tau: float,
) -> None:
    """Cloned policy N(0, 1), Q = slope a: tilting by exp(tau Q) gives N(tau slope, 1), and its velocity is known in closed form."""
    slope, times = torch.tensor([0.3, -0.2], dtype=torch.float64), uniform_times(4000)

    def base_of(x: Tensor, time: Tensor) -> Tensor:
        t = float(time)
        return (2 * t - 1) / (t * t + (1 - t) ** 2) * x

    states = [torch.zeros(1, 2, dtype=torch.float64)] * len(
        times
    )  # the adjoint of a linear field is the same everywhere
    adjoints = lean_adjoint(base_of, states, times, -tau * slope.expand(1, 2))
    for index in (800, 2000, 3200):
        t = times[index]
        target = -0.5 * noise_level(times)[index].double() ** 2 * adjoints[index][0]  # v - v_b at the minimum
        tilted = tau * slope * (1 - t) / (t * t + (1 - t) ** 2)
        torch.testing.assert_close(target, tilted, atol=2e-3, rtol=5e-3)


def test_the_loss_is_at_its_minimum_0_where_the_student_is_the_clone_minus_half_sigma_squared_times_the_adjoint(
    parent: Parent,
) -> None:
    """At the start student and clone are one, and the loss's slope is that of the adjoint alone: 4 g / B."""
    lesson = a_lesson(parent, steep(parent))
    student = Qam().student(lesson.networks, torch.Generator())
    evaluated, loss = Qam(inverse_temperature=0.5).lesson_loss(student, lesson)
    (slope,) = torch.autograd.grad(loss, evaluated.output)
    sigma = noise_level(TIMES).repeat_interleave(len(lesson.action)).unsqueeze(-1)
    adjoint = slope * len(lesson.action) / 4.0
    expected = (sigma * adjoint).square().sum() / len(lesson.action)
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-6)
    assert loss > 0.0


def test_with_temperature_0_the_clone_is_the_answer(parent: Parent) -> None:
    rival = Qam(inverse_temperature=0.0)
    extra = rival.train(steep(parent), parent.training, parent.config)
    assert extra is not None
    clone = parent.checkpoint.networks.policy.state_dict()
    # the student's written-out pass and the clone's differ by rounding, which Adam makes into steps of the learning rate
    far = 2 * parent.config.steps * parent.config.update.learning_rate
    assert all((value - clone[name]).abs().max() < far for name, value in extra.state_dict().items())


def test_the_walk_forgets_its_noise() -> None:
    """Memoryless: of a Gaussian clone, where a walk ends does not depend on where it began."""
    times, rows = uniform_times(200), 2000

    def base_of(x: Tensor, time: Tensor) -> Tensor:
        t = float(time)
        return (2 * t - 1) / (t * t + (1 - t) ** 2) * x

    noise = normal(rows, 1, seed=1)
    shocks = [normal(rows, 1, seed=2 + k) for k in range(200)]
    end = memoryless_walk(base_of, base_of, noise, times, shocks)[-1]
    together = torch.corrcoef(torch.cat([noise, end], dim=1).T)[0, 1]
    assert abs(float(together)) < 0.08
    assert float(end.std()) == pytest.approx(1.0, abs=0.1)


def test_the_slope_is_0_where_the_walk_ends_outside_the_box(parent: Parent) -> None:
    q = asked(steep(parent)).q()
    end = torch.tensor([[2.0, 0.1, -3.0, 0.2, 0.0, 0.5]]).expand(3, -1)
    slope = tilt(q, end, 1.0)
    assert torch.equal(slope[:, [0, 2]], torch.zeros(3, 2))
    assert (slope[:, [1, 3, 4, 5]] != 0).all()
