"""What the command node does when its clock leaps or stands."""

from __future__ import annotations

from limit_checks import assert_inside_limits
from session_bench import Bench

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
