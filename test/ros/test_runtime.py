"""Nodes start and stop alike: broken installations end in one sentence, outputs end at rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from ros_graph import ROOT

from qgf_ros.control.limits import JointLimiter
from qgf_ros.control.stops import Stops
from qgf_ros.control.unattended import Unattended, places_that_go_on
from qgf_ros.errors import DoubledRosError
from qgf_ros.nodes.outputs import SAMPLE_S, SHORTEST_S, TrajectoryPlan, sample_times
from qgf_ros.nodes.runtime import check_one_rclpy

pytestmark = pytest.mark.ros
BILLION = 1_000_000_000


def make_rclpy(folder: Path, is_wheel: bool) -> str:
    """A folder that offers rclpy, as a wheel does or as a ROS installation does."""
    (folder / "rclpy").mkdir(parents=True)
    (folder / "rclpy" / "__init__.py").write_text(
        "raise ImportError('_rclpy_pybind11 was built for another Python')\n"
    )
    if is_wheel:
        (folder / "ros_rclpy-9.1.2.dist-info").mkdir()
    return str(folder)


def test_rclpy_from_a_wheel_and_from_a_ros_installation_is_refused_by_both_places(tmp_path: Path) -> None:
    wheel = make_rclpy(tmp_path / "site-packages", is_wheel=True)
    installed = make_rclpy(tmp_path / "opt", is_wheel=False)
    with pytest.raises(DoubledRosError, match=r"site-packages.*opt"):
        check_one_rclpy([installed, wheel, ""])


def test_rclpy_from_one_kind_of_place_is_accepted(tmp_path: Path) -> None:
    overlay = make_rclpy(tmp_path / "workspace", is_wheel=False)
    installed = make_rclpy(tmp_path / "opt", is_wheel=False)
    check_one_rclpy([overlay, installed])


@pytest.mark.parametrize("module", ["qgf_ros.nodes.command_node", "qgf_sim.node"])
def test_an_rclpy_that_cannot_be_imported_is_one_sentence(tmp_path: Path, module: str) -> None:
    broken = make_rclpy(tmp_path / "opt", is_wheel=False)
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'sim')!r}]; sys.path.insert(0, {broken!r})"
    )
    check = "import qgf_ros.nodes.runtime as r; r.check_one_rclpy = lambda path: None"  # the wheels of this environment
    run = f"{code}; {check}; from {module} import main; raise SystemExit(main())"
    answer = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert "another Python" in answer.stderr


FAULTY_NODE = """
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from qgf_ros.nodes.runtime import run

class Faulty(LifecycleNode):
    def __init__(self):
        super().__init__("faulty")
        self.create_timer(0.05, lambda: 1 / 0)

    def on_shutdown(self, state):
        print("came to rest")
        return TransitionCallbackReturn.SUCCESS

raise SystemExit(run(Faulty))
"""


def test_a_bug_in_a_callback_still_ends_in_the_shutdown_transition() -> None:
    """It is there that a moving arm brakes; a process that just died would leave a group controller at full speed."""
    answer = subprocess.run(
        [sys.executable, "-c", FAULTY_NODE], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert answer.returncode == 1
    assert "came to rest" in answer.stdout
    assert "internal error: ZeroDivisionError" in answer.stderr


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.013, SAMPLE_S, 0.5])
def test_a_plan_is_sampled_from_the_command_to_its_end(seconds: float) -> None:
    times = sample_times(seconds)
    assert times[0] == 0.0
    assert abs(times[-1] - seconds) < 1e-4
    assert np.all(np.diff(times) > 0)
    assert np.all(np.diff(times) <= SAMPLE_S + 1e-9)


def test_a_published_trajectory_begins_with_the_command_and_ends_at_rest(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    limiter = JointLimiter(contract.interface.joints, contract.deployment.limits, contract.tick_ns * 1e-9)
    limiter.reset(np.array([0.5, -0.25]))
    targets = np.array([1.0, 0.5])
    for _ in range(10):
        command, _ = limiter.step(targets)
    stops = Stops(contract.interface.joints, contract.deployment.limits, contract.tick_ns * 1e-9)
    left = Unattended(limiter, stops, contract.ticks_per_action, places_that_go_on(contract))
    [end] = left.motions(np.array([left.seconds]))
    message = TrajectoryPlan(("elbow", "shoulder"), [1, 0], contract.tick_ns).message(command, left)
    times = [point.time_from_start.sec * BILLION + point.time_from_start.nanosec for point in message.points]
    assert message.joint_names == ["elbow", "shoulder"]
    assert times[0] == contract.tick_ns
    assert np.all(np.diff(times) > 0)
    assert list(message.points[0].positions) == list(command.positions[::-1])
    np.testing.assert_allclose(message.points[0].velocities, command.velocities[::-1], atol=1e-12)
    np.testing.assert_allclose(message.points[-1].positions, end.positions[::-1], atol=1e-9)
    assert list(message.points[-1].velocities) == [0.0, 0.0]


def test_the_first_point_of_a_trajectory_is_the_command_to_the_last_bit_also_at_rest(tmp_path: Path) -> None:
    """Where the plan is over, its end and the command differ in rounding: a verifier compares them exactly."""
    contract = two_joints(tmp_path)
    limiter = JointLimiter(contract.interface.joints, contract.deployment.limits, contract.tick_ns * 1e-9)
    limiter.reset(np.array([0.123, -0.25]))
    stops = Stops(contract.interface.joints, contract.deployment.limits, contract.tick_ns * 1e-9)
    left = Unattended(limiter, stops, contract.ticks_per_action, [0, 1])
    plan = TrajectoryPlan(("shoulder", "elbow"), [0, 1], contract.tick_ns)
    for targets in np.random.default_rng(0).uniform(-0.9, 1.4, (20, 2)):
        for _ in range(200):
            command, _ = limiter.step(targets)
            first = plan.message(command, left).points[0]
            assert list(first.positions) == command.positions.tolist()
            if left.seconds >= SHORTEST_S:
                assert list(first.velocities) == command.velocities.tolist()
