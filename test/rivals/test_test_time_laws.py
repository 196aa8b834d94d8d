"""The defining property of each rival that acts on the parent's own networks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.guidance import critic_gradient
from qgf_ros.flow.path import clean_estimate
from qgf_ros.flow.sampler import uniform_times
from qgf_ros.rivals.bptt import Bptt, through_the_walk
from qgf_ros.rivals.estimators import Chain, Regularised, Smoothed
from qgf_ros.rivals.grad_step import GradStep
from qgf_ros.rivals.registry import RIVALS
from qgf_ros.rivals.rival import Rival
from qgf_ros.rivals.settings import SETTINGS, Setting
from test.rivals.world import ROUNDING, STEPS, Parent, asked, in_float64, normal, questions, steep

EXACT = 1e-6  # double precision, central differences of 1e-6


@pytest.mark.parametrize("name", ["best_of_4", "best_of_16", "qgf_best_of_4"])
def test_the_q_of_the_best_of_n_is_the_highest_of_its_candidates(name: str, parent: Parent) -> None:
    rival, checkpoint = RIVALS[name], steep(parent)
    observation, noise = questions(checkpoint, rival.candidates)
    chosen = rival.act(checkpoint, None, observation, noise)
    alone = replace(rival, candidates=1)
    each = alone.act(checkpoint, None, observation.repeat_interleave(rival.candidates, 0), noise)
    q = asked(checkpoint).q()(chosen)
    of_each = asked(checkpoint, rival.candidates).q()(each).view(3, rival.candidates)
    torch.testing.assert_close(q, of_each.max(1).values)
    best = each.view(3, rival.candidates, -1)[torch.arange(3), of_each.argmax(1)]
    torch.testing.assert_close(chosen, best, atol=1e-4, rtol=0.0)  # other rows, other order of sums


def weighed(name: str, weight: float) -> Setting:
    """A setting of the sampler with a guidance weight."""
    rival = RIVALS[name]
    assert isinstance(rival, Setting)
    return replace(rival, weight=weight)


def first_step(name: str, parent: Parent, weight: float = 0.7) -> tuple[Tensor, Tensor, Tensor]:
    """Of a walk of one step: noise, the velocity there, and the guidance that the rival's action tells of."""
    checkpoint = steep(parent, 1.0)
    checkpoint = replace(checkpoint, defaults=replace(checkpoint.defaults, denoise_steps=1))
    observation, noise = questions(checkpoint)
    noise = 0.1 * noise  # so that no entry is clipped
    here = replace(asked(checkpoint), noise=noise)
    velocity = here.velocity(checkpoint.networks.policy)(noise, torch.tensor(0.0))
    action = weighed(name, weight).act(checkpoint, None, observation, noise)
    inside = action.abs() < 1.0
    guidance = (action - noise - velocity) / weight
    return noise, velocity, torch.where(inside, guidance, torch.nan)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("qfql", lambda noise, velocity: noise),
        ("qgf", lambda noise, velocity: (noise + velocity).clamp(-1, 1)),
    ],
)
def test_guidance_is_the_critic_s_slope_at_the_noisy_action_for_qfql_and_at_the_estimate_for_qgf(
    name: str, where: object, parent: Parent
) -> None:
    noise, velocity, guidance = first_step(name, parent)
    assert callable(where)
    slope = critic_gradient(asked(steep(parent, 1.0)).q(), where(noise, velocity))
    seen = ~guidance.isnan()
    assert seen.float().mean() > 0.5
    torch.testing.assert_close(guidance[seen], slope[seen], atol=1e-5, rtol=1e-4)


def walked(velocity_of: object, action: Tensor, times: tuple[float, ...]) -> Tensor:
    """The end of a plain Euler walk, clipped."""
    assert callable(velocity_of)
    for time, next_time in pairwise(times):
        action = action + (next_time - time) * velocity_of(action, torch.tensor(time))
    return action.clamp(-1.0, 1.0)


@pytest.mark.parametrize("index", [0, 2, STEPS - 1])
def test_back_propagation_through_time_gives_the_finite_difference_of_q_at_the_end_of_the_walk(
    index: int, parent: Parent
) -> None:
    checkpoint = in_float64(steep(parent))
    here = asked(checkpoint)
    here = replace(here, observation=here.observation.double())
    velocity_of, q = here.velocity(checkpoint.networks.policy), here.q()
    action, times = 0.3 * normal(3, 6, seed=5).double(), uniform_times(STEPS)[index:]
    velocity, gradient = through_the_walk(velocity_of, q, action, times)
    assert torch.equal(velocity, velocity_of(action, torch.tensor(times[0])))
    h = 1e-6
    for entry in range(6):
        offset = torch.zeros(6, dtype=torch.float64)
        offset[entry] = h
        ahead, behind = (q(walked(velocity_of, action + sign * offset, times)) for sign in (1.0, -1.0))
        torch.testing.assert_close(gradient[:, entry], (ahead - behind) / (2 * h), atol=EXACT, rtol=1e-5)


@pytest.mark.parametrize(("share", "other"), [(1.0, "qgf"), (0.0, "qgf_jacobian")])
def test_the_regularised_jacobian_leads_from_qgf_s_own_to_qgf(
    share: float, other: str, parent: Parent
) -> None:
    checkpoint = steep(parent)
    question = questions(checkpoint)
    found = Regularised(weight=0.5, identity_share=share).act(checkpoint, None, *question)
    expected = weighed(other, 0.5).act(checkpoint, None, *question)
    torch.testing.assert_close(found, expected, atol=ROUNDING, rtol=ROUNDING)


def test_half_regularised_guidance_is_the_mean_of_the_two(parent: Parent) -> None:
    checkpoint = steep(parent)
    here, action = asked(checkpoint), 0.3 * normal(3, 6, seed=5)
    ground = here.velocity(checkpoint.networks.policy), here.q(), action, here.times[2:]
    (_, half), (_, one), (_, none) = (Regularised(identity_share=s).field(*ground) for s in (0.5, 1.0, 0.0))
    torch.testing.assert_close(half, (one + none) / 2)
    assert not torch.allclose(one, none)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_an_identity_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(InvalidSetting, match=r"identity_share.*from 0 to 1"):
        Regularised(identity_share=share)


def test_smoothed_guidance_is_the_mean_of_jacobians_around_the_noisy_action(parent: Parent) -> None:
    checkpoint = in_float64(steep(parent))
    here = asked(checkpoint)
    here = replace(here, observation=here.observation.double())
    velocity_of, q, times = here.velocity(checkpoint.networks.policy), here.q(), here.times[1:]
    action = 0.3 * normal(3, 6, seed=5).double()
    rival = Smoothed(spread=0.2, pairs=3)
    velocity, found = rival.field(velocity_of, q, action, times)
    assert torch.equal(velocity, velocity_of(action, torch.tensor(times[0])))

    def estimate(noisy: Tensor) -> Tensor:
        return clean_estimate(noisy, velocity_of(noisy, torch.tensor(times[0])), times[0]).clamp(-1, 1)

    slope = critic_gradient(q, estimate(action))
    draws = normal(3, 6).double()
    expected = torch.zeros_like(action)
    for offset in 0.2 * torch.cat([draws, -draws]):
        jacobian = torch.autograd.functional.jacobian(estimate, action + offset)
        assert isinstance(jacobian, Tensor)
        expected += torch.einsum("bibj,bi->bj", jacobian, slope) / 6
    torch.testing.assert_close(found, expected, atol=EXACT, rtol=EXACT)


def test_smoothed_over_nothing_is_the_jacobian(parent: Parent) -> None:
    checkpoint = steep(parent)
    question = questions(checkpoint)
    found = Smoothed(weight=0.5, spread=0.0).act(checkpoint, None, *question)
    expected = weighed("qgf_jacobian", 0.5).act(checkpoint, None, *question)
    torch.testing.assert_close(found, expected, atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize("index", [0, 2, STEPS - 1])
def test_the_chain_asks_for_the_slope_at_the_end_of_the_walk(index: int, parent: Parent) -> None:
    checkpoint = steep(parent)
    here, action = asked(checkpoint), 0.3 * normal(3, 6, seed=5)
    velocity_of, q, times = here.velocity(checkpoint.networks.policy), here.q(), here.times[index:]
    velocity, found = Chain().field(velocity_of, q, action, times)
    assert torch.equal(velocity, velocity_of(action, torch.tensor(times[0])))
    torch.testing.assert_close(found, critic_gradient(q, walked(velocity_of, action, times)))


@pytest.mark.parametrize(
    ("rival", "other"),
    [(Bptt(weight=0.5), "qgf_jacobian"), (Chain(weight=0.5), "qgf")],
    ids=["bptt", "chain"],
)
def test_at_the_last_step_the_rest_of_the_walk_is_the_one_step_estimate(
    rival: Rival, other: str, parent: Parent
) -> None:
    checkpoint = steep(parent)
    checkpoint = replace(checkpoint, defaults=replace(checkpoint.defaults, denoise_steps=1))
    question = questions(checkpoint)
    found = rival.act(checkpoint, None, *question)
    expected = weighed(other, 0.5).act(checkpoint, None, *question)
    torch.testing.assert_close(found, expected, atol=ROUNDING, rtol=ROUNDING)


@pytest.mark.parametrize(("change", "said"), [({"pairs": 0}, "pairs"), ({"spread": -0.1}, "spread")])
def test_smoothing_over_no_draw_or_a_negative_spread_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSetting, match=rf"qgf_smoothed\.{said}"):
        Smoothed(**change)


UNBENT = [
    *(Regularised(weight=0.0), Smoothed(weight=0.0), Chain(weight=0.0), Bptt(weight=0.0)),
    *(GradStep(steps=0), *SETTINGS[3:6]),
]


@pytest.mark.parametrize("rival", UNBENT, ids=lambda r: r.name)
def test_without_guidance_each_is_the_unguided_policy(rival: Rival, parent: Parent) -> None:
    checkpoint = steep(parent)
    unguided = replace(checkpoint, defaults=replace(checkpoint.defaults, guidance_weight=0.0))
    question = questions(checkpoint)
    expected = RIVALS["unguided"].act(checkpoint, None, *question)
    torch.testing.assert_close(rival.act(unguided, None, *question), expected, atol=ROUNDING, rtol=ROUNDING)


def test_gradient_steps_begin_at_the_unguided_action_and_follow_the_slope_there(parent: Parent) -> None:
    checkpoint = steep(parent)
    question = questions(checkpoint)
    start = RIVALS["unguided"].act(checkpoint, None, *question)
    slope = critic_gradient(asked(checkpoint).q(), start)
    once = GradStep(step_size=0.05, steps=1)
    torch.testing.assert_close(once.act(checkpoint, None, *question), (start + 0.05 * slope).clamp(-1, 1))
    signed = GradStep(step_size=0.05, steps=1, sign=True)
    torch.testing.assert_close(
        signed.act(checkpoint, None, *question), (start + 0.05 * slope.sign()).clamp(-1, 1)
    )


@pytest.mark.parametrize(
    "name",
    ["qfql", "qgf_jacobian", "qgf", "qgf_regularised", "qgf_smoothed", "qgf_chain", "bptt", "grad_step"],
)
def test_gentle_guidance_raises_q(name: str, parent: Parent) -> None:
    checkpoint = steep(parent)
    checkpoint = replace(checkpoint, defaults=replace(checkpoint.defaults, guidance_weight=0.05))
    question = questions(checkpoint, rows=32)
    q = asked(checkpoint, rows=32).q()
    unguided = RIVALS["unguided"].act(checkpoint, None, *question)
    assert q(RIVALS[name].act(checkpoint, None, *question)).mean() > q(unguided).mean()
