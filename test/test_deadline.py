"""A deadline is a moment on a clock that only goes forward; in lockstep the clock is a stated one."""

from __future__ import annotations

from qgf_ros.inference.deadline import Deadline, MonotonicClock, VirtualClock


def test_a_deadline_comes_nearer_as_its_clock_goes_on_and_then_lies_behind() -> None:
    clock = VirtualClock(100.0)
    deadline = Deadline.within(clock, budget_s=0.05, grace_s=0.02)
    clock.spend(0.03125)  # exact in binary
    assert deadline.left_s() == 100.05 - 100.03125
    clock.spend(0.03125)
    assert deadline.left_s() < 0.0 < deadline.useful_s()
    clock.spend(1.0)
    assert deadline.useful_s() < 0.0


def test_a_virtual_clock_stands_still_until_work_is_stated_and_never_goes_back() -> None:
    clock = VirtualClock()
    assert clock.now_s() == clock.now_s() == 0.0
    clock.spend(-1.0)
    assert clock.now_s() == 0.0
    clock.spend(0.25)
    assert clock.now_s() == 0.25


def test_the_machines_clock_never_goes_back() -> None:
    clock = MonotonicClock()
    times = [clock.now_s() for _ in range(1000)]
    assert times == sorted(times)
