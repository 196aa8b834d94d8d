"""Rewards for recorded rows: whoever tells where the goal holds, the same two things come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import from_slices, read_slices, split
from qgf_ros.data.relabel import Inside, Labelled, MaskRule, Near, Relabel, Source
from qgf_ros.errors import InvalidSetting, NotLabelledError
from qgf_ros.strict import build
from test.data.conftest import write_slice

LENGTHS = (4, 3)


@pytest.fixture
def rows(interface: Interface) -> Labelled:
    """Two episodes whose object is at its row's number in x."""
    count = sum(LENGTHS)
    observations = np.zeros((count, interface.observation_dim), np.float32)
    observations[:, interface.slice_of("object_position").start] = np.arange(count)
    ends = np.zeros(count, bool)
    ends[np.cumsum(LENGTHS) - 1] = True
    return Labelled("slice-0000", observations, ends)


def test_a_box_holds_where_every_component_is_inside_bounds_included(
    interface: Interface, rows: Labelled
) -> None:
    box = Inside("object_position", (2.0, -1.0, -1.0), (4.0, 1.0, 1.0))
    reached, rewards = Relabel(inside=(box,)).label(interface, rows)
    assert np.flatnonzero(reached).tolist() == [2, 3, 4]
    np.testing.assert_array_equal(rewards, reached - np.float32(1.0))


def test_a_goal_holds_where_all_its_conditions_do(interface: Interface, rows: Labelled) -> None:
    box = Inside("object_position", (2.0, -1.0, -1.0), (4.0, 1.0, 1.0))
    near = Near("object_position", 1.5, point=(5.0, 0.0, 0.0))
    reached, _ = Relabel(near=(near,), inside=(box,)).label(interface, rows)
    assert np.flatnonzero(reached).tolist() == [4]


def test_a_goal_in_parts_counts_what_is_not_in_place(interface: Interface, rows: Labelled) -> None:
    """Each component outside its box and each term that is not near is one thing; the goal holds where none is left."""
    box = Inside("object_position", (2.0, 0.5, -1.0), (9.0, 1.0, 1.0))  # y is never inside
    near = Near("object_position", 1.5, point=(5.0, 0.0, 0.0))
    reached, rewards = Relabel(near=(near,), inside=(box,), counts=True).label(interface, rows)
    np.testing.assert_array_equal(rewards, [-3, -3, -2, -2, -1, -1, -1])
    assert not reached.any()
    reached, rewards = Relabel(near=(near,), counts=True).label(interface, rows)
    np.testing.assert_array_equal(rewards, reached - np.float32(1.0))
    assert np.flatnonzero(reached).tolist() == [4, 5, 6]


def test_only_a_goal_has_parts_that_can_be_counted() -> None:
    with pytest.raises(
        InvalidSetting, match=r"relabel.counts is True, but it must be false beside by: outcome"
    ):
        Relabel(by=Source.OUTCOME, counts=True)


def test_an_outcome_counts_at_the_last_two_rows_of_an_episode_that_succeeded(
    interface: Interface, rows: Labelled
) -> None:
    for marks, reached_rows in (((1, 0), [2, 3]), ((0, 1), [5, 6]), ((-1, -1), [])):
        outcomes = np.full(len(rows.ends), -1, np.int8)
        outcomes[rows.ends] = marks
        reached, rewards = Relabel(by=Source.OUTCOME).label(interface, replace(rows, outcomes=outcomes))
        assert np.flatnonzero(reached).tolist() == reached_rows
        assert rewards.sum() == len(reached_rows) - len(rows.ends)


@pytest.mark.parametrize("outcome", [0, 1])
def test_an_outcome_is_heard_by_the_losses(tmp_path: Path, interface: Interface, outcome: int) -> None:
    """They look at the last step of windows that lie within an episode, and its last row begins no transition."""
    write_slice(tmp_path / "a.npz", interface, [8, 8])
    (part,) = read_slices(tmp_path / "a.npz", interface)
    marked = replace(part, outcomes=np.where(part.terminals, outcome, -1).astype(np.int8))
    dataset = from_slices([marked], interface, Relabel(by=Source.OUTCOME))
    drawn = dataset.draw(200, 3, 1.0, np.random.default_rng(0))
    ended_well = (drawn.masks[:, -1] == 0.0) & (drawn.valid[:, -1] == 1.0)
    assert ended_well.any() == bool(outcome)
    np.testing.assert_array_equal(drawn.rewards[ended_well][:, -1], -2.0)


def test_an_episode_of_one_row_says_nothing_of_the_one_before(interface: Interface, rows: Labelled) -> None:
    ends = np.array([False, True, True])
    short = Labelled("a", rows.observations[:3], ends, np.array([-1, 0, 1], np.int8))
    assert np.flatnonzero(Relabel(by=Source.OUTCOME).label(interface, short)[0]).tolist() == [2]


def test_recorded_rewards_are_taken_as_they_are(interface: Interface, rows: Labelled) -> None:
    recorded = np.array([-2, -2, -1, 0, -2, -1, 0.5], np.float32)
    reached, rewards = Relabel(by=Source.REWARD).label(interface, replace(rows, rewards=recorded))
    np.testing.assert_array_equal(rewards, recorded)
    assert np.flatnonzero(reached).tolist() == [3, 6]
    partly, _ = Relabel(by=Source.REWARD, reached_at=-1.0).label(interface, replace(rows, rewards=recorded))
    assert np.flatnonzero(partly).tolist() == [2, 3, 5, 6]


def test_marks_by_hand_name_an_episode_and_its_rows(interface: Interface, rows: Labelled) -> None:
    relabel = Relabel(by=Source.HAND, marks={"slice-0000/1": (0, 2), "slice-0007/0": (1,)})
    reached, _ = relabel.label(interface, rows)
    assert np.flatnonzero(reached).tolist() == [4, 6]


def test_a_mark_outside_of_its_episode_is_refused(interface: Interface, rows: Labelled) -> None:
    with pytest.raises(
        InvalidSetting, match=r"slice-0000/1 is 3, but it must be a row of that episode: 0 to 2"
    ):
        Relabel(by=Source.HAND, marks={"slice-0000/1": (3,)}).label(interface, rows)


def test_marks_follow_their_episodes_when_a_file_is_split(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [5, 5, 5, 5])
    _, held = split(read_slices(tmp_path / "a.npz", interface), 0.25)
    relabel = Relabel(by=Source.HAND, marks={"a/3": (1,), "a/0": (2,)})
    assert from_slices(held, interface, relabel).successes == 1
    np.testing.assert_array_equal(from_slices(held, interface, relabel).slices[0].rewards, [-1, 0, -1, -1])


@pytest.mark.parametrize(("by", "lacking"), [(Source.OUTCOME, "outcomes"), (Source.REWARD, "rewards")])
def test_what_a_file_does_not_tell_is_refused_by_name(
    interface: Interface, rows: Labelled, by: Source, lacking: str
) -> None:
    with pytest.raises(NotLabelledError, match=f"slice-0000 has no {lacking}"):
        Relabel(by=by).label(interface, rows)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Inside("nothing", (0.0,), (1.0,)), "a term of the interface"),
        (Inside("joints", (0.0,), (1.0,)), "with 2 lower and upper bounds"),
        (Inside("joints", (2.0, 0.0), (1.0, 0.0)), "each lower bound at most the upper one"),
    ],
)
def test_a_box_that_is_none_is_refused(interface: Interface, rows: Labelled, box: Inside, words: str) -> None:
    with pytest.raises(InvalidSetting, match=words):
        Relabel(inside=(box,)).label(interface, rows)


def test_a_goal_without_conditions_is_refused(interface: Interface, rows: Labelled) -> None:
    with pytest.raises(InvalidSetting, match="at least one condition"):
        Relabel().label(interface, rows)


def test_a_recipe_says_it_in_yaml() -> None:
    stated = {
        "inside": [{"term": "gripper", "lower": [0.6], "upper": [0.8]}],
        "by": "goal",
        "masks": "time_limit",
        "marks": {"slice-0000/3": [7, 8]},
    }
    found = build(Relabel, stated, "relabel")
    assert found.inside == (Inside("gripper", (0.6,), (0.8,)),)
    assert (found.by, found.masks, found.marks) == (
        Source.GOAL,
        MaskRule.TIME_LIMIT,
        {"slice-0000/3": (7, 8)},
    )
