"""Laws of the critic, the value and the gradient step."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from qgf_ros.critic.expectile import expectile_error
from qgf_ros.critic.targets import critic_loss, critic_target, soft_update, value_loss
from qgf_ros.data.batch import to_batch
from qgf_ros.data.chunks import Transitions, cut_windows
from qgf_ros.datatypes import Batch
from qgf_ros.errors import InvalidSetting
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.train.update import TrainState, UpdateConfig, update

ROUNDING = 1e-6
CONFIG = NetworkConfig(observation_dim=4, action_dim=2, horizon=3, hidden=(16, 16))
ROWS = 12
expectiles = st.floats(min_value=0.01, max_value=0.99)
seeds = st.integers(min_value=0, max_value=2**31)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def new_state(config: UpdateConfig | None = None) -> TrainState:
    return TrainState.create(
        Networks.create(CONFIG, torch.Generator().manual_seed(0)), config or UpdateConfig()
    )


def new_batch() -> Batch:
    ones = torch.ones(ROWS)
    return Batch(
        observations=normal(ROWS, 4, seed=1),
        actions=normal(ROWS, 3, 2, seed=2).clamp(-1, 1),
        next_observations=normal(ROWS, 4, seed=3),
        rewards=normal(ROWS, seed=4),
        masks=ones,
        valid=ones,
    )


def step(state: TrainState, batch: Batch) -> None:
    update(state, batch, normal(ROWS, 6, seed=5), torch.full((ROWS,), 0.3))


def weights(state: TrainState, network: str) -> dict[str, Tensor]:
    items = state.networks.state_dict().items()
    return {name: value.clone() for name, value in items if name.startswith(f"{network}.")}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


# --- expectile ------------------------------------------------------------------------------------------------------------


@given(seeds)
def test_expectile_one_half_is_half_the_squared_error(seed: int) -> None:
    difference = normal(20, seed=seed)
    torch.testing.assert_close(expectile_error(difference, 0.5), 0.5 * difference.square())


@given(expectiles, seeds)
def test_swapping_the_sign_swaps_the_expectile(expectile: float, seed: int) -> None:
    difference = normal(20, seed=seed)
    torch.testing.assert_close(
        expectile_error(difference, expectile), expectile_error(-difference, 1 - expectile)
    )


def test_a_high_expectile_punishes_a_value_that_is_too_low_nine_times_as_much() -> None:
    low, high = expectile_error(torch.tensor([2.0, -2.0]), 0.9)
    assert (low / high).item() == pytest.approx(9.0)


def test_the_best_constant_rises_with_the_expectile_from_the_mean_towards_the_maximum() -> None:
    samples = torch.tensor([0.0, 1.0, 5.0])
    candidates = torch.linspace(0, 5, 501)

    def best(expectile: float) -> float:
        losses = expectile_error(samples - candidates.unsqueeze(-1), expectile).mean(dim=-1)
        return candidates[losses.argmin()].item()

    assert best(0.5) == pytest.approx(2.0, abs=0.01)  # the grid's spacing
    assert 2.0 < best(0.9) < best(0.99) <= 5.0


# --- targets and losses -----------------------------------------------------------------------------------------------------


def test_the_target_adds_the_value_discounted_over_the_horizon() -> None:
    y = critic_target(torch.tensor([1.0]), torch.tensor([1.0]), torch.tensor([10.0]), 0.9, 3)
    assert y.item() == pytest.approx(1.0 + 0.9**3 * 10.0)


def test_where_the_mask_is_zero_the_target_is_the_return_alone() -> None:
    y = critic_target(torch.tensor([1.5]), torch.tensor([0.0]), torch.tensor([10.0]), 0.9, 3)
    assert y.item() == 1.5


def test_no_gradient_flows_through_the_target() -> None:
    value = torch.tensor([10.0], requires_grad=True)
    assert not critic_target(torch.ones(1), torch.ones(1), value, 0.9, 3).requires_grad


def test_the_critic_loss_averages_over_members_and_the_full_batch() -> None:
    q = torch.tensor([[1.0, 2.0], [3.0, 100.0]])
    loss = critic_loss(q, torch.zeros(2), torch.tensor([1.0, 0.0]))
    assert loss.item() == pytest.approx((1.0 + 9.0) / 4)  # the void row counts in the divisor, not in the sum


def test_the_value_loss_divides_by_the_full_batch() -> None:
    loss = value_loss(torch.tensor([3.0, 50.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]), 0.9)
    assert loss.item() == pytest.approx(0.9 * 4.0 / 2)


def test_no_gradient_flows_from_the_value_loss_into_the_critic() -> None:
    target_q, value = torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    value_loss(target_q, value, torch.ones(2), 0.9).backward()
    assert target_q.grad is None
    assert value.grad is not None


@pytest.mark.parametrize(("tau", "expected"), [(0.0, 1.0), (0.25, 1.5), (1.0, 3.0)])
def test_a_soft_update_moves_the_target_by_tau_of_the_way(tau: float, expected: float) -> None:
    target, online = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    torch.nn.init.constant_(target.weight, 1.0)
    torch.nn.init.constant_(online.weight, 3.0)
    soft_update(target, online, tau)
    assert target.weight.item() == pytest.approx(expected)
    assert online.weight.item() == 3.0


# --- the gradient step ------------------------------------------------------------------------------------------------------


def test_the_target_network_does_not_move_on_the_first_step_and_lags_one_step_after() -> None:
    state = new_state()
    initial = weights(state, "target_critic")
    step(state, new_batch())
    assert same(initial, weights(state, "target_critic"))
    online, target = weights(state, "critic"), weights(state, "target_critic")
    step(state, new_batch())
    for name, value in weights(state, "target_critic").items():
        old = target[name]
        expected = old + state.config.tau * (online[name.removeprefix("target_")] - old)
        torch.testing.assert_close(value, expected, atol=ROUNDING, rtol=ROUNDING)


def test_losses_are_those_of_the_parameters_before_the_step() -> None:
    state, frozen = new_state(), new_state(UpdateConfig(learning_rate=1e-12))
    noise, time = normal(ROWS, 6, seed=5), torch.full((ROWS,), 0.3)
    moved, unmoved = update(state, new_batch(), noise, time), update(frozen, new_batch(), noise, time)
    assert moved.as_floats() == unmoved.as_floats()
    assert not same(weights(state, "critic"), weights(frozen, "critic"))


def test_the_policy_does_not_depend_on_rewards_and_the_critic_not_on_flow_noise() -> None:
    rewarded, plain, noisy = new_state(), new_state(), new_state()
    batch, noise, time = new_batch(), normal(ROWS, 6, seed=5), torch.full((ROWS,), 0.3)
    update(plain, batch, noise, time)
    update(rewarded, replace(batch, rewards=batch.rewards + 5.0), noise, time)
    update(noisy, batch, noise + 1.0, time)
    assert same(weights(plain, "policy"), weights(rewarded, "policy"))
    assert not same(weights(plain, "critic"), weights(rewarded, "critic"))
    assert same(weights(plain, "critic"), weights(noisy, "critic"))
    assert same(weights(plain, "value"), weights(noisy, "value"))
    assert not same(weights(plain, "policy"), weights(noisy, "policy"))


def test_a_void_row_teaches_critic_and_value_nothing_but_is_still_cloned() -> None:
    one, other = new_state(), new_state()
    valid = torch.ones(ROWS)
    valid[0] = 0.0
    batch = replace(new_batch(), valid=valid)
    actions = batch.actions.clone()
    actions[0] = -actions[0]
    step(one, batch)
    step(other, replace(batch, actions=actions))
    assert same(weights(one, "critic"), weights(other, "critic"))
    assert same(weights(one, "value"), weights(other, "value"))
    assert not same(weights(one, "policy"), weights(other, "policy"))


def test_a_window_that_crosses_an_episode_end_has_weight_zero() -> None:
    count = 10
    terminals = np.zeros(count, np.float32)
    terminals[4] = 1.0
    column = np.arange(count, dtype=np.float32)
    rows = np.repeat(column[:, None], 4, axis=1)
    transitions = Transitions(rows, rows[:, :2], rows + 1, column, np.ones_like(column), terminals)
    windows = cut_windows(transitions, np.array([1, 2, 3, 4, 5]), 3, 0.9)
    batch = to_batch(windows, torch.device("cpu"))
    assert batch.valid.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]  # starts 3 and 4 reach past the end at 4


def test_the_same_steps_give_the_same_weights() -> None:
    one, other = new_state(), new_state()
    for state in (one, other):
        step(state, new_batch())
        step(state, new_batch())
    assert same(one.networks.state_dict(), other.networks.state_dict())
    assert one.step == 2


def test_training_fits_a_constant_reward() -> None:
    state = new_state(UpdateConfig(discount=0.0, learning_rate=3e-3))
    batch = replace(new_batch(), rewards=torch.full((ROWS,), 2.0))
    for _ in range(300):
        step(state, batch)
    critic = state.networks.critic
    with torch.no_grad():
        q = critic.q(critic.encode(batch.observations), batch.actions.flatten(1))
    # 300 Adam steps of 3e-3 on 12 rows: an untrained critic is off by about 2.
    assert (q - 2.0).abs().max() < 0.1


def test_the_state_can_be_copied_and_continued() -> None:
    state = new_state()
    step(state, new_batch())
    twin = new_state()
    twin.networks.load_state_dict(copy.deepcopy(state.networks.state_dict()))
    twin.optimizer.load_state_dict(copy.deepcopy(state.optimizer.state_dict()))
    step(state, new_batch())
    step(twin, new_batch())
    assert same(state.networks.state_dict(), twin.networks.state_dict())


@pytest.mark.parametrize(
    "change",
    [{"discount": 1.1}, {"expectile": -0.1}, {"tau": 2.0}, {"learning_rate": 0.0}, {"denoise_steps": 0}],
)
def test_numbers_that_cannot_train_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(change))):
        UpdateConfig(**change)  # type: ignore[arg-type]
