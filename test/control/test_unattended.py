"""What the robot does when its command node dies: the plan for a while, then the shortest stop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limiter_bench import (
    AT_REST,
    JOINTS,
    LOWER,
    TICK_S,
    UPPER,
    Script,
    assert_within,
    joint_limits,
    limiter,
    play,
    starts,
    stretches,
)

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.stops import Stops
from qgf_ros.control.unattended import Unattended
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.limit_watch import stopping_distance

GOES_ON_TICKS = 5
GOES_ON_S = GOES_ON_TICKS * TICK_S
ROUNDING = 1e-9


def unattended(made: JointLimiter, limits: JointLimits, places: tuple[int, ...] = (0, 1)) -> Unattended:
    stops = Stops(JOINTS, dict.fromkeys(JOINTS, limits), TICK_S)
    return Unattended(made, stops, GOES_ON_TICKS, list(places))


@given(limits=joint_limits(), start=starts, script=stretches)
def test_it_ends_at_rest_inside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: Script
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    play(made, script)
    left = unattended(made, limits)
    count = int(left.seconds / TICK_S) + 2
    motions = left.motions(np.arange(1, count + 1) * TICK_S)
    assert_within([made.state, *motions], limits)
    assert np.abs(motions[-1].velocities).max() < AT_REST
    assert np.abs(motions[-1].accelerations).max() < AT_REST


@given(limits=joint_limits(), start=starts, script=stretches, cap=st.floats(min_value=0.02, max_value=1.0))
def test_it_leads_no_further_than_a_stop_after_a_control_period(
    limits: JointLimits,
    start: tuple[float, float],
    script: Script,
    cap: float,
) -> None:
    """However slow the path is, on which the plan alone would lead on and on."""
    made = limiter(limits)
    made.reset(np.array(start))
    play(made, script)
    made.step(np.array([0.5, -0.5]), np.full(2, cap * limits.velocity))
    left = unattended(made, limits)
    way, going = (
        left.motions(np.linspace(0.0, left.seconds, 200)),
        left.motions(np.linspace(0.0, GOES_ON_S, 51)),
    )
    moved = np.abs([motion.positions - made.state.positions for motion in way]).max(axis=0)
    speeds = np.abs([motion.velocities for motion in going]).max(axis=0)
    for joint, acceleration in enumerate(going[-1].accelerations):
        bound = stopping_distance(speeds[joint], acceleration, limits, GOES_ON_S)
        assert moved[joint] <= bound + ROUNDING


def test_for_a_control_period_it_is_the_plan() -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.zeros(2))
    made.step(np.array([1.0, -0.5]))
    times = np.arange(6) * TICK_S
    for planned, motion in zip(made.to_rest(times), unattended(made, limits).motions(times), strict=True):
        np.testing.assert_array_equal(planned.positions, motion.positions)


def test_a_plan_that_ends_sooner_is_followed_to_its_end() -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.zeros(2))
    made.step(np.array([1e-4, 0.0]))
    left = unattended(made, limits)
    assert left.seconds == pytest.approx(made.seconds_to_rest)
    assert left.seconds < GOES_ON_S
    [end] = left.motions(np.array([1.0]))
    np.testing.assert_allclose(end.positions, [1e-4, 0.0], atol=ROUNDING)


def test_after_ticks_that_were_not_served_the_command_goes_on_where_the_controller_is() -> None:
    """A trajectory controller follows the last plan meanwhile: a command that waited would throw the arm back."""
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    served, late = limiter(limits), limiter(limits)
    for made in (served, late):
        made.reset(np.zeros(2))
        play(made, [((1.0, -0.5), 20)])
    expected = play(served, [((1.0, -0.5), 6)])[-1]
    unattended(late, limits).follow(5)
    found = play(late, [((1.0, -0.5), 1)])[-1]
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-9)
    np.testing.assert_allclose(found.velocities, expected.velocities, atol=1e-9)


def test_after_a_long_while_the_arm_rests() -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.zeros(2))
    play(made, [((1.0, -0.5), 20)])
    unattended(made, limits).follow(100_000)
    assert np.abs([made.state.velocities, made.state.accelerations]).max() < AT_REST


def test_without_a_plan_there_is_nothing_to_follow() -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = limiter(limits)
    made.reset(np.array([0.2, 0.3]))
    unattended(made, limits).follow(5)
    np.testing.assert_array_equal(made.state.positions, [0.2, 0.3])


def moving_apart(limits: JointLimits) -> JointLimiter:
    made = limiter(limits)
    made.reset(np.zeros(2))
    play(made, [((1.0, -1.0), 20)])
    return made


@pytest.mark.parametrize("ticks", [1, GOES_ON_TICKS])
def test_within_a_control_period_a_joint_whose_controller_holds_goes_on_from_its_last_command(
    ticks: int,
) -> None:
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = moving_apart(limits)
    left, before = unattended(made, limits, (1,)), made.state
    [after] = left.motions(np.array([ticks * TICK_S]))
    left.follow(ticks)
    for found, held, went_on in zip(*map(values, (made.state, before, after)), strict=True):
        np.testing.assert_array_equal(found, [held[0], went_on[1]])


@pytest.mark.parametrize("ticks", [GOES_ON_TICKS + 1, 100])
def test_after_a_longer_stall_a_joint_whose_controller_holds_begins_there_at_rest(ticks: int) -> None:
    """It has stood for a while: at its old velocity it would be thrown on."""
    limits = JointLimits(LOWER, UPPER, 1.0, 5.0, 100.0)
    made = moving_apart(limits)
    left, before = unattended(made, limits, (1,)), made.state
    [after] = left.motions(np.array([ticks * TICK_S]))
    left.follow(ticks)
    assert left.is_stall(ticks)
    np.testing.assert_array_equal(made.state.positions, [before.positions[0], after.positions[1]])
    assert (made.state.velocities[0], made.state.accelerations[0]) == (0.0, 0.0)
    assert (made.state.velocities[1], made.state.accelerations[1]) == (
        after.velocities[1],
        after.accelerations[1],
    )


@given(limits=joint_limits(), start=starts, script=stretches, ticks=st.integers(1, 40), going=st.booleans())
def test_whatever_was_missed_commands_stay_inside_the_limits(
    limits: JointLimits, start: tuple[float, float], script: Script, ticks: int, going: bool
) -> None:
    made = limiter(limits)
    made.reset(np.array(start))
    play(made, script)
    unattended(made, limits, (1,) if going else ()).follow(ticks)
    assert_within(play(made, [*script, (None, 200)]), limits)


def values(motion: Motion) -> tuple[FloatArray, FloatArray, FloatArray]:
    return motion.positions, motion.velocities, motion.accelerations
