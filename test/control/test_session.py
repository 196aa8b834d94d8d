"""The command node's decisions: when the arm may move, and what follows from joint states that cannot be trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from limit_checks import assert_inside_limits
from session_bench import NOTHING, TICK_NS, Bench, assert_brakes_and_stays

from qgf_ros.datatypes import JointReading, Rung
from qgf_ros.errors import ChunkRefused, MotionRefused, NotReadyError, ObservationRefused


def test_nothing_is_sent_before_joint_states_come(bench: Bench) -> None:
    tick = bench.tick(sees=False)
    assert (tick.command, tick.rung, tick.reason) == (None, Rung.HOLD, "missing")


def test_the_first_command_is_the_measured_pose_at_rest(bench: Bench) -> None:
    command = bench.tick().command
    assert command is not None
    np.testing.assert_array_equal(command.positions, [0.5, -0.25])
    np.testing.assert_array_equal(command.velocities, 0.0)


def test_joints_are_matched_by_name_whoever_sends_them(bench: Bench) -> None:
    bench.read(("elbow", "of_another_robot"), [-0.25, 7.0])
    bench.read(("shoulder",), [0.5])
    command = bench.tick(sees=False).command
    assert command is not None
    np.testing.assert_array_equal(command.positions, [0.5, -0.25])


def test_starting_before_joint_states_came_is_refused(bench: Bench) -> None:
    with pytest.raises(NotReadyError, match="no joint states"):
        bench.session.start(bench.now_ns)


def test_starting_on_stale_joint_states_is_refused(bench: Bench) -> None:
    bench.tick()
    with pytest.raises(ObservationRefused, match="ago"):
        bench.session.start(bench.now_ns + 1_000_000_000)


def test_starting_away_from_the_command_is_refused_until_a_reset(bench: Bench) -> None:
    bench.tick()
    bench.positions["elbow"] += 0.11
    bench.see()
    with pytest.raises(MotionRefused, match=r"Joint 'elbow' stands 0\.110 from the command; 0\.1 is allowed"):
        bench.session.start(bench.now_ns)
    assert not bench.session.wants_chunk
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)
    assert bench.session.wants_chunk


def test_joint_states_that_stop_coming_are_acted_on_within_a_tenth_of_a_second(bench: Bench) -> None:
    bench.run()
    last_ns = bench.now_ns - TICK_NS
    while bench.tick(sees=False).rung is not Rung.HOLD:
        assert bench.now_ns - last_ns <= 100_000_000
    assert_brakes_and_stays(bench, "stale")


@pytest.mark.parametrize(
    ("names", "positions", "reason"),
    [
        (("elbow", "shoulder"), [float("nan"), 0.5], "not_finite"),
        (("elbow", "shoulder"), [-0.25], "shape"),
        (("elbow", "shoulder", "elbow"), [-0.25, 0.5, 0.75], "shape"),
    ],
)
def test_joint_states_that_make_no_sense_brake_the_arm(
    bench: Bench, names: tuple[str, ...], positions: list[float], reason: str
) -> None:
    bench.run()
    bench.read(names, positions)
    assert bench.tick(sees=False).reason == reason
    assert not bench.session.is_well
    bench.tick(5, sees=False)
    assert_inside_limits(bench.contract, bench.commands())


def test_a_joint_that_never_comes_is_named_and_nothing_is_sent(bench: Bench) -> None:
    bench.read(("elbow", "wrist"), [0.0, 0.0])
    tick = bench.tick(sees=False)
    assert (tick.command, tick.reason) == (None, "joint")
    assert "shoulder" in bench.session.sentence


def test_a_joint_that_no_longer_comes_brakes_the_arm(bench: Bench) -> None:
    bench.run()
    for _ in range(12):
        bench.read(("elbow",), [bench.positions["elbow"]])
        tick = bench.tick(sees=False)
    assert (tick.rung, tick.reason) == (Rung.HOLD, "stale")
    assert "shoulder" in bench.session.sentence


def test_a_joint_outside_its_range_is_refused_and_nothing_is_sent(bench: Bench) -> None:
    bench.see(elbow=3.0)
    tick = bench.tick(sees=False)
    assert (tick.command, tick.reason) == (None, "limits")


def test_after_a_short_break_a_new_chunk_is_asked_for(bench: Bench) -> None:
    bench.run()
    bench.tick(20, sees=False)
    tick = bench.tick(2)
    assert tick.rung is Rung.TAIL
    assert tick.wanted_from_ns > 0
    assert_inside_limits(bench.contract, bench.commands())


def test_after_a_long_break_the_arm_holds_until_it_is_started(bench: Bench) -> None:
    bench.run()
    bench.tick(80, sees=False)
    assert bench.tick(5).reason == "stale"
    bench.session.start(bench.now_ns)
    assert bench.tick().rung is Rung.TAIL


def test_a_stop_ramps_to_rest_and_lasts_until_the_start(bench: Bench) -> None:
    bench.run()
    bench.session.stop("stopped")
    with pytest.raises(ChunkRefused, match="not asked for"):
        bench.offer()
    bench.tick(100)
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, "stopped")
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


def test_begin_places_the_command_where_the_arm_was_put(bench: Bench) -> None:
    bench.run()
    bench.session.stop("stopped")
    bench.tick(100)
    bench.see(shoulder=-1.0, elbow=1.0)
    command = bench.session.begin(bench.now_ns)
    np.testing.assert_array_equal(command.positions, [-1.0, 1.0])
    assert command.stamp_ns == bench.monitor.newest_ns


def test_begin_does_not_ask_how_the_arm_came_to_where_it_stands(bench: Bench) -> None:
    """A simulator's reset puts joints elsewhere at once: at a tick that is a leap, at a reset it is none."""
    bench.positions["shoulder"] = 1.9
    bench.tick()
    bench.see(shoulder=-1.9)
    with pytest.raises(ObservationRefused, match="other units"):
        bench.monitor.reading(bench.now_ns)
    np.testing.assert_array_equal(bench.session.begin(bench.now_ns).positions, [-1.9, -0.25])


def test_after_clear_nothing_is_sent_until_the_pose_is_known_anew(bench: Bench) -> None:
    bench.tick()
    bench.session.clear()
    bench.monitor.clear()
    assert bench.tick(sees=False).command is None


def test_the_youngest_message_about_a_joint_counts(bench: Bench) -> None:
    bench.see()
    late = JointReading(bench.now_ns - 1, ("elbow",), np.array([9.0]), NOTHING, NOTHING)
    bench.monitor.update(late)
    np.testing.assert_array_equal(bench.monitor.reading(bench.now_ns).positions, [0.5, -0.25])


def test_a_limiter_that_cannot_plan_silences_the_arm_until_it_begins_anew(tmp_path: Path) -> None:
    """Nothing is sent any more, so nothing is waited for either: a reset must not wait for rest that never comes."""
    bench = Bench(two_joints(tmp_path))
    bench.run()
    bench.gate.limiter._input.max_jerk = [0.0, 0.0]  # no limits of a real joint make Ruckig fail
    assert bench.tick().command is None
    assert bench.ticks[-1].rung is Rung.STOP
    assert bench.session.is_at_rest
    with pytest.raises(NotReadyError, match="call reset first"):
        bench.session.start(bench.now_ns)
