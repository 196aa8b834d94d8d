"""What a chunk costs: fitted from walks, followed while running; an outlier is forgotten, a lasting slowdown counts."""

from __future__ import annotations

import pytest

from qgf_ros.flow.sampler import Estimator, Walk
from qgf_ros.inference.cost import KEPT, CostBook, RunningHigh, WalkCost, calibrate
from qgf_ros.inference.deadline import VirtualClock

KNOWN = WalkCost(fixed_s=0.002, critic_s=0.001, step_s=0.0005, guided_s=0.003)
EXACT = 1e-12  # s: sums of a few floats


class StatedEngine:
    """Takes what `KNOWN` says, times the number of candidates; its first walk is slow, as first walks are."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._is_warm = False
        self.walks: list[Walk] = []

    def sample(self, walk: Walk) -> None:
        self.walks.append(walk)
        self._clock.spend(walk.candidates * KNOWN.of(walk.steps, walk.guided_steps))
        if not self._is_warm:
            self._clock.spend(5.0)
        self._is_warm = True


def book() -> CostBook:
    return CostBook({1: KNOWN})


def slowed(book: CostBook, factor: float, times: int) -> None:
    for _ in range(times):
        book.note(0.01, 0.01 * factor, 0.0)


def test_calibration_finds_fixed_part_and_steps_and_leaves_warming_up_out() -> None:
    clock = VirtualClock()
    engine = StatedEngine(clock)
    found = calibrate(engine.sample, (4, 1, 4), 10, Estimator.NOISY, passes=3, clock=clock)
    assert list(found) == [1, 4]
    for count, cost in found.items():
        assert cost.fixed_s == pytest.approx(count * KNOWN.fixed_s, abs=1e-9)
        assert cost.critic_s == pytest.approx(count * KNOWN.critic_s, abs=1e-9)
        assert cost.step_s == pytest.approx(count * KNOWN.step_s, abs=1e-9)
        assert cost.guided_s == pytest.approx(count * KNOWN.guided_s, abs=1e-9)
    assert {walk.estimator for walk in engine.walks} == {Estimator.NOISY}


def test_a_walk_of_one_step_is_all_step() -> None:
    cost = WalkCost.fitted((0.002, 0.002), (0.005, 0.005), 1)
    assert cost == WalkCost(0.0, 0.0, 0.002, 0.005)


def test_noisy_measurements_never_make_a_negative_cost() -> None:
    cost = WalkCost.fitted(plain=(0.004, 0.003), guided=(0.002, 0.030), steps=10)
    assert min(cost.fixed_s, cost.critic_s, cost.step_s, cost.guided_s) >= 0.0


def test_the_parts_of_a_walk_add_up() -> None:
    assert KNOWN.of(10, 0) == pytest.approx(0.002 + 10 * 0.0005, abs=EXACT)
    assert KNOWN.of(10, 4) == pytest.approx(0.002 + 0.001 + 6 * 0.0005 + 4 * 0.003, abs=EXACT)
    assert KNOWN.of(0, 0) == KNOWN.fixed_s


def test_one_outlier_changes_no_plan() -> None:
    costs = book()
    before = costs.predict(1, 10, 10)
    slowed(costs, 100.0, times=1)
    assert costs.predict(1, 10, 10) == before
    slowed(costs, 1.0, times=3)
    slowed(costs, 100.0, times=1)
    assert costs.predict(1, 10, 10) == before


def test_a_lasting_slowdown_counts_after_three_chunks_and_is_forgotten_after_twenty() -> None:
    costs = book()
    slowed(costs, 3.0, times=3)
    assert costs.slowdown == 3.0
    assert costs.at_present(1).guided_s == pytest.approx(3.0 * KNOWN.guided_s, abs=EXACT)
    slowed(costs, 1.0, times=KEPT)
    assert costs.slowdown == 1.0


def test_a_machine_faster_than_at_configure_is_believed_when_nearly_all_chunks_say_so() -> None:
    costs = book()
    slowed(costs, 0.5, times=KEPT // 2)
    assert costs.slowdown == 1.0
    slowed(costs, 0.5, times=KEPT // 2)
    assert costs.slowdown == 0.5


def test_what_is_never_tried_is_believed_to_be_as_calibrated_again_after_a_while() -> None:
    costs = book()
    slowed(costs, 1000.0, times=KEPT)
    for _ in range(KEPT - 1):
        costs.untried()
    assert costs.slowdown == 1.0


def test_time_outside_of_the_engine_is_followed_apart_from_it() -> None:
    costs = book()
    for _ in range(KEPT):
        costs.note(0.01, 0.01, 0.004)
    assert (costs.slowdown, costs.outside_s) == (1.0, 0.004)
    assert costs.predict(1, 10, 10) == pytest.approx(0.004 + KNOWN.of(10, 10), abs=EXACT)


def test_waiting_within_a_walk_is_added_to_every_walk_and_makes_no_step_slower() -> None:
    costs = book()
    for _ in range(KEPT):
        costs.note(0.01, 0.05, 0.001, step_ratio=1.0)
    assert (costs.slowdown, costs.outside_s, costs.waiting_s) == (1.0, 0.001, pytest.approx(0.04, abs=EXACT))
    assert costs.predict(1, 3, 1) == pytest.approx(0.041 + KNOWN.of(3, 1), abs=EXACT)


def test_slower_steps_make_every_step_slower_and_are_no_waiting() -> None:
    costs = book()
    for _ in range(KEPT):
        costs.note(0.01, 0.03, 0.0, step_ratio=3.0)
    assert (costs.slowdown, costs.waiting_s) == (3.0, pytest.approx(0.0, abs=EXACT))


def test_free_walks_leave_the_slowdown_alone() -> None:
    costs = CostBook({1: WalkCost(0.0, 0.0, 0.0, 0.0)})
    costs.note(0.0, 0.0, 0.0)
    assert (costs.slowdown, costs.predict(1, 10, 10)) == (1.0, 0.0)


def test_a_running_quantile_is_never_negative() -> None:
    high = RunningHigh(0.0)
    for _ in range(KEPT):
        high.add(-1.0)
    assert high.value == 0.0
