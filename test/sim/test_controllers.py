"""The emulated controllers follow the rules in docs/controllers.md: one test a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qgf_sim.controllers import (
    CommandRejected,
    ForwardPositionController,
    JointTrajectoryController,
    Point,
    Trajectory,
    make_controller,
)

ROOT = Path(__file__).resolve().parents[2]
JOINTS = ("shoulder", "elbow")
SECOND = 1_000_000_000
EXACT = 1e-12  # rad: rounding of one polynomial


@pytest.fixture
def forward() -> ForwardPositionController:
    """A group controller that holds 0.1 and 0.2."""
    controller = ForwardPositionController("arm", JOINTS)
    controller.reset({"shoulder": 0.1, "elbow": 0.2, "other": 9.0})
    return controller


@pytest.fixture
def follower() -> JointTrajectoryController:
    """A trajectory controller that holds 0.0 and 1.0."""
    controller = JointTrajectoryController("arm", JOINTS)
    controller.reset({"shoulder": 0.0, "elbow": 1.0})
    return controller


def trajectory(*points: Point, joints: tuple[str, ...] = JOINTS, stamp_ns: int = 0) -> Trajectory:
    """A trajectory of these points."""
    return Trajectory(joints, stamp_ns, points)


def at(controller: JointTrajectoryController, seconds: float) -> list[float]:
    """Set-points at a time, in the order of `JOINTS`."""
    points = controller.set_points(round(seconds * SECOND))
    return [points[joint] for joint in JOINTS]


def test_group_values_stand_in_the_order_of_the_controllers_joints(
    forward: ForwardPositionController,
) -> None:
    forward.command([0.5, -0.5])
    assert forward.set_points(0) == {"shoulder": 0.5, "elbow": -0.5}


def test_group_values_are_held_until_the_next_message(forward: ForwardPositionController) -> None:
    forward.command([0.5, -0.5])
    assert forward.set_points(0) == forward.set_points(3600 * SECOND)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5, 0.5]])
def test_group_message_of_another_length_is_rejected(
    forward: ForwardPositionController, values: list[float]
) -> None:
    with pytest.raises(CommandRejected, match="2 joints") as caught:
        forward.command(values)
    assert caught.value.rule == "length"
    assert forward.set_points(0) == {"shoulder": 0.1, "elbow": 0.2}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_group_message_that_is_not_finite_is_dropped(
    forward: ForwardPositionController, value: float
) -> None:
    with pytest.raises(CommandRejected) as caught:
        forward.command([0.5, value])
    assert caught.value.rule == "not_finite"
    assert forward.set_points(0) == {"shoulder": 0.1, "elbow": 0.2}


def test_activation_holds_the_measured_positions(follower: JointTrajectoryController) -> None:
    assert at(follower, 5.0) == [0.0, 1.0]


def test_trajectory_joints_are_matched_by_name(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (2.0, 4.0)), joints=("elbow", "shoulder")), 0)
    assert at(follower, 1.0) == [4.0, 2.0]


@pytest.mark.parametrize("joints", [("shoulder",), ("shoulder", "elbow", "wrist"), ("shoulder", "wrist"), ()])
def test_trajectory_must_name_all_joints_and_no_others(
    follower: JointTrajectoryController, joints: tuple[str, ...]
) -> None:
    assert rejection(follower, trajectory(Point(SECOND, (1.0,) * len(joints)), joints=joints)) == "joints"


@pytest.mark.parametrize("times", [(0,), (-1,), (SECOND, SECOND), (SECOND, SECOND // 2)])
def test_time_from_start_must_be_above_zero_and_grow(
    follower: JointTrajectoryController, times: tuple[int, ...]
) -> None:
    assert rejection(follower, trajectory(*(Point(time, (1.0, 1.0)) for time in times))) == "time"


@pytest.mark.parametrize(
    "point", [Point(1, (1.0,)), Point(1, (1.0, 1.0), (0.0,)), Point(1, (1.0, 1.0), (0.0, 0.0), (0.0,))]
)
def test_trajectory_point_of_another_length_is_rejected(
    follower: JointTrajectoryController, point: Point
) -> None:
    assert rejection(follower, trajectory(point)) == "length"


def test_trajectory_that_is_not_finite_is_rejected(follower: JointTrajectoryController) -> None:
    assert rejection(follower, trajectory(Point(SECOND, (1.0, float("nan"))))) == "not_finite"


def test_trajectory_that_does_not_end_at_rest_is_rejected(follower: JointTrajectoryController) -> None:
    assert rejection(follower, trajectory(Point(SECOND, (1.0, 1.0), (0.0, 0.1)))) == "end_velocity"


def test_trajectory_that_ends_in_the_past_is_rejected(follower: JointTrajectoryController) -> None:
    late = trajectory(Point(SECOND, (1.0, 1.0)), stamp_ns=SECOND)
    assert rejection(follower, late, now_ns=2 * SECOND) == "past"


def rejection(controller: JointTrajectoryController, message: Trajectory, now_ns: int = 0) -> str:
    """The rule by which a message is rejected; nothing changes by it."""
    with pytest.raises(CommandRejected) as caught:
        controller.command(message, now_ns)
    assert at(controller, 100.0) == [0.0, 1.0]
    return caught.value.rule


def test_stamp_zero_means_now(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 3.0))), now_ns=5 * SECOND)
    assert at(follower, 5.0) == [0.0, 1.0]
    assert at(follower, 6.0) == [1.0, 3.0]


def test_stamp_in_the_future_delays_the_points(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 3.0)), stamp_ns=2 * SECOND), now_ns=0)
    assert at(follower, 3.0) == [1.0, 3.0]


def test_stamp_in_the_past_skips_the_points_that_are_over(follower: JointTrajectoryController) -> None:
    passed, ahead = Point(SECOND, (9.0, 9.0)), Point(3 * SECOND, (1.0, 3.0))
    follower.command(trajectory(passed, ahead, stamp_ns=SECOND), now_ns=3 * SECOND)
    np.testing.assert_allclose(at(follower, 3.5), [0.5, 2.0], atol=EXACT)


def test_positions_only_are_joined_by_straight_lines(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 3.0)), Point(2 * SECOND, (0.0, 3.0))), 0)
    np.testing.assert_allclose(at(follower, 0.25), [0.25, 1.5], atol=EXACT)
    np.testing.assert_allclose(at(follower, 1.5), [0.5, 3.0], atol=EXACT)


def test_velocities_make_the_path_cubic(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 1.0), (0.0, 0.0))), 0)
    # the cubic from rest to rest: 3 s^2 - 2 s^3
    np.testing.assert_allclose(at(follower, 0.25), [3 * 0.25**2 - 2 * 0.25**3, 1.0], atol=EXACT)


def test_accelerations_make_the_path_quintic(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 1.0), (0.0, 0.0), (0.0, 0.0))), 0)
    # the quintic from rest to rest: 10 s^3 - 15 s^4 + 6 s^5
    np.testing.assert_allclose(
        at(follower, 0.25), [10 * 0.25**3 - 15 * 0.25**4 + 6 * 0.25**5, 1.0], atol=EXACT
    )


def test_a_parabola_is_followed_exactly_between_its_samples(follower: JointTrajectoryController) -> None:
    points = [Point(n * SECOND, (n * n * 1.0, 1.0), (2.0 * n, 0.0)) for n in (1, 2)]
    follower.command(trajectory(*points, Point(4 * SECOND, (4.0, 1.0), (0.0, 0.0))), 0)
    np.testing.assert_allclose([at(follower, t)[0] for t in (0.5, 1.5)], [0.25, 2.25], atol=EXACT)


def test_a_new_trajectory_continues_from_the_desired_state(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(2 * SECOND, (2.0, 1.0))), 0)
    follower.command(trajectory(Point(SECOND, (0.0, 1.0))), SECOND)
    np.testing.assert_allclose(at(follower, 1.0), [1.0, 1.0], atol=EXACT)
    np.testing.assert_allclose(at(follower, 1.5)[1], 1.0, atol=EXACT)


def test_the_last_position_is_held_after_the_end(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 3.0), (0.0, 0.0))), 0)
    assert at(follower, 1.0) == at(follower, 1000.0) == [1.0, 3.0]


def test_an_empty_trajectory_holds_the_desired_position(follower: JointTrajectoryController) -> None:
    follower.command(trajectory(Point(SECOND, (1.0, 3.0))), 0)
    follower.command(trajectory(), SECOND // 2)
    np.testing.assert_allclose(at(follower, 9.0), [0.5, 2.0], atol=EXACT)


def test_points_are_met_exactly_at_their_times(follower: JointTrajectoryController) -> None:
    values = (0.1 + 0.2, 1.0 / 3.0)  # neither is a short binary fraction
    follower.command(
        trajectory(Point(10_000_000, values, (0.3, 0.7)), Point(SECOND, (1.0, 1.0), (0.0, 0.0))), SECOND
    )
    assert at(follower, 1.01) == list(values)


@pytest.mark.parametrize("entry", ["arm", "arm:group", "arm:velocity:shoulder", "arm:group:shoulder,wrist"])
def test_a_controller_that_cannot_be_made_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r"arm.*(must read|robot's joints)"):
        make_controller(entry, JOINTS)


def test_a_controller_is_made_from_its_entry() -> None:
    made = make_controller("arm:trajectory:elbow,shoulder", JOINTS)
    assert isinstance(made, JointTrajectoryController)
    assert (made.name, made.joints) == ("arm", ("elbow", "shoulder"))


def test_every_rule_in_the_table_names_a_test_here() -> None:
    named: set[str] = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/controllers.md").read_text()))
    here: dict[str, Callable[..., None]] = {
        name: thing for name, thing in globals().items() if name.startswith("test_")
    }
    assert len(named) >= 15
    assert named <= here.keys()
