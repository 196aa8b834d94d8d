"""What the command node does about a frozen sensor, and about faults that others find around it."""

from __future__ import annotations

import numpy as np
import pytest
from limit_checks import assert_inside_limits
from session_bench import TICK_NS, Bench

from qgf_ros.datatypes import Finding, JointReading, Rung, Verdict
from qgf_ros.errors import ObservationRefused

SENTENCE = "Someone else publishes commands."


def freeze(bench: Bench, ticks: int) -> None:
    """Joint states go on coming, with the positions of now."""
    names, positions = tuple(bench.positions), list(bench.positions.values())
    for _ in range(ticks):
        bench.read(names, positions)
        bench.tick(sees=False)


def test_a_sensor_that_freezes_in_motion_brakes_the_arm_within_a_tenth_of_a_second(bench: Bench) -> None:
    bench.run()
    frozen_ns = bench.now_ns
    freeze(bench, 13)
    held_ns = next(tick.command.stamp_ns for tick in bench.ticks if tick.command and tick.reason == "frozen")
    assert held_ns - frozen_ns <= 100_000_000 + TICK_NS
    assert "Joint 'shoulder', Joint 'elbow' stays the same" in bench.session.sentence
    freeze(bench, 80)
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, "frozen")
    assert bench.session.is_at_rest
    assert_inside_limits(bench.contract, bench.commands())


def test_a_sensor_that_thaws_soon_lets_the_arm_go_on(bench: Bench) -> None:
    bench.run()
    freeze(bench, 20)
    assert bench.ticks[-1].reason == "frozen"
    tick = bench.tick(2)
    assert (tick.rung, tick.wanted_from_ns > 0) == (Rung.TAIL, True)


def freeze_away(bench: Bench) -> dict[str, float]:
    """The sensor of the shoulder freezes; the command comes to rest further from there than a start allows. What it says."""
    bench.run()
    frozen = bench.positions | {"shoulder": bench.positions["shoulder"] - 0.15}
    for _ in range(100):
        bench.read(tuple(frozen), list(frozen.values()))
        bench.tick(sees=False)
    assert "frozen" in {tick.reason for tick in bench.ticks}
    return frozen


def test_with_a_sensor_that_froze_elsewhere_start_and_reset_are_refused_until_it_changes(
    bench: Bench,
) -> None:
    """The command rests where the arm is; at the sensor's value it would be a leap."""
    freeze_away(bench)
    for wants in (bench.session.start, bench.session.begin):
        with pytest.raises(ObservationRefused, match="stays the same"):
            wants(bench.now_ns)
    bench.tick()
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)


def test_with_a_sensor_that_froze_elsewhere_activating_anew_places_no_command(bench: Bench) -> None:
    frozen = freeze_away(bench)
    bench.session.clear()
    bench.see(**frozen)
    tick = bench.tick(sees=False)
    assert (tick.command, tick.reason) == (None, "frozen")
    assert bench.tick().command is not None


def test_a_sensor_that_froze_near_the_command_can_be_reset(bench: Bench) -> None:
    """As where the arm itself is stuck, or the encoder coarse: the command goes no further than a start allows."""
    bench.tick()
    bench.session.start(bench.now_ns)
    bench.offer(np.full((4, 2), 0.02))
    bench.tick(2)
    freeze(bench, 100)
    with pytest.raises(ObservationRefused, match="stays the same"):
        bench.session.start(bench.now_ns)
    bench.session.begin(bench.now_ns)
    freeze(bench, 30)  # the command rests there, and so does the arm
    assert bench.ticks[-1].reason == "not started"
    bench.session.start(bench.now_ns)


def test_an_arm_at_rest_with_quantised_encoders_is_left_alone(bench: Bench) -> None:
    bench.tick(200)
    assert {tick.reason for tick in bench.ticks} == {"not started"}


def test_a_fault_that_somebody_else_finds_holds_the_arm_while_it_lasts(bench: Bench) -> None:
    bench.run()
    bench.session.suspend("second_publisher", SENTENCE)
    tick = bench.tick(10)
    assert (tick.rung, tick.reason) == (Rung.HOLD, "second_publisher")
    assert tick.findings == (Finding(Verdict.HOLD, "second_publisher"),)
    assert bench.session.sentence == SENTENCE
    with pytest.raises(ObservationRefused, match="Someone else"):
        bench.session.start(bench.now_ns)
    bench.session.unsuspend("second_publisher")
    assert bench.tick().rung is Rung.TAIL


def test_after_a_fault_that_lasted_long_motion_needs_a_start(bench: Bench) -> None:
    bench.run()
    bench.session.suspend("qos", SENTENCE)
    bench.tick(80)
    bench.session.unsuspend("qos")
    assert bench.tick(5).reason == "qos"
    assert bench.session.is_well
    bench.session.start(bench.now_ns)
    bench.offer()
    assert bench.tick().rung is Rung.CHUNK


def test_of_two_faults_one_that_is_gone_does_not_let_the_arm_go_on(bench: Bench) -> None:
    bench.run()
    bench.session.suspend("qos", SENTENCE)
    bench.session.suspend("second_publisher", SENTENCE)
    bench.tick()
    bench.session.unsuspend("qos")
    assert bench.tick().reason == "second_publisher"


def test_a_stamp_in_the_future_does_not_wait_behind_a_fault_that_somebody_else_finds(bench: Bench) -> None:
    """Once its time had come, an old position would look new."""
    bench.run()
    bench.session.suspend("second_publisher", SENTENCE)
    ahead_ns = bench.now_ns + 300_000_000
    names, positions = tuple(bench.positions), np.array(list(bench.positions.values()))
    bench.monitor.update(JointReading(ahead_ns, names, positions, np.zeros(0), np.zeros(0)))
    bench.tick(30)
    assert bench.ticks[-1].reason == "second_publisher"
    assert (bench.monitor.ages_s(bench.now_ns) >= 0.0).all()
    assert bench.monitor.newest_ns <= bench.now_ns
