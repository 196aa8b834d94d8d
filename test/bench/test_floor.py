"""The floor reads what a walk must read, in its order, and really reads it."""

from __future__ import annotations

import pytest
from floor import CompiledFloor, NumpyFloor, Reading, walk_reading
from needs import needs_gcc

HIDDEN, OBSERVED, VECTOR, CRITICS = (16, 32), 8, 4, 2
# numbers of weights, by hand
POLICY = VECTOR * 16 + 16 * 32 + 32 * VECTOR
CRITIC = VECTOR * 16 + 16 * 32 + 32


@pytest.mark.parametrize("bytes_each", [2, 4])
def test_a_walk_reads_the_policy_all_critics_and_one_critic_backward_each_step_and_scores_once(
    bytes_each: int,
) -> None:
    reading = walk_reading(HIDDEN, OBSERVED, VECTOR, CRITICS, 10, bytes_each)
    once = (1 + CRITICS) * OBSERVED * 16
    expected = once + 10 * (POLICY + (CRITICS + 1) * CRITIC) + CRITICS * CRITIC
    assert reading.total_bytes == bytes_each * expected


def test_the_way_back_reads_the_last_critic_in_reverse() -> None:
    order = walk_reading(HIDDEN, OBSERVED, VECTOR, CRITICS, 1, 4).order
    forward, back = order[9:12], order[12:15]
    assert back == forward[::-1]


def test_numpy_reads_every_buffer_as_often_as_the_order_says() -> None:
    assert NumpyFloor(Reading((64, 128), (0, 1, 1))).read() == 8 + 2 * 16


@needs_gcc
def test_all_compiled_readers_read_the_same_on_one_thread_and_on_two() -> None:
    reading = Reading((64 * 7, 64 * 130), (0, 1, 0))
    expected = 8 * (7 * int.from_bytes(b"\1" * 8) * 2 + 130 * int.from_bytes(b"\2" * 8)) % 2**64
    for threads in (1, 2):
        floor = CompiledFloor(reading, threads, "g++")
        assert {floor.read_with(reader) for reader in floor.readers} == {expected}
