"""A deadline is a moment on a clock that only goes forward; in lockstep the clock is a stated one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints
from stalling_engine import StraightEngine

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.cost import WalkCost
from qgf_ros.inference.deadline import Budget, Deadline, MonotonicClock, VirtualClock
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.stated import StatedEngine

EXACT = 1e-12  # s: sums of a few floats


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


def test_an_engine_on_a_virtual_clock_takes_what_is_stated_asked_or_not_and_cut_short_less() -> None:
    clock, cost = VirtualClock(), WalkCost(fixed_s=0.001, critic_s=0.002, step_s=0.01, guided_s=0.1)
    engine = StatedEngine(StraightEngine(), clock, cost)
    walk, noise = SamplerConfig(10, weight=0.5).walk(), np.ones((1, 4), np.float32)
    spent = []
    for go_on in (None, lambda _step: True, lambda step: step < 3):
        began_s = clock.now_s()
        steps = engine.sample(Question(np.zeros(3, np.float32), noise, walk, go_on=go_on)).steps
        spent.append((steps, clock.now_s() - began_s))
    assert [steps for steps, _ in spent] == [10, 10, 3]
    assert [s for _, s in spent] == pytest.approx(
        [cost.of(10, 10), cost.of(10, 10), cost.of(3, 3)], abs=EXACT
    )


def test_a_demand_leaves_one_control_period_without_what_the_message_needs(tmp_path: Path) -> None:
    budget = Budget.of(two_joints(tmp_path), deadline_s=0.0, margin_s=0.005)
    assert (budget.within_s, budget.grace_s) == pytest.approx((0.045, 0.05), abs=EXACT)
    assert Budget.of(two_joints(tmp_path), 0.2, 0.005).within_s == pytest.approx(0.195, abs=EXACT)
    with pytest.raises(InvalidSetting, match=r"less than the deadline of 0\.05 s"):
        Budget.of(two_joints(tmp_path), 0.0, 0.05)


def test_with_a_delay_a_demand_leaves_the_time_until_the_chunk_takes_over(tmp_path: Path) -> None:
    def delayed(content: dict[str, Any]) -> None:
        content["deployment"]["chunks"] = {"mode": "real_time", "execution_horizon": 2, "delay": 2}

    budget = Budget.of(two_joints(tmp_path, delayed), deadline_s=0.0, margin_s=0.005)
    assert (budget.within_s, budget.grace_s) == pytest.approx((0.095, 0.05), abs=EXACT)


def test_a_demand_that_was_missed_or_is_not_yet_due_is_given_its_whole_time_anew() -> None:
    clock, budget = VirtualClock(), Budget(0.045, 0.05)
    assert budget.deadline(clock, 0.01, check_s=0.002).left_s() == pytest.approx(0.033, abs=EXACT)
    assert budget.deadline(clock, 0.02).left_s() == pytest.approx(0.025, abs=EXACT)
    for passed_s in (0.045, 7.0, -3.0):
        assert budget.deadline(clock, passed_s).left_s() == pytest.approx(0.045, abs=EXACT)
