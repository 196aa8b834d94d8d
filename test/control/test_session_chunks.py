"""Which chunk the command node takes, and what follows where it takes none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from limit_checks import assert_inside_limits
from session_bench import Bench

from qgf_ros.contract.load import with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode
from qgf_ros.datatypes import ActionChunk, Finding, FloatArray, Rung, Verdict
from qgf_ros.errors import ChunkRefused


def test_the_first_chunk_may_come_from_the_joint_states_known_at_the_start(bench: Bench) -> None:
    bench.tick()
    tick = bench.session.start(bench.now_ns)
    assert tick.wanted_from_ns == bench.monitor.newest_ns


def test_the_wish_for_a_chunk_stays_as_it_is_until_one_comes(bench: Bench) -> None:
    bench.run()
    played = 4 * bench.contract.ticks_per_action
    bench.tick(played)
    first, last = (tick.wanted_from_ns for tick in (bench.ticks[-5], bench.ticks[-1]))
    assert first == last > 0
    bench.offer()
    assert bench.tick().wanted_from_ns == 0


def test_without_a_new_chunk_the_arm_ends_at_rest(bench: Bench) -> None:
    bench.run()
    assert bench.tick(200).rung is Rung.TAIL
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


@pytest.mark.parametrize(
    ("actions", "names", "reason"),
    [
        (np.zeros((4, 2)), ("elbow", "shoulder"), "chunk_names"),
        (np.zeros((4, 3)), ("shoulder", "elbow"), "chunk_shape"),
        (np.zeros((5, 2)), ("shoulder", "elbow"), "chunk_shape"),
        (np.full((4, 2), np.nan), ("shoulder", "elbow"), "chunk_not_finite"),
    ],
)
def test_a_malformed_chunk_brakes_the_arm_until_it_is_started(
    bench: Bench, actions: FloatArray, names: tuple[str, ...], reason: str
) -> None:
    bench.run()
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    with pytest.raises(ChunkRefused):
        bench.offer(actions, names)
    assert bench.tick().refused == reason
    bench.tick(100)
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, reason)
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


@pytest.mark.parametrize("reason", ["unwanted", "outdated", "stale", "future"])
def test_a_chunk_at_the_wrong_time_changes_no_command(tmp_path: Path, reason: str) -> None:
    disturbed, twin = Bench(two_joints(tmp_path)), Bench(two_joints(tmp_path))
    for bench in (disturbed, twin):
        bench.run()
        if reason != "unwanted":
            bench.tick(4 * bench.contract.ticks_per_action - 8 + (70 if reason == "stale" else 0))
    wanted_ns = disturbed.ticks[-1].wanted_from_ns
    stamps = {
        "unwanted": disturbed.now_ns,
        "outdated": wanted_ns - 1,
        "stale": wanted_ns,
        "future": disturbed.now_ns + 10**9,
    }
    with pytest.raises(ChunkRefused) as caught:
        disturbed.offer(stamp_ns=stamps[reason])
    assert caught.value.reason == reason
    assert disturbed.tick().refused == f"chunk_{reason}"
    twin.tick()
    for bench in (disturbed, twin):
        bench.tick(50)
    np.testing.assert_array_equal(disturbed.commands(), twin.commands())


def test_a_chunk_is_played_once(bench: Bench) -> None:
    bench.run()
    stamp_ns = bench.ticks[0].command.stamp_ns if bench.ticks[0].command else 0
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    with pytest.raises(ChunkRefused, match="older than the request"):
        bench.offer(stamp_ns=stamp_ns)


class Wall:
    """Whatever the path, it leads into a wall."""

    def check(self, path: FloatArray, start: FloatArray) -> Finding:
        return Finding(Verdict.HOLD, "collision", "wall")


def test_after_a_chunk_that_leads_astray_another_is_asked_for_a_control_period_later(tmp_path: Path) -> None:
    """At once it would be the same again; and a tick in lockstep must not wait for it."""
    bench = Bench(two_joints(tmp_path), look_ahead=Wall())
    bench.tick()
    bench.session.start(bench.now_ns)
    refused_ns = bench.now_ns
    with pytest.raises(ChunkRefused, match="collision"):
        bench.offer()
    assert not bench.session.needs_chunk(refused_ns)
    tick = bench.tick()
    assert tick.refused == "chunk_collision"
    assert tick.wanted_from_ns == refused_ns + bench.contract.ticks_per_action * bench.contract.tick_ns


def test_a_stale_chunk_makes_the_wish_new(bench: Bench) -> None:
    bench.run()
    bench.tick(4 * bench.contract.ticks_per_action - 8 + 70)
    wanted_ns = bench.ticks[-1].wanted_from_ns
    with pytest.raises(ChunkRefused, match="another is asked for"):
        bench.offer(stamp_ns=wanted_ns)
    assert bench.tick().wanted_from_ns > wanted_ns


def test_a_chunk_without_a_stamp_is_outdated(bench: Bench) -> None:
    bench.tick()
    bench.session.start(bench.now_ns)
    chunk = ActionChunk(("shoulder", "elbow"), np.zeros((4, 2)), 0)
    with pytest.raises(ChunkRefused) as caught:
        bench.session.offer(chunk, bench.now_ns)
    assert caught.value.reason == "outdated"


def test_a_chunk_from_an_observation_before_a_stop_is_not_played_after_the_next_start(bench: Bench) -> None:
    """Nor is one from the very reading that was the newest at the stop."""
    bench.run()
    bench.see()
    observed_ns = bench.now_ns
    bench.session.stop("stopped")
    assert bench.session.start(bench.now_ns).wanted_from_ns == observed_ns + 1
    with pytest.raises(ChunkRefused) as caught:
        bench.offer(stamp_ns=observed_ns)
    assert caught.value.reason == "outdated"


def test_a_tick_waits_only_for_a_chunk_that_its_own_readings_can_give(bench: Bench) -> None:
    bench.run()
    assert not bench.session.needs_chunk(bench.now_ns)
    bench.tick(4 * bench.contract.ticks_per_action - 8)
    wanted_ns = bench.ticks[-1].wanted_from_ns
    assert not bench.session.needs_chunk(wanted_ns - 1)
    assert bench.session.needs_chunk(bench.now_ns)
    bench.offer()
    assert not bench.session.needs_chunk(bench.now_ns)


def test_a_chunk_whose_actions_would_all_have_begun_is_late_and_another_is_asked_for(tmp_path: Path) -> None:
    bench = Bench(with_chunks(two_joints(tmp_path), Chunking(ChunkMode.NAIVE, 2, 1)))
    bench.tick()
    bench.session.start(bench.now_ns)
    bench.offer()
    bench.tick(2 * bench.contract.ticks_per_action)
    observed_ns = bench.now_ns
    bench.tick(bench.contract.ticks_per_action)
    with pytest.raises(ChunkRefused, match="another is asked for"):
        bench.offer(np.array([[0.1, 0.2]]), stamp_ns=observed_ns)
    tick = bench.tick()
    assert (tick.refused, tick.wanted_from_ns > observed_ns) == ("chunk_late", True)
