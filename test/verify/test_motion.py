"""The bounds on what may follow a command: every motion with bounded jerk keeps them, and some motion reaches them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits
from qgf_ros.verify.motion import ROUNDING, STEP, outside, unreachable
from qgf_ros.verify.tool import BoxWatch
from qgf_ros.verify.violation import What

J, T = 400.0, 0.01
State = tuple[float, float, float]
BOX = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
LIMITS = JointLimits(lower=-1.0, upper=2.0, velocity=1.5, acceleration=8.0, jerk=J)


def moved(state: State, jerks: list[float]) -> State:
    """The state after equal parts of a tick at these jerks: an exact integration."""
    q, v, a = state
    t = T / len(jerks)
    for jerk in jerks:
        q, v, a = q + v * t + a * t**2 / 2 + jerk * t**3 / 6, v + a * t + jerk * t**2 / 2, a + jerk * t
    return q, v, a


STATES = st.tuples(st.floats(-1, 2), st.floats(-1.5, 1.5), st.floats(-8, 8))


@given(STATES, st.lists(st.floats(-J, J), min_size=1, max_size=40))
def test_a_motion_with_bounded_jerk_is_never_refused(state: State, jerks: list[float]) -> None:
    assert unreachable("joint", J, T, state, moved(state, jerks)) == []


@given(STATES)
def test_the_bound_of_the_velocity_is_reached(state: State) -> None:
    q, v, a = moved(state, [J, -J])
    assert unreachable("joint", J, T, state, (q, v, a)) == []
    beyond = v + 2 * ROUNDING + 1e-3 * J * T**2
    assert unreachable("joint", J, T, state, (q, beyond, a))[0][0] is What.CONSISTENT


@pytest.mark.parametrize(
    ("place", "off"), [(0, 1.01 * J * T**3 * STEP), (1, 0.26 * J * T**2), (2, 1.01 * J * T)]
)
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_what_no_bounded_jerk_can_do_is_found(place: int, off: float, side: float) -> None:
    state = [0.1, 0.2, 1.0]
    after = list(moved((0.1, 0.2, 1.0), [0.0]))
    after[place] += side * off
    found = [entry[0] for entry in unreachable("joint", J, T, tuple(state), tuple(after))]  # type: ignore[arg-type]
    assert found[0] is (What.JERK if place == 2 else What.CONSISTENT)


def test_values_on_a_limit_are_inside_and_those_beyond_are_named() -> None:
    assert outside("joint", LIMITS, 2.0, -1.5, 8.0) == []
    kinds = [entry[0] for entry in outside("joint", LIMITS, -1.001, 1.501, -8.001)]
    assert kinds == [What.POSITION, What.VELOCITY, What.ACCELERATION]


def test_a_tool_inside_its_box_must_stay_there() -> None:
    watch = BoxWatch()
    assert watch.allows((0.5, 0.0, 0.0), BOX)
    assert watch.allows((1.0, 0.0, 0.0), BOX)
    assert not watch.allows((1.001, 0.0, 0.0), BOX)


def test_a_tool_that_was_placed_outside_may_stay_and_come_back_but_not_leave_again() -> None:
    watch = BoxWatch()
    assert all(watch.allows((x, 0.0, 0.0), BOX) for x in (1.5, 1.5, 1.3))
    assert not watch.allows((1.4, 0.0, 0.0), BOX)
    assert watch.allows((0.9, 0.0, 0.0), BOX)
    assert not watch.allows((1.1, 0.0, 0.0), BOX)
    watch.forget()
    assert watch.allows((1.1, 0.0, 0.0), BOX)
