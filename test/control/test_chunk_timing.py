"""Chunks are aligned by what was executed, whatever their latency: laws over any timing, latency, loss, stop and reset."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chunk_world import Fate, Made, Operator, Served, Story, Timing, World, timings
from hypothesis import given
from hypothesis import strategies as st
from limit_checks import assert_inside_limits

from qgf_ros.contract.schema import Chunking, ChunkMode
from qgf_ros.datatypes import FloatArray, Rung

TICKS = 120
LATENCIES = st.integers(0, 40)  # ticks; the longest chunk lasts 32

STORIES = st.builds(
    Story,
    st.lists(st.tuples(LATENCIES, st.sampled_from(Fate)), max_size=8),
    st.dictionaries(st.integers(1, TICKS // 2), st.sampled_from(Operator), max_size=4),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


def after(folder: Path, timing: Timing, story: Story, ticks: int = TICKS) -> World:
    world = World(folder, timing, story)
    world.run(ticks)
    return world


def rows(world: World) -> FloatArray:
    commands = [served.command for served in world.served]
    return np.array([[command.positions, command.velocities, command.accelerations] for command in commands])


def lives(world: World) -> list[list[Served]]:
    """The ticks between a start and the next stop, one list a start."""
    starts = {served.starts for served in world.served}
    return [[s for s in world.served if s.starts == start and s.is_running] for start in sorted(starts)]


def executed_since(life: list[Served], made: Made, until: int, ticks: int) -> int:
    """By definition: actions that began before tick `until`, the one in force at the first tick at or after then included."""
    first = next(number for number, served in enumerate(life) if served.stamp_ns >= made.observed_ns)
    begins = [number for number, served in enumerate(life[:until]) if served.began is not None]
    return sum(number > first - ticks for number in begins)


@given(timing=timings(), story=STORIES)
def test_every_action_is_the_one_that_the_count_of_executed_actions_calls_for(
    folder: Path, timing: Timing, story: Story
) -> None:
    world = after(folder, timing, story)
    for life in lives(world):
        for number, served in enumerate(life):
            if served.began is not None:
                chunk, index = served.began
                assert index == executed_since(life, world.made[chunk], number, timing.ticks)


@given(timing=timings(), story=STORIES)
def test_no_action_begins_twice_and_each_has_its_whole_period(
    folder: Path, timing: Timing, story: Story
) -> None:
    world = after(folder, timing, story)
    began = [served.began for served in world.served if served.began is not None]
    assert len(began) == len(set(began))
    for life in lives(world):
        begins = [number for number, served in enumerate(life) if served.began is not None]
        assert all(later - earlier >= timing.ticks for earlier, later in pairwise(begins))


@given(timing=timings(), story=STORIES)
def test_from_standstill_nothing_is_skipped_and_nothing_from_before_a_start_is_played(
    folder: Path, timing: Timing, story: Story
) -> None:
    world = after(folder, timing, story)
    for life in lives(world):
        began = [(served.starts, served.began) for served in life if served.began is not None]
        assert all(world.made[name[0]].starts == starts for starts, name in began)
        if began:
            assert began[0][1][1] == 0


@given(timing=timings(), story=STORIES)
def test_a_rung_says_whether_the_action_in_force_is_fresh(folder: Path, timing: Timing, story: Story) -> None:
    world = after(folder, timing, story)
    horizon = timing.chunks.execution_horizon
    assert horizon is not None
    for life in lives(world):
        left, index = 0, 0
        for served in life:
            if served.began is not None:
                left, index = timing.ticks, served.began[1]
            is_fresh = left > 0 and index < horizon + timing.chunks.delay
            assert served.command.rung is (Rung.CHUNK if is_fresh else Rung.TAIL)
            left -= 1


@given(timing=timings(), story=STORIES)
def test_every_tick_has_a_command_inside_the_limits_and_in_the_end_chunks_are_played_again(
    folder: Path, timing: Timing, story: Story
) -> None:
    world = after(folder, timing, story, ticks=800)
    assert_inside_limits(world.contract, rows(world))
    stopped = not world.served[-1].is_running
    assert stopped or any(
        served.began is not None for served in world.served[-2 * timing.length * timing.ticks :]
    )


@given(timing=timings(), data=st.data())
def test_a_chunk_that_comes_within_the_delay_changes_no_command(
    folder: Path, timing: Timing, data: st.DataObject
) -> None:
    """Where one chunk takes over as the next is asked for (s = d), it must have come a tick before."""
    chunks = timing.chunks
    longest = chunks.delay * timing.ticks - (chunks.delay == chunks.execution_horizon)
    deliveries = data.draw(st.lists(st.tuples(st.integers(0, longest), st.just(Fate.ARRIVES)), max_size=20))
    deliveries = [(0, Fate.ARRIVES), *deliveries]  # from standstill the first is played when it comes
    slow, quick = (after(folder, timing, Story(found)) for found in (deliveries, []))
    assert [served.began for served in slow.served] == [served.began for served in quick.served]
    np.testing.assert_array_equal(rows(slow), rows(quick))
    assert {served.command.rung for served in slow.served} == {Rung.CHUNK}


@given(timing=timings(), latency=LATENCIES)
def test_a_late_chunk_takes_over_at_the_first_boundary_after_it_came(
    folder: Path, timing: Timing, latency: int
) -> None:
    """And what the arm does until then is the rest of the chunk in play, then rest."""
    horizon, delay = timing.chunks.execution_horizon, timing.chunks.delay
    assert horizon is not None
    world = after(folder, timing, Story([(0, Fate.ARRIVES), (latency, Fate.ARRIVES), (40, Fate.LOST)]))
    took_over = next(n for n, served in enumerate(world.served) if served.began and served.began[0] == 1)
    asked = horizon * timing.ticks
    plays = horizon if timing.chunks.mode is ChunkMode.SYNCHRONOUS else timing.length
    came = max(latency, delay * timing.ticks)
    boundary = asked + -(-came // timing.ticks) * timing.ticks
    end = plays * timing.ticks
    assert took_over == (boundary if boundary <= end else max(end, asked + came))
    assert world.served[took_over].began == (1, min(boundary, end) // timing.ticks - horizon)


def test_a_duplicate_and_an_overtaken_chunk_are_refused_by_name(folder: Path) -> None:
    timing = Timing(6, Chunking(ChunkMode.REAL_TIME, 4, 2), 2, 1)
    world = after(folder, timing, Story([(0, Fate.ARRIVES), (1, Fate.TWICE), (1, Fate.OVERTAKEN)]))
    assert world.refused == ["unwanted", "unwanted"]


def test_a_chunk_that_was_in_the_making_when_the_arm_was_stopped_is_refused_by_name(folder: Path) -> None:
    timing = Timing(6, Chunking(ChunkMode.REAL_TIME, 4, 2), 2, 0)
    story = [(0, Fate.ARRIVES), (5, Fate.ARRIVES)]
    restarted = after(folder, timing, Story(story, {10: Operator.STOP_AND_START}))
    assert restarted.refused == ["outdated"]
    stopped = after(folder, timing, Story(story, {10: Operator.STOP}))
    assert stopped.refused == ["unwanted"]


def test_a_delay_of_one_action_at_four_executed_of_five_keeps_every_tick_fresh(folder: Path) -> None:
    """The timing of the cube's contract, with any latency up to one action."""
    timing = Timing(5, Chunking(ChunkMode.REAL_TIME, 4, 1), 4, 3)
    prompt = [(0, Fate.ARRIVES), *[(latency % 5, Fate.ARRIVES) for latency in range(20)]]
    world = after(folder, timing, Story(prompt))
    began = [served.began for served in world.served if served.began is not None]
    assert [index for _, index in began[:13]] == [0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]
    late = after(folder, replace(timing), Story([(0, Fate.ARRIVES), (6, Fate.ARRIVES)]))
    assert sum(served.command.rung is Rung.TAIL for served in late.served) == 2
