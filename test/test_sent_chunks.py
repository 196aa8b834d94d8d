"""What the policy knows of the actions that will be executed meanwhile, and how overlapping chunks are averaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, FloatArray
from qgf_ros.inference.demand import Demand
from qgf_ros.inference.sent import DECAY, SentChunks, usual_prefix

LENGTH = 8
NAMES = ("shoulder", "elbow")
SCALE, CENTRE = np.array([0.1, 0.2]), np.array([0.0, 0.05])


def contract(folder: Path, mode: str, horizon: int = 3, delay: int = 2) -> Contract:
    """Two joints, eight actions a chunk."""

    def edit(content: dict[str, dict[str, object]]) -> None:
        content["interface"]["chunk_length"] = LENGTH
        chunks = {"mode": mode, "execution_horizon": horizon, "delay": delay}
        content["deployment"]["chunks"] = {"mode": mode} if mode == "synchronous" else chunks

    return two_joints(folder, edit)


def chunk(seed: int, stamp_ns: int) -> ActionChunk:
    """A chunk of random actions, physical."""
    values = np.random.default_rng(seed).uniform(-1, 1, (LENGTH, 2))
    return ActionChunk(NAMES, values * SCALE + CENTRE, stamp_ns)


def wish(stamp_ns: int, playing_ns: int, begun: int, delay: int = 2, horizon: int = 3) -> Demand:
    """The chunk observed at `playing_ns` is in play, and its action `begun` comes next."""
    return Demand(stamp_ns, True, stamp_ns + 1, playing_ns, begun, horizon, delay)


def normalised(actions: FloatArray) -> FloatArray:
    return (actions - CENTRE) / SCALE


def test_the_first_chunk_of_an_episode_is_free(tmp_path: Path) -> None:
    sent = SentChunks(contract(tmp_path, "real_time"))
    assert sent.prefix_for(None) is None
    assert sent.prefix_for(wish(0, 0, 0)) is None


def test_committed_are_the_actions_of_the_chunk_in_play_from_the_one_that_comes_next(tmp_path: Path) -> None:
    sent = SentChunks(contract(tmp_path, "real_time"))
    sent.keep(None, chunk(0, 10))
    prefix = sent.prefix_for(wish(20, 10, 3))
    assert prefix is not None
    assert prefix.delay == 2
    np.testing.assert_allclose(prefix.committed[:5], normalised(chunk(0, 10).actions)[3:], atol=1e-6)
    np.testing.assert_array_equal(prefix.mask[:2], 1.0)
    np.testing.assert_array_equal(prefix.mask[5:], 0.0)


@given(begun=st.integers(0, LENGTH), delay=st.integers(0, 4), horizon=st.integers(1, LENGTH))
def test_no_more_is_committed_than_is_left_whatever_the_moment(
    tmp_path_factory: pytest.TempPathFactory, begun: int, delay: int, horizon: int
) -> None:
    horizon = min(max(horizon, delay, 1), LENGTH - delay)
    sent = SentChunks(contract(tmp_path_factory.mktemp("contract"), "real_time", horizon, delay))
    sent.keep(None, chunk(0, 10))
    prefix = sent.prefix_for(wish(20, 10, begun, delay, horizon))
    if min(delay, LENGTH - begun) == 0:
        assert prefix is None
    else:
        assert prefix is not None
        assert prefix.delay == min(delay, LENGTH - begun)
        assert not prefix.mask[LENGTH - begun :].any()


def test_a_chunk_that_is_not_ours_or_from_before_a_reset_leaves_the_next_one_free(tmp_path: Path) -> None:
    sent = SentChunks(contract(tmp_path, "real_time"))
    sent.keep(None, chunk(0, 10))
    assert sent.prefix_for(wish(20, 11, 3)) is None
    sent.clear()
    assert sent.prefix_for(wish(20, 10, 3)) is None


@pytest.mark.parametrize("mode", ["synchronous", "naive", "ensemble"])
def test_only_real_time_chunks_keep_to_what_is_committed(tmp_path: Path, mode: str) -> None:
    sent = SentChunks(contract(tmp_path, mode))
    sent.keep(None, chunk(0, 10))
    assert sent.prefix_for(wish(20, 10, 3)) is None


@pytest.mark.parametrize("mode", ["synchronous", "real_time", "naive"])
def test_only_an_ensemble_changes_what_was_sampled(tmp_path: Path, mode: str) -> None:
    sent = SentChunks(contract(tmp_path, mode))
    sent.keep(None, chunk(0, 10))
    kept = sent.keep(wish(20, 10, 3), chunk(1, 21))
    np.testing.assert_array_equal(kept.actions, chunk(1, 21).actions)


def test_an_ensemble_is_the_weighted_mean_of_what_each_chunk_says_for_the_same_action(tmp_path: Path) -> None:
    """Three chunks, each begun three actions after the last: action 6 of the episode is known to all of them."""
    sent = SentChunks(contract(tmp_path, "ensemble"))
    first, second, third = chunk(0, 10), chunk(1, 21), chunk(2, 31)
    sent.keep(None, first)
    sent.keep(wish(20, 10, 3), second)
    found = sent.keep(wish(30, 21, 3), third).actions
    weights = np.exp(-DECAY * np.arange(3))
    said = np.stack([first.actions[6], second.actions[3], third.actions[0]])
    np.testing.assert_allclose(found[0], weights @ said / weights.sum(), atol=1e-12)
    weights = weights[:2]
    said = np.stack([second.actions[7], third.actions[4]])
    np.testing.assert_allclose(found[4], weights @ said / weights.sum(), atol=1e-12)
    np.testing.assert_array_equal(found[5:], third.actions[5:])


def test_an_ensemble_forgets_what_came_before_a_chunk_that_is_not_ours(tmp_path: Path) -> None:
    sent = SentChunks(contract(tmp_path, "ensemble"))
    sent.keep(None, chunk(0, 10))
    kept = sent.keep(wish(20, 11, 3), chunk(1, 21))
    np.testing.assert_array_equal(kept.actions, chunk(1, 21).actions)


def test_a_chunk_that_was_not_sent_after_all_enters_no_average(tmp_path: Path) -> None:
    kept, clean = (SentChunks(contract(tmp_path, "ensemble")) for _ in range(2))
    for sent in (kept, clean):
        sent.keep(None, chunk(0, 10))
    kept.drop(kept.keep(wish(20, 10, 2), chunk(1, 20)))
    both = [sent.keep(wish(30, 10, 3), chunk(2, 30)).actions for sent in (kept, clean)]
    np.testing.assert_array_equal(*both)


def test_the_usual_prefix_commits_to_as_many_actions_as_the_contract_says(tmp_path: Path) -> None:
    usual = usual_prefix(contract(tmp_path, "real_time", horizon=3, delay=2))
    assert usual is not None
    assert usual.delay == 2
    assert usual_prefix(contract(tmp_path, "naive")) is None
    assert usual_prefix(contract(tmp_path, "synchronous")) is None


def test_an_ensemble_forgets_a_chunk_that_the_command_node_refused(tmp_path: Path) -> None:
    """Nobody tells it: but another chunk is wanted, and an older one is in play."""
    refused, clean = (SentChunks(contract(tmp_path, "ensemble")) for _ in range(2))
    for sent in (refused, clean):
        sent.keep(None, chunk(0, 10))
    refused.keep(wish(20, 10, 3), chunk(1, 21))
    found, expected = (sent.keep(wish(30, 10, 5), chunk(2, 31)).actions for sent in (refused, clean))
    np.testing.assert_array_equal(found, expected)
