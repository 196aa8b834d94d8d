"""Goals in hindsight: in the stated shares, later in the same episode, and judged by where the object came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from goal_world import RADIUS, goal_contract
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import Slice
from qgf_ros.data.hindsight import GoalShares, GoalWindows, Hindsight
from qgf_ros.errors import DatasetTooShort, InvalidSetting

FOUR_DEVIATIONS = 4.0  # of a share among draws
CURRENT, FUTURE, RANDOM = (
    GoalShares(1.0, 0.0, 0.0),
    GoalShares(0.0, 1.0, 0.0),
    GoalShares(0.0, 0.0, 1.0),
)
LENGTHS = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Interface:
    return goal_contract(tmp_path_factory.mktemp("contract")).interface


def numbered(interface: Interface, lengths: list[list[int]]) -> list[Slice]:
    """Slices whose object stands at (row of all, episode of all, 0) m: what was drawn can be read off; actions are rows and steps."""
    assert interface.goal is not None
    slices, row, episode = [], 0, 0
    for number, each in enumerate(lengths):
        count = sum(each)
        observations = np.zeros((count, interface.observation_dim), np.float32)
        ends = np.zeros(count, bool)
        ends[np.cumsum(each) - 1] = True
        observations[:, interface.slice_of(interface.goal.term)] = np.stack(
            [
                np.arange(row, row + count),
                np.repeat(np.arange(episode, episode + len(each)), each),
                np.zeros(count),
            ],
            axis=1,
        )
        actions = np.repeat(
            np.arange(row, row + count, dtype=np.float32)[:, None], interface.action_dim, axis=1
        )
        slices.append(Slice(Path(f"slice-{number}.npz"), observations, actions, ends))
        row, episode = row + count, episode + len(each)
    return slices


def places(interface: Interface, observations: np.ndarray) -> np.ndarray:
    """Row and episode (B, 2) of observations."""
    assert interface.goal is not None
    return observations[:, interface.slice_of(interface.goal.term)][:, :2]


@given(lengths=LENGTHS, horizon=st.integers(1, 6), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_a_window_never_crosses_an_end_and_future_goals_are_later_in_its_episode(
    lengths: list[list[int]], horizon: int, seed: int, interface: Interface
) -> None:
    slices = numbered(interface, lengths)
    if max(max(each) for each in lengths) <= horizon:
        with pytest.raises(DatasetTooShort):
            Hindsight(slices, interface, horizon)
        return
    drawn = Hindsight(slices, interface, horizon).draw(64, FUTURE, np.random.default_rng(seed))
    begin, end = places(interface, drawn.observations), places(interface, drawn.next_observations)
    assert (end[:, 0] == begin[:, 0] + horizon).all()
    assert (end[:, 1] == begin[:, 1]).all()
    assert (drawn.actions[:, :, 0] == begin[:, :1] + np.arange(horizon)).all()
    assert (drawn.goals[:, 1] == begin[:, 1]).all()
    assert (drawn.goals[:, 0] > begin[:, 0]).all()


@given(lengths=LENGTHS, seed=st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_a_goal_holds_first_where_the_object_first_is_within_the_radius(
    lengths: list[list[int]], seed: int, interface: Interface
) -> None:
    horizon = 3
    if max(max(each) for each in lengths) <= horizon:
        return
    found = Hindsight(numbered(interface, lengths), interface, horizon)
    for shares in (CURRENT, FUTURE, RANDOM):
        drawn = found.draw(32, shares, np.random.default_rng(seed))
        later = drawn.goals[:, 0] - places(interface, drawn.observations)[:, 0]  # rows are 1 m apart
        expected = np.where((later >= 0) & (later <= horizon), later, horizon + 1)
        same = drawn.goals[:, 1] == places(interface, drawn.observations)[:, 1]
        np.testing.assert_array_equal(drawn.reached_after, np.where(same, expected, horizon + 1))


def test_of_places_within_the_radius_the_first_counts(interface: Interface) -> None:
    [part] = numbered(interface, [[12]])
    assert interface.goal is not None
    part.observations[:, interface.slice_of(interface.goal.term)] = np.array(
        [[0.015 * row, 0.0, 0.0] for row in range(12)], np.float32
    )
    drawn = Hindsight([part], interface, 4).draw(200, FUTURE, np.random.default_rng(0))
    away = drawn.goals[:, 0] - places(interface, drawn.observations)[:, 0]
    steps = np.maximum(np.ceil((away - RADIUS) / 0.015), 0)
    np.testing.assert_array_equal(drawn.reached_after, np.minimum(steps, 5))


def test_goals_come_in_the_stated_shares(interface: Interface) -> None:
    count, lengths = 20_000, [[50] * 40]  # in long data a random goal is hardly ever of the same episode
    shares = GoalShares()
    drawn = Hindsight(numbered(interface, lengths), interface, 5).draw(
        count, shares, np.random.default_rng(1)
    )
    begin = places(interface, drawn.observations)
    same_episode = drawn.goals[:, 1] == begin[:, 1]
    is_current = drawn.goals[:, 0] == begin[:, 0]
    by_chance = shares.random / 40
    for found, expected in (
        (is_current.mean(), shares.current + shares.random / 2000),
        ((same_episode & ~is_current).mean(), shares.future + by_chance),
        ((~same_episode).mean(), shares.random - by_chance),
    ):
        assert abs(found - expected) < FOUR_DEVIATIONS * np.sqrt(expected * (1 - expected) / count)


def test_a_share_of_the_draws_is_that_part_of_all_of_them(interface: Interface) -> None:
    found = Hindsight(numbered(interface, [[20, 9], [12]]), interface, 4)

    def drawn(share: slice) -> GoalWindows:
        return found.draw(10, GoalShares(), np.random.default_rng(3), share)

    whole = drawn(slice(None))
    for part in (slice(0, 5), slice(5, 10)):
        for name, array in vars(drawn(part)).items():
            np.testing.assert_array_equal(array, vars(whole)[name][part])


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (-0.2, 0.9, 0.3)])
def test_shares_are_those_of_a_whole(shares: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidSetting, match="shares from 0 whose sum is 1"):
        GoalShares(*shares)


def test_without_a_goal_in_the_contract_there_is_no_hindsight(interface: Interface) -> None:
    with pytest.raises(InvalidSetting, match="goal"):
        Hindsight(numbered(interface, [[9]]), interface.without_goal, 3)
