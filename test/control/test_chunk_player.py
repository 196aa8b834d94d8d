"""A chunk is played action by action, each for one control period, counted in ticks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Contract
from qgf_ros.control.chunk_player import ChunkPlayer
from qgf_ros.datatypes import ActionChunk, FloatArray
from qgf_ros.errors import ChunkRefused

NAMES = ("shoulder", "elbow")
TICKS_PER_ACTION = 5


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


def chunk(length: int = 4, stamp_ns: int = 1, names: tuple[str, ...] = NAMES) -> ActionChunk:
    """Actions that can be told apart: (0, 0), (1, 10), (2, 20) ..."""
    return ActionChunk(names, np.arange(length)[:, None] * np.array([1.0, 10.0]), stamp_ns)


def advance(player: ChunkPlayer, stamp_ns: int) -> FloatArray | None:
    due = player.advance(stamp_ns)
    return None if due is None else due.action


def ticks(player: ChunkPlayer, count: int, first: int = 0) -> list[FloatArray | None]:
    """The actions that begin at ticks stamped 10, 20, 30 ... after `first`."""
    return [advance(player, first + 10 * (tick + 1)) for tick in range(count)]


def test_nothing_is_due_before_a_chunk_comes(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    assert player.is_done
    assert player.actions_left == 0
    assert player.chunk_stamp_ns == 0
    assert ticks(player, 3) == [None, None, None]


@given(length=st.integers(1, 4))
def test_every_action_begins_on_its_tick_and_is_in_force_for_one_period(
    contract: Contract, length: int
) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(length))
    played = ticks(player, length * TICKS_PER_ACTION)
    for tick, action in enumerate(played):
        if tick % TICKS_PER_ACTION:
            assert action is None
        else:
            np.testing.assert_array_equal(action, chunk(length).actions[tick // TICKS_PER_ACTION])
    assert player.is_done
    assert advance(player, 1000) is None


def test_the_player_is_done_only_when_the_last_action_has_had_its_period(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(1))
    ticks(player, TICKS_PER_ACTION - 1)
    assert not player.is_done
    ticks(player, 1)
    assert player.is_done


def test_actions_left_counts_those_that_have_not_begun(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(2))
    left = [player.actions_left]
    for _ in range(2 * TICKS_PER_ACTION):
        ticks(player, 1)
        left.append(player.actions_left)
    assert left == [2, *[1] * TICKS_PER_ACTION, *[0] * TICKS_PER_ACTION]


def test_a_newer_chunk_takes_over_when_the_action_in_force_has_had_its_period(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(stamp_ns=1))
    ticks(player, 7)
    player.load(chunk(stamp_ns=71))
    assert player.chunk_stamp_ns == 1
    assert ticks(player, 3, 70) == [None] * 3
    assert player.chunk_stamp_ns == 71
    np.testing.assert_array_equal(advance(player, 110), [1.0, 10.0])
    assert player.actions_left == 2


def test_a_cleared_player_has_nothing_due_and_takes_any_stamp_again(contract: Contract) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(stamp_ns=9))
    player.clear()
    assert advance(player, 10) is None
    player.load(chunk(stamp_ns=3))
    assert player.chunk_stamp_ns == 3


def test_a_chunk_that_its_sender_changes_later_is_played_as_it_was(contract: Contract) -> None:
    player, sent = ChunkPlayer(contract), chunk(1)
    player.load(sent)
    sent.actions[:] = 99.0
    np.testing.assert_array_equal(advance(player, 10), [0.0, 0.0])


@pytest.mark.parametrize("stamp_ns", [0, 5])
def test_a_chunk_from_the_same_or_an_older_observation_is_refused(contract: Contract, stamp_ns: int) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(stamp_ns=5))
    with pytest.raises(ChunkRefused, match="not newer") as caught:
        player.load(chunk(stamp_ns=stamp_ns))
    assert caught.value.reason == "repeated"


def test_a_chunk_stamped_zero_is_a_chunk_like_any_other(contract: Contract) -> None:
    """Simulated time begins at zero."""
    player = ChunkPlayer(contract)
    player.load(chunk(stamp_ns=0))
    with pytest.raises(ChunkRefused, match="not newer"):
        player.load(chunk(stamp_ns=0))


BAD_CHUNKS = {
    "other names": (
        "names",
        chunk(names=("elbow", "shoulder")),
        "dimensions are elbow, shoulder; the contract has",
    ),
    "missing name": (
        "names",
        chunk(names=("elbow",)),
        "dimensions are elbow; the contract has shoulder, elbow",
    ),
    "too long": ("shape", chunk(5), r"shape \(5, 2\); the contract accepts \(1 to 4, 2\)"),
    "empty": ("shape", chunk(0), r"shape \(0, 2\)"),
    "one action only": ("shape", ActionChunk(NAMES, np.zeros(2), 1), r"shape \(2,\)"),
    "too narrow": ("shape", ActionChunk(NAMES, np.zeros((4, 1)), 1), r"shape \(4, 1\)"),
    "not a number": (
        "not_finite",
        ActionChunk(NAMES, np.array([[0.0, 0.0], [0.0, np.nan]]), 1),
        "not finite",
    ),
    "infinite": ("not_finite", ActionChunk(NAMES, np.array([[np.inf, 0.0]]), 1), "not finite"),
}


@pytest.mark.parametrize(("reason", "bad", "words"), BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_a_malformed_chunk_is_refused_whole_and_the_one_in_play_goes_on(
    contract: Contract, reason: str, bad: ActionChunk, words: str
) -> None:
    player = ChunkPlayer(contract)
    player.load(chunk(stamp_ns=1))
    ticks(player, TICKS_PER_ACTION)
    with pytest.raises(ChunkRefused, match=words) as caught:
        player.load(ActionChunk(bad.names, bad.actions, 2))
    assert caught.value.reason == reason
    assert player.chunk_stamp_ns == 1
    np.testing.assert_array_equal(advance(player, 60), [1.0, 10.0])


def test_ticks_per_action_follow_the_command_rate(tmp_path: Path) -> None:
    fast = two_joints(tmp_path, lambda content: content["deployment"].update(command_rate_hz=500.0))
    player = ChunkPlayer(fast)
    player.load(chunk(2))
    begun = [action is not None for action in ticks(player, 50)]
    assert [tick for tick, starts in enumerate(begun) if starts] == [0, 25]
