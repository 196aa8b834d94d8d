"""Laws of committed actions: what holds for every feasible delay, whatever the networks say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.committed import STRONGEST_PULL, PseudoInverse, make_committed
from qgf_ros.flow.denoise import denoise
from qgf_ros.flow.guidance import Guide
from qgf_ros.flow.prefix import Prefix, PrefixMethod, check_feasible, make_prefix, soft_mask
from qgf_ros.flow.sampler import Estimator, SamplerConfig, Walk, uniform_times
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from test.prefix_world import CPU, PLAIN, TOLD, A, H, draws, engine, methods, some_prefix, triples

# -- feasibility and the soft mask -------------------------------------------------------------------------------------


@given(horizon=st.integers(1, 20), delay=st.integers(-2, 22), execution_horizon=st.integers(-2, 22))
def test_a_triple_is_feasible_just_where_the_delay_fits_twice(
    horizon: int, delay: int, execution_horizon: int
) -> None:
    if 0 <= delay <= execution_horizon <= horizon - delay and execution_horizon >= 1:
        check_feasible(horizon, delay, execution_horizon)
    else:
        with pytest.raises(InvalidSetting, match=r"d <= s and d \+ s <= H"):
            soft_mask(horizon, delay, execution_horizon)


@given(horizon=st.integers(2, 30), delay=st.integers(1, 15), execution_horizon=st.integers(1, 29))
def test_the_mask_is_one_on_committed_rows_falls_from_there_and_is_zero_on_the_last(
    horizon: int, delay: int, execution_horizon: int
) -> None:
    assume(delay <= execution_horizon <= horizon - delay)
    mask = soft_mask(horizon, delay, execution_horizon)
    between = mask[delay : horizon - execution_horizon]
    assert (mask[:delay] == 1.0).all()
    assert (mask[horizon - execution_horizon :] == 0.0).all()
    assert (np.diff(mask[delay - 1 : horizon - execution_horizon + 1]) < 0.0).all()
    assert ((between > 0.0) & (between < 1.0)).all()


def test_rows_that_the_old_chunk_lacks_are_free() -> None:
    prefix = make_prefix(np.ones((2, A), np.float32), H, 1, 1)
    assert prefix is not None
    assert (prefix.mask[2:] == 0.0).all()
    assert (prefix.committed[2:] == 0.0).all()
    assert 0.0 < prefix.mask[1] < 1.0


def test_a_delay_longer_than_what_is_left_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="1 actions that are left"):
        make_prefix(np.ones((1, A), np.float32), H, 2, 3)


def test_without_delay_there_is_no_prefix() -> None:
    assert make_prefix(np.ones((3, A), np.float32), H, 0, 3) is None


# -- every method ------------------------------------------------------------------------------------------------------


@given(methods, triples, st.sampled_from(Estimator), st.sampled_from([1, 3]), st.integers(0, 100))
def test_committed_actions_come_out_exactly_with_and_without_guidance_and_cut_short_anywhere(
    method: PrefixMethod, triple: tuple[int, int], estimator: Estimator, candidates: int, seed: int
) -> None:
    delay, execution_horizon = triple
    assume(delay > 0)
    observation, noise, left = draws(seed, candidates)
    prefix = some_prefix(left, delay, execution_horizon)
    for weight in (0.0, 3.0):
        walk = SamplerConfig(4, weight, estimator, candidates).walk()
        for steps in (1, 3, 4):
            sample = engine(method).sample(
                Question(observation, noise, walk, prefix, lambda k, n=steps: k < n)
            )
            rows = sample.actions.reshape(candidates, H, A)[:, :delay]
            np.testing.assert_array_equal(rows, np.broadcast_to(left[:delay], rows.shape))
            assert sample.steps == steps


@given(methods, st.sampled_from(Estimator), st.sampled_from([1, 3]), st.integers(0, 100))
def test_delay_zero_is_the_unconditioned_sampler_bit_for_bit(
    method: PrefixMethod, estimator: Estimator, candidates: int, seed: int
) -> None:
    observation, noise, left = draws(seed, candidates)
    walk = SamplerConfig(4, 0.5, estimator, candidates).walk()
    nothing = Prefix(left, np.zeros(H, np.float32), 0)
    plain, bound = (
        engine(method).sample(Question(observation, noise, walk, prefix)) for prefix in (None, nothing)
    )
    np.testing.assert_array_equal(plain.actions, bound.actions)
    np.testing.assert_array_equal(plain.scores, bound.scores)


@given(methods, triples, st.integers(0, 100))
def test_guidance_is_held_back_by_one_minus_the_mask(
    method: PrefixMethod, triple: tuple[int, int], seed: int
) -> None:
    """One guided step with a huge weight: what it adds to the unguided step is in free rows only, by their freedom."""
    delay, execution_horizon = triple
    assume(delay > 0)
    _, noise, left = draws(seed, 1)
    prefix = some_prefix(left, delay, execution_horizon)
    slope = torch.from_numpy(left.reshape(-1))
    committed = make_committed(method, prefix, CPU)

    def field(action: Tensor, time: Tensor) -> Tensor:
        return torch.tanh(action) - time

    guides = [None, Guide(committed.judge(lambda action: (action * slope).sum(dim=1)), 100.0)]
    ends = [
        [*denoise(field, torch.from_numpy(noise), (0.0, 1.0), guide, committed)][-1].next_action
        for guide in guides
    ]
    added = ends[1] - ends[0]
    # 100 w is added to numbers of order 1 in float32: 1e-4 is ten times their rounding
    expected = 100.0 * slope * torch.from_numpy(prefix.freedom)
    torch.testing.assert_close(added[0], expected, atol=1e-4, rtol=1e-5)
    assert (added[0, : delay * A] == 0.0).all()


@given(methods, triples, st.integers(0, 50))
def test_candidates_are_scored_as_they_will_be_executed(
    method: PrefixMethod, triple: tuple[int, int], seed: int
) -> None:
    delay, execution_horizon = triple
    assume(delay > 0)
    observation, noise, left = draws(seed, 3)
    prefix = some_prefix(left, delay, execution_horizon)
    sample = engine(method).sample(
        Question(observation, noise, SamplerConfig(3, 0.1, candidates=3).walk(), prefix)
    )
    networks = (TOLD if method is PrefixMethod.CONDITIONED else PLAIN).networks
    features = networks.target_critic.encode(torch.from_numpy(observation)[None]).expand(-1, 3, -1)
    scores = networks.target_critic.q(features, torch.from_numpy(sample.actions)).amin(dim=0)
    # the same sums in another batch layout: float32 rounding of values of order 1
    np.testing.assert_allclose(sample.scores, scores.numpy(), atol=1e-5)
    assert sample.best == int(np.argmax(sample.scores))


@given(triples, st.floats(0.05, 0.95), st.integers(0, 100))
def test_pseudo_inverse_guidance_of_a_linear_field_is_the_closed_form(
    triple: tuple[int, int], time: float, seed: int
) -> None:
    """v = M a + b gives J = I + (1 - t) M, so the pull is min(beta, (t^2 + (1-t)^2) / (t (1-t))) J^T W (Y - J a - (1-t) b)."""
    delay, execution_horizon = triple
    assume(delay > 0)
    _, noise, left = draws(seed, 1)
    prefix = some_prefix(left, delay, execution_horizon)
    rng = np.random.default_rng(seed)
    m, b, a = rng.standard_normal((H * A, H * A)), rng.standard_normal(H * A), noise[0].astype(np.float64)

    def field(action: Tensor, _: Tensor) -> Tensor:
        return action @ torch.from_numpy(m.T) + torch.from_numpy(b)

    pull = PseudoInverse(prefix, CPU).pull(
        field, torch.from_numpy(a[None]), torch.tensor(time, dtype=torch.float64)
    )
    jacobian = np.eye(H * A) + (1 - time) * m
    error = np.repeat(prefix.mask, A) * (prefix.vector - jacobian @ a - (1 - time) * b)
    strength = min(STRONGEST_PULL, (time**2 + (1 - time) ** 2) / (time * (1 - time)))
    assert pull is not None
    # the mask is stored in float32: 1 - (1 - W) loses 6e-8 of W, and |J^T e| is of order 100
    np.testing.assert_allclose(pull[0].numpy(), strength * jacobian.T @ error, atol=1e-3, rtol=1e-5)


def test_pseudo_inverse_guidance_leaves_a_field_alone_that_ends_at_the_committed_chunk() -> None:
    """v = (Y - a) / (1 - t) arrives at Y from everywhere: there is nothing to pull."""
    _, noise, left = draws(0, 2)
    prefix, target = some_prefix(left, 2, 3), torch.from_numpy(left.reshape(-1))
    pull = PseudoInverse(prefix, CPU).pull(
        lambda action, time: (target - action) / (1.0 - time), torch.from_numpy(noise), torch.tensor(0.3)
    )
    assert pull is not None
    assert float(pull.abs().max()) < 1e-5


@given(triples, st.integers(0, 100))
def test_overwriting_shows_the_policy_the_line_from_noise_to_the_committed_actions(
    triple: tuple[int, int], seed: int
) -> None:
    delay, execution_horizon = triple
    assume(delay > 0)
    _, noise, left = draws(seed, 2)
    seen = rows_seen(PrefixMethod.OVERWRITING, some_prefix(left, delay, execution_horizon), noise)
    for time, rows in seen.items():
        start = noise.reshape(2, H, A)[:, :delay]
        np.testing.assert_allclose(rows, (1 - time) * start + time * left[:delay], atol=1e-6)


@given(triples, st.integers(0, 100))
def test_a_conditioned_policy_is_shown_the_committed_actions_clean_at_every_time(
    triple: tuple[int, int], seed: int
) -> None:
    delay, execution_horizon = triple
    assume(delay > 0)
    _, noise, left = draws(seed, 2)
    for rows in rows_seen(
        PrefixMethod.CONDITIONED, some_prefix(left, delay, execution_horizon), noise
    ).values():
        np.testing.assert_array_equal(rows, np.broadcast_to(left[:delay], rows.shape))


def rows_seen(method: PrefixMethod, prefix: Prefix, noise: np.ndarray) -> dict[float, np.ndarray]:
    """By time, the committed rows of a_t that the policy was given."""
    seen: dict[float, np.ndarray] = {}

    def field(action: Tensor, time: Tensor) -> Tensor:
        seen[float(time)] = action.reshape(-1, H, A)[:, : prefix.delay].numpy().copy()
        return torch.sin(action)

    [*denoise(field, torch.from_numpy(noise), uniform_times(5), None, make_committed(method, prefix, CPU))]
    assert len(seen) == 5
    return seen


def test_flags_change_what_a_told_policy_says_and_none_is_all_zeros() -> None:
    observation, _, _ = draws(0, 1)
    policy, state = TOLD.networks.policy, torch.from_numpy(observation)[None]
    none, zeros, first = (policy.encode(state, rows) for rows in (None, torch.zeros(H), torch.eye(H)[0]))
    torch.testing.assert_close(none, zeros)
    assert not torch.allclose(none, first)


def test_conditioning_needs_a_policy_that_was_trained_for_the_delay() -> None:
    with pytest.raises(InvalidSetting, match="max_delay"):
        ReferenceEngine(PLAIN, CPU, PrefixMethod.CONDITIONED)
    observation, noise, left = draws(0, 1)
    told, walk, longer = engine(PrefixMethod.CONDITIONED), Walk((0.0, 1.0), (0.0,)), np.ones(H, np.float32)
    with pytest.raises(InvalidSetting, match="at most 3"):
        told.sample(Question(observation, noise, walk, Prefix(left, longer, 4)))


def test_a_policy_is_told_by_default_where_it_can_be() -> None:
    observation, noise, left = draws(0, 1)
    prefix, walk = some_prefix(left, 2, 3), Walk((0.0, 0.5, 1.0), (0.0, 0.0))
    for of, method in ((TOLD, PrefixMethod.CONDITIONED), (PLAIN, PrefixMethod.OVERWRITING)):
        default, named = ReferenceEngine(of, CPU), ReferenceEngine(of, CPU, method)
        np.testing.assert_array_equal(
            *(e.sample(Question(observation, noise, walk, prefix)).actions for e in (default, named))
        )


def test_the_longest_delay_leaves_a_row_to_the_policy() -> None:
    for wrong in (-1, H):
        with pytest.raises(InvalidSetting, match=f"from 0 to {H - 1}"):
            dataclasses.replace(PLAIN.networks.config, max_delay=wrong)
