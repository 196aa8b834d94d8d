"""No command outside position, velocity, acceleration or jerk limits, whatever targets come, and a stop is always possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limiter_bench import (
    AT_REST,
    LOWER,
    TICK_S,
    UPPER,
    assert_within,
    joint_limits,
    limiter,
    play,
    stacked,
    starts,
    stretches,
)

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import START_TOLERANCE
from qgf_ros.errors import LimiterError, ObservationRefused


@settings(max_examples=100)
@given(limits=joint_limits(), start=starts, script=stretches)
def test_no_sequence_of_targets_and_stops_leads_outside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: list[tuple[tuple[float, float] | None, int]]
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    assert_within(play(made, script), limits)


@given(limits=joint_limits(), start=starts, script=stretches)
def test_a_new_target_every_tick_stays_inside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: list[tuple[tuple[float, float] | None, int]]
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    assert_within(play(made, [(target, 1) for target, _ in script] * 8), limits)


@given(limits=joint_limits(), start=starts, script=stretches)
def test_braking_ends_at_rest_inside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: list[tuple[tuple[float, float] | None, int]]
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    play(made, script)
    longest_s = limits.velocity / limits.acceleration + 2 * limits.acceleration / limits.jerk
    stop = play(made, [(None, int(longest_s / TICK_S) + 3)])
    assert_within(stop, limits)
    assert np.abs(stop[-1].velocities).max() < AT_REST
    assert np.abs(stop[-1].accelerations).max() < AT_REST
    resting = play(made, [(None, 5)])
    np.testing.assert_allclose(resting[-1].positions, stop[-1].positions, atol=AT_REST)


@given(limits=joint_limits(), start=starts, script=stretches)
def test_the_planned_rest_of_a_motion_ends_at_rest_inside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: list[tuple[tuple[float, float] | None, int]]
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    play(made, script)
    count = int(made.seconds_to_rest / TICK_S) + 2
    planned = made.to_rest(np.arange(1, count + 1) * TICK_S)
    assert_within([made.state, *planned], limits)
    assert np.abs(planned[-1].velocities).max() < AT_REST
    assert np.abs(planned[-1].accelerations).max() < AT_REST


def test_the_plan_is_what_the_next_ticks_do() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.zeros(2))
    target = np.array([1.0, -0.5])
    made.step(target)
    planned = made.to_rest(np.array([1.0, 2.0, 3.0]) * TICK_S)
    played = [made.step(target)[0] for _ in range(3)]
    for before, after in zip(planned, played, strict=True):
        np.testing.assert_allclose(before.positions, after.positions, atol=1e-12)
        np.testing.assert_allclose(before.velocities, after.velocities, atol=1e-12)


def test_a_target_inside_is_reached_exactly_and_kept() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.array([0.3, 0.3]))
    target = np.array([1.2, -0.9])
    motion = play(made, [((1.2, -0.9), 400)])[-1]
    np.testing.assert_allclose(motion.positions, target, atol=1e-12)
    np.testing.assert_array_equal(motion.velocities, np.zeros(2))
    assert made.seconds_to_rest == 0.0


def test_targets_outside_are_counted_and_end_at_the_edge() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.zeros(2))
    assert made.step(np.array([9.0, 0.0]))[1] == 1
    assert made.step(np.array([9.0, -9.0]))[1] == 2
    np.testing.assert_allclose(play(made, [((9.0, -9.0), 400)])[-1].positions, [UPPER, LOWER], atol=1e-12)


def test_a_target_that_is_no_number_brakes_every_joint_and_is_counted() -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.zeros(2))
    moving = play(made, [((1.0, 1.0), 20)])
    assert moving[-1].velocities.min() > 0.1
    motion, outside = made.step(np.array([np.nan, 1.0]))
    assert outside == 1
    braking = play(made, [((np.nan, 1.0), 100)])
    assert_within([*moving, motion, *braking[1:]], limits)
    assert np.abs(braking[-1].velocities).max() < AT_REST


def test_an_infinite_target_is_one_outside() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.zeros(2))
    assert made.step(np.array([np.inf, -np.inf]))[1] == 2
    np.testing.assert_allclose(
        play(made, [((np.inf, -np.inf), 400)])[-1].positions, [UPPER, LOWER], atol=1e-12
    )


def test_a_plan_that_cannot_be_made_becomes_a_stop_and_is_counted() -> None:
    made = limiter(JointLimits(-1e12, 1e12, 1e-9, 1e-9, 1e-9))
    made.reset(np.zeros(2))
    motion, outside = made.step(np.array([1e12, 0.0]))
    assert outside == 1
    np.testing.assert_array_equal(motion.positions, np.zeros(2))


def test_limits_under_which_nothing_can_stop_give_one_sentence() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, -5.0, 100.0))
    made.reset(np.zeros(2))
    with pytest.raises(LimiterError, match=r"No stop can be planned for one, two \(.*deployment\.limits"):
        made.brake()


@given(excess=st.floats(0.0, START_TOLERANCE * 0.999), side=st.sampled_from([LOWER, UPPER]))
def test_a_start_a_little_outside_begins_at_the_edge(excess: float, side: float) -> None:
    """Sensors are noisy, and a closed gripper often reads a little more than closed."""
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.array([side + np.sign(side) * excess, 0.0]))
    np.testing.assert_array_equal(made.state.positions, [side, 0.0])
    assert_within(play(made, [(None, 3), ((3.0, -3.0), 20), (None, 20)]), limits)


@pytest.mark.parametrize("position", [UPPER + 0.011, LOWER - 0.011, 100.0, np.nan, np.inf])
def test_a_start_outside_or_that_is_no_number_is_refused_and_nothing_changes(position: float) -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.array([0.5, 0.5]))
    with pytest.raises(ObservationRefused, match=r"two stands at .*, outside its range -1 to 1\.5") as caught:
        made.reset(np.array([0.0, position]))
    assert caught.value.reason == "limits"
    np.testing.assert_array_equal(made.state.positions, [0.5, 0.5])


def test_a_reset_in_full_motion_forgets_it() -> None:
    made = limiter(JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0))
    made.reset(np.zeros(2))
    play(made, [((1.0, 1.0), 20)])
    made.reset(np.array([0.2, 0.2]))
    assert made.seconds_to_rest == 0.0
    for motion in made.to_rest(np.array([0.01, 1.0])):
        np.testing.assert_array_equal(motion.positions, [0.2, 0.2])
    np.testing.assert_array_equal(play(made, [(None, 5)])[-1].positions, [0.2, 0.2])


def test_each_joint_moves_as_if_it_were_alone() -> None:
    """Time-synchronised joints would slow one another down; the position law above needs that they do not."""
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    both, still = limiter(limits), limiter(limits)
    both.reset(np.zeros(2))
    still.reset(np.zeros(2))
    first = stacked(play(both, [((0.1, 1.5), 60)]))[0][:, 0]
    alone = stacked(play(still, [((0.1, 0.0), 60)]))[0][:, 0]
    np.testing.assert_array_equal(first, alone)
