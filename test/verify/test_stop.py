"""The closed form of the shortest stop against Ruckig's plan and against integration."""

from __future__ import annotations

import numpy as np
import pytest
import ruckig
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.verify.stop import shortest_stop

A, J = 10.0, 500.0
SPEEDS, STRENGTHS = st.floats(-3.0, 3.0), st.floats(-A, A)
SAME = 1e-7  # rad, s: of two ways to one result in double precision


def planned(v: float, a: float, jerk: float) -> tuple[float, list[float], list[float]]:
    """Ruckig's shortest stop from 0: how long it takes, and its positions and velocities, finely sampled."""
    wanted = ruckig.InputParameter(1)
    wanted.control_interface = ruckig.ControlInterface.Velocity
    wanted.max_acceleration, wanted.max_jerk = [A], [jerk]
    wanted.current_position, wanted.current_velocity, wanted.current_acceleration = [0.0], [v], [a]
    wanted.target_velocity = wanted.target_acceleration = [0.0]
    trajectory = ruckig.Trajectory(1)
    ruckig.Ruckig(1).calculate(wanted, trajectory)
    samples = [trajectory.at_time(time) for time in np.linspace(0.0, trajectory.duration, 2001)]
    return trajectory.duration, [entry[0][0] for entry in samples], [entry[1][0] for entry in samples]


@given(SPEEDS, STRENGTHS, st.floats(50.0, 5000.0))
def test_it_takes_as_long_and_goes_as_far_as_the_fastest_plan(v: float, a: float, jerk: float) -> None:
    stop = shortest_stop(0.0, v, a, A, jerk)
    seconds, positions, velocities = planned(v, a, jerk)
    between = seconds / 2000  # samples miss a turning point by half of it at most
    assert stop.seconds == pytest.approx(seconds, abs=SAME)
    assert stop.low == pytest.approx(min(positions), abs=SAME + A * between**2)
    assert stop.high == pytest.approx(max(positions), abs=SAME + A * between**2)
    assert stop.speed >= max(map(abs, velocities)) - SAME


@given(SPEEDS, STRENGTHS)
def test_a_mirrored_state_has_the_mirrored_stop(v: float, a: float) -> None:
    one, other = shortest_stop(0.5, v, a, A, J), shortest_stop(-0.5, -v, -a, A, J)
    assert (other.low, other.high) == (-one.high, -one.low)
    assert (other.seconds, other.speed) == (one.seconds, one.speed)


def test_at_rest_there_is_no_way_to_go() -> None:
    stop = shortest_stop(1.2, 0.0, 0.0, A, J)
    assert (stop.seconds, stop.low, stop.high, stop.speed) == (0.0, 1.2, 1.2, 0.0)


@given(SPEEDS, STRENGTHS)
def test_it_keeps_the_bound_that_the_safety_document_promises(v: float, a: float) -> None:
    """v^2 / 2a and the jerk's part: until the acceleration is gone, and for building up the braking one."""
    t = abs(a) / J
    w = abs(v) + a * a / (2 * J)
    bound = abs(v) * t + abs(a) ** 3 / (3 * J**2) + w * w / (2 * A) + w * A / (2 * J)
    stop = shortest_stop(0.0, v, a, A, J)
    assert max(stop.high, -stop.low) <= bound + SAME
