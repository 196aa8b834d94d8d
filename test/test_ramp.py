"""A changed guidance weight: how it comes into force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.inference.ramp import WeightRamp

SECOND = 1_000_000_000
weights = st.floats(0.0, 10.0)


@given(weights, st.integers(0, 10**12))
def test_without_a_change_the_weight_is_what_was_set(weight: float, stamp_ns: int) -> None:
    ramp = WeightRamp(weight, ramp_s=1.0)
    assert [ramp.advance(stamp_ns + index * SECOND) for index in range(3)] == [weight] * 3


def test_a_change_is_reached_in_a_straight_line_over_the_stated_time() -> None:
    ramp = WeightRamp(0.0, ramp_s=2.0)
    ramp.advance(10 * SECOND)
    ramp.set(4.0)
    assert [ramp.advance(10 * SECOND + part * SECOND // 2) for part in range(1, 6)] == [
        1.0,
        2.0,
        3.0,
        4.0,
        4.0,
    ]


def test_a_change_during_a_ramp_goes_on_from_where_the_weight_is() -> None:
    ramp = WeightRamp(0.0, ramp_s=2.0)
    ramp.advance(0)
    ramp.set(4.0)
    assert ramp.advance(SECOND) == 2.0
    ramp.set(0.0)
    assert ramp.advance(2 * SECOND) == 1.0
    assert ramp.advance(3 * SECOND) == 0.0


@given(weights, weights, st.lists(st.integers(0, 4 * SECOND), min_size=1))
def test_the_weight_stays_between_old_and_new_whatever_the_stamps(
    old: float, new: float, stamps: list[int]
) -> None:
    ramp = WeightRamp(old, ramp_s=1.0)
    ramp.advance(2 * SECOND)
    ramp.set(new)
    assert all(min(old, new) <= ramp.advance(stamp) <= max(old, new) for stamp in stamps)


def test_before_the_first_chunk_a_change_is_in_force_at_once() -> None:
    ramp = WeightRamp(0.0, ramp_s=2.0)
    ramp.set(4.0)
    assert ramp.advance(7 * SECOND) == 4.0


def test_a_new_episode_begins_with_the_weight_that_is_set() -> None:
    ramp = WeightRamp(0.0, ramp_s=2.0)
    ramp.advance(0)
    ramp.set(4.0)
    ramp.settle()
    assert ramp.advance(1) == 4.0


@pytest.mark.parametrize("target", [0.0, 3.0])
def test_a_ramp_of_no_time_is_a_step(target: float) -> None:
    ramp = WeightRamp(1.0, ramp_s=0.0)
    ramp.advance(5)
    ramp.set(target)
    assert ramp.advance(6) == target
