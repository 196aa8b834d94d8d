"""A critic of noisy actions: what it regresses, and where its slope is taken."""

from __future__ import annotations

from dataclasses import replace

import torch

from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import interpolate
from qgf_ros.rivals.registry import RIVALS
from qgf_ros.rivals.robust_q import NoisyCritic, RobustQ
from test.rivals.world import ROUNDING, Parent, a_lesson, asked, questions, steep


def critic_of(parent: Parent, seed: int = 0) -> NoisyCritic:
    """An untrained one, steep enough to guide."""
    critic = NoisyCritic(steep(parent).networks, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        critic.critic.layers.out.kernel.mul_(20.0)
    return critic.requires_grad_(False)


def test_it_regresses_the_target_critic_at_the_clean_action_from_the_noisy_one(parent: Parent) -> None:
    checkpoint = steep(parent)
    lesson, critic = a_lesson(parent, checkpoint), critic_of(parent)
    evaluated, loss = RobustQ().lesson_loss(critic, lesson)
    time = torch.rand(len(lesson.action), generator=torch.Generator().manual_seed(0))
    noisy = interpolate(lesson.noise, lesson.action, time)
    q = critic.q(lesson.batch.observations, noisy, time)
    torch.testing.assert_close(evaluated.output.view(-1), q, atol=ROUNDING, rtol=ROUNDING)
    error = q - lesson.q()(lesson.action)
    torch.testing.assert_close(loss, error.square().mean(), atol=ROUNDING, rtol=ROUNDING)


def test_training_brings_it_nearer_to_the_target_critic(parent: Parent) -> None:
    losses: list[float] = []
    config = replace(parent.config, steps=150, update=replace(parent.config.update, learning_rate=3e-3))
    RobustQ().train(steep(parent), parent.training, config, on_metrics=lambda step, loss: losses.append(loss))
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_it_guides_by_its_slope_at_the_noisy_action_and_time(parent: Parent) -> None:
    checkpoint, critic = steep(parent), critic_of(parent)
    checkpoint = replace(checkpoint, defaults=replace(checkpoint.defaults, denoise_steps=1))
    question, here = questions(checkpoint), asked(checkpoint)
    now = torch.tensor(0.0)
    slope = critic_gradient(lambda a: critic.q(here.observation, a, now), here.noise)
    velocity = here.velocity(checkpoint.networks.policy)(here.noise, now)
    expected = (here.noise + velocity + 0.2 * slope).clamp(-1, 1)
    torch.testing.assert_close(RobustQ(weight=0.2).act(checkpoint, critic, *question), expected)


def test_weight_0_is_the_unguided_policy(parent: Parent) -> None:
    checkpoint, question = steep(parent), questions(steep(parent))
    torch.testing.assert_close(
        RobustQ(weight=0.0).act(checkpoint, critic_of(parent), *question),
        RIVALS["unguided"].act(checkpoint, None, *question),
        atol=ROUNDING,
        rtol=ROUNDING,
    )


def test_the_slope_depends_on_the_time(parent: Parent) -> None:
    critic, here = critic_of(parent), asked(steep(parent))
    slopes = [
        critic_gradient(lambda a, t=t: critic.q(here.observation, a, torch.tensor(t)), here.noise)
        for t in (0.2, 0.8)
    ]
    assert not torch.allclose(*slopes)
