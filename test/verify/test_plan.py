"""What a sent trajectory may do: every limited motion passes however it is sampled, and what no such motion does is found."""

from __future__ import annotations

import ruckig
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits
from qgf_ros.verify.plan import SHORTEST_S, Point, check_plan, is_resting

LIMITS = JointLimits(lower=-3.0, upper=3.0, velocity=2.0, acceleration=10.0, jerk=500.0)
TICK_NS = 10_000_000


def motion(target: float, begun_s: float) -> ruckig.Trajectory:
    """Ruckig's fastest motion from 0 to a target: to be sampled from `begun_s` on."""
    wanted = ruckig.InputParameter(1)
    wanted.max_velocity, wanted.max_acceleration, wanted.max_jerk = [2.0], [10.0], [500.0]
    wanted.current_position = wanted.current_velocity = wanted.current_acceleration = [0.0]
    wanted.target_position, wanted.target_velocity, wanted.target_acceleration = [target], [0.0], [0.0]
    trajectory = ruckig.Trajectory(1)
    ruckig.Ruckig(1).calculate(wanted, trajectory)
    return trajectory


def points(trajectory: ruckig.Trajectory, begun_s: float) -> tuple[list[Point], float]:
    """The rest of a motion as it is sent, and the acceleration that it begins with."""
    left, sampled = trajectory.duration - begun_s, 0.0
    times = []
    while sampled < left - SHORTEST_S:
        times.append(sampled)
        sampled = 0.02 * len(times)
    rows = [(time, *trajectory.at_time(begun_s + time)) for time in (*times, left)]
    found = [Point((q[0],), (v[0],), TICK_NS + round(time * 1e9)) for time, q, v, _ in rows]
    found[-1] = Point(found[-1].positions, (0.0,), found[-1].time_ns)
    return found, rows[0][3][0]


TARGETS = st.floats(0.01, 2.9) | st.floats(-2.9, -0.01)
SHARES = st.floats(0.0, 0.99)


def check(plan: list[Point], acceleration: float) -> list[object]:
    return list(check_plan("topic", ["joint"], plan, [acceleration], [LIMITS], TICK_NS))


@given(TARGETS, SHARES)
def test_a_limited_motion_passes_wherever_it_is_sampled(target: float, share: float) -> None:
    trajectory = motion(target, 0.0)
    plan, acceleration = points(trajectory, share * (trajectory.duration - 2 * SHORTEST_S))
    assert check(plan, acceleration) == []


@given(TARGETS, st.floats(0.0, 0.8), st.floats(0.7, 0.93))
def test_the_same_way_in_less_time_does_not(target: float, share: float, faster: float) -> None:
    """At half of its duration a fastest motion is at a limit, whichever it is: nobody goes there sooner."""
    trajectory = motion(target, 0.0)
    plan, acceleration = points(trajectory, share * trajectory.duration / 2)
    sooner = [
        Point(point.positions, point.velocities, TICK_NS + round((point.time_ns - TICK_NS) * faster))
        for point in plan
    ]
    assert check(sooner, acceleration)


@given(TARGETS, SHARES, st.integers(1, 100), st.sampled_from([-1.0, 1.0]))
def test_a_point_beside_the_way_does_not(target: float, share: float, number: int, side: float) -> None:
    trajectory = motion(target, 0.0)
    plan, acceleration = points(trajectory, share * (trajectory.duration - 2 * SHORTEST_S))
    place = number % len(plan)
    off = side * 10.0 * 0.0201**2  # more than twice what acceleration can do between two points
    moved = Point((plan[place].positions[0] + off,), plan[place].velocities, plan[place].time_ns)
    assert len(plan) == 1 or check([*plan[:place], moved, *plan[place + 1 :]], acceleration)


@given(TARGETS, st.floats(0.0, 1.0))
def test_what_is_left_out_at_the_end_of_a_motion_is_next_to_rest(target: float, share: float) -> None:
    trajectory = motion(target, 0.0)
    _, velocity, acceleration = trajectory.at_time(trajectory.duration - share * SHORTEST_S)
    assert is_resting(velocity[0], LIMITS)
    assert check([Point((target,), (0.0,), TICK_NS)], acceleration[0]) == []


def test_what_is_not_next_to_rest_needs_more_than_one_point() -> None:
    assert not is_resting(1e-3, LIMITS)
    assert check([Point((0.0,), (0.0,), TICK_NS)], 1.0)
