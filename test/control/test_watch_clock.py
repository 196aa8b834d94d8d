"""Clocks that go back, leap or stand are found; slow and fast ones, and pauses of the process, are not."""

from __future__ import annotations

import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from watched import SECOND_NS, TICK_NS

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_clock import ClockState, ClockWatch


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints that nothing keeps from moving."""
    return two_joints(tmp_path_factory.mktemp("watches"))


@given(steps=st.lists(st.integers(0, 100_000_000), min_size=1), rate=st.floats(0.1, 5.0))
def test_a_clock_that_runs_slow_or_fast_beside_the_steady_one_is_fine(steps: list[int], rate: float) -> None:
    watch, now, steady = ClockWatch(), SECOND_NS, 7 * SECOND_NS
    for step in steps:
        now, steady = now + max(1, round(rate * step)), steady + step
        assert watch.look(now, steady) is ClockState.FINE


@pytest.mark.parametrize("steady", [None, 3 * SECOND_NS])
def test_a_clock_that_goes_back_is_found_with_or_without_a_steady_one(steady: int | None) -> None:
    watch = ClockWatch()
    watch.look(SECOND_NS, steady)
    assert watch.look(SECOND_NS - 51_000_000, steady) is ClockState.BACK
    assert watch.look(SECOND_NS - 41_000_000, steady) is ClockState.FINE


def test_a_leap_ahead_is_told_from_a_pause_of_the_process(contract: Contract) -> None:
    watch = ClockWatch()
    watch.look(SECOND_NS, 0)
    assert watch.look(5 * SECOND_NS, 4 * SECOND_NS) is ClockState.FINE
    assert watch.look(6 * SECOND_NS, 4 * SECOND_NS + TICK_NS) is ClockState.AHEAD
    assert watch.look(6 * SECOND_NS + TICK_NS, 4 * SECOND_NS + 2 * TICK_NS) is ClockState.FINE


@pytest.mark.parametrize("leap_ns", [60_000_000, 400_000_000, 2 * SECOND_NS, -70_000_000])
def test_every_leap_is_counted_that_is_more_than_a_clock_set_right(leap_ns: int) -> None:
    """Also one that nothing follows from: else it would look like ticks that were missed."""
    watch = ClockWatch()
    watch.look(SECOND_NS, 0)
    watch.look(SECOND_NS + TICK_NS + 40_000_000, TICK_NS)
    assert watch.leaps == 0
    watch.look(SECOND_NS + 2 * TICK_NS + 40_000_000 + leap_ns, 2 * TICK_NS)
    watch.look(SECOND_NS + 3 * TICK_NS + 40_000_000 + leap_ns, 3 * TICK_NS)
    assert watch.leaps == 1


def test_a_clock_that_stands_is_found_after_half_a_second_and_forgiven_when_it_goes_on() -> None:
    watch = ClockWatch()
    states = [watch.look(SECOND_NS, tick * TICK_NS) for tick in range(60)]
    assert states == [ClockState.FINE] * 51 + [ClockState.STANDING] * 9
    assert watch.look(SECOND_NS + 1, 60 * TICK_NS) is ClockState.FINE
