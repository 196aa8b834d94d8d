"""What the command node does when its clock leaps or stands."""

from __future__ import annotations

from limit_checks import assert_inside_limits
from session_bench import TICK_NS, Bench

from qgf_ros.control.session import Tick
from qgf_ros.datatypes import Rung


def test_a_clock_that_goes_back_stops_the_arm_until_it_is_started(bench: Bench) -> None:
    """A simulator that begins anew has moved the arm by itself: nobody asked for motion from there."""
    bench.run()
    bench.now_ns -= 500_000_000
    bench.tick(100)
    assert bench.session.is_at_rest
    assert bench.ticks[-1].reason == "clock"
    assert not bench.session.wants_chunk
    assert_inside_limits(bench.contract, bench.commands())


def test_after_a_clock_went_back_the_arm_can_begin_anew(bench: Bench) -> None:
    bench.run()
    bench.now_ns -= 500_000_000
    bench.tick(3)
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)
    bench.offer()
    assert bench.tick().rung is Rung.CHUNK


def tick_with(bench: Bench, steady_ns: int) -> Tick:
    """A tick with joint states, in real time: with a steady clock beside the node's."""
    bench.see()
    bench.ticks.append(bench.session.tick(bench.now_ns, steady_ns))
    return bench.ticks[-1]


def test_a_clock_that_leaps_ahead_of_the_steady_one_stops_the_arm_until_it_is_started(bench: Bench) -> None:
    bench.run()
    tick_with(bench, 0)
    bench.now_ns += 600_000_000
    assert tick_with(bench, TICK_NS).reason == "clock"
    bench.tick(100)
    assert bench.ticks[-1].reason == "clock"
    assert_inside_limits(bench.contract, bench.commands())
    bench.session.start(bench.now_ns)
    bench.offer()
    assert bench.tick().rung is Rung.CHUNK


def test_a_clock_that_stands_brakes_the_arm_and_lets_it_go_on_when_it_goes_on(bench: Bench) -> None:
    """A simulation was paused: for the arm no time has passed, however long it took."""
    bench.run()
    reasons = [tick_with(bench, number * TICK_NS).reason for number in range(500)]
    assert reasons[:51] == [""] * 51
    assert set(reasons[51:]) == {"time_stopped"}
    assert bench.session.is_at_rest
    bench.now_ns += TICK_NS
    tick = tick_with(bench, 501 * TICK_NS)
    assert (tick.rung, tick.wanted_from_ns > 0) == (Rung.TAIL, True)
