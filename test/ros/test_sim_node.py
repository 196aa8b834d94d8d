"""The simulator's node looks like a robot under ros2_control, in real time and in lockstep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from ros_graph import LATCHED, Peer, values
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.nodes.convert import to_duration

pytestmark = [pytest.mark.ros, pytest.mark.sim]
NODE = "qgf_sim.node"
ARM = [
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
]
GROUPS = f"['arm_controller:group:{','.join(ARM)}','gripper_controller:group:finger_joint']"
SETTLED_RAD = 0.02  # the arm sags under gravity by less than this


def by_name(message: JointState) -> dict[str, float]:
    """Joint positions by name."""
    return dict(zip(message.name, message.position, strict=True))


def stamps(messages: list[Any]) -> list[int]:
    """The messages' stamps, ns."""
    return [stamp_ns(message.header.stamp) for message in messages]


def pause(peer: Peer, paused: bool) -> bool:
    """Pauses or resumes the simulator."""
    return bool(peer.call(SetBool, "sim_node/pause", SetBool.Request(data=paused)).success)


def test_in_real_time_it_publishes_what_a_robot_would(start: Callable[..., Any], peer: Peer) -> None:
    joints, cube = peer.collect(JointState, "joint_states"), peer.collect(PoseStamped, "cube_pose")
    status = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
    start(NODE, controllers=GROUPS)
    peer.until(lambda: len(joints) > 100 and len(cube) > 100 and len(status) > 10, "a second of messages")
    assert set(joints[-1].name) == {*ARM, "finger_joint"}
    assert len(joints[-1].position) == len(joints[-1].velocity) == len(joints[-1].effort) == 7
    assert cube[-1].header.frame_id == "base_link"
    attitude = cube[-1].pose.orientation
    assert np.linalg.norm([attitude.w, attitude.x, attitude.y, attitude.z]) == pytest.approx(1.0)
    now_ns = peer.node.get_clock().now().nanoseconds
    assert abs(now_ns - stamps(joints)[-1]) < 1e9  # wall time, as from a robot
    keys = {"task", "seed", "step", "time_s", "reward", "return", "success", "done", "paused", "missed"}
    assert keys <= values(status[-1]).keys()
    assert values(status[-1])["done"] == "false"


def test_the_arm_goes_where_its_controllers_are_told_by_group_or_trajectory(
    start: Callable[..., Any], peer: Peer
) -> None:
    joints = peer.collect(JointState, "joint_states")
    start(
        NODE,
        controllers=f"['arm_controller:trajectory:{','.join(reversed(ARM))}','gripper_controller:group:finger_joint']",
    )
    arm = peer.node.create_publisher(JointTrajectory, "arm_controller/joint_trajectory", 1)
    gripper = peer.node.create_publisher(Float64MultiArray, "gripper_controller/commands", 1)
    peer.matched(arm)
    peer.matched(gripper)
    peer.until(lambda: joints, "joint states")
    wanted = by_name(joints[-1])
    wanted["wrist_3_joint"] += 0.3
    point = JointTrajectoryPoint(
        positions=[wanted[joint] for joint in ARM], time_from_start=to_duration(500_000_000)
    )
    arm.publish(JointTrajectory(joint_names=ARM, points=[point]))
    gripper.publish(Float64MultiArray(data=[0.8]))
    peer.until(
        lambda: abs(by_name(joints[-1])["wrist_3_joint"] - wanted["wrist_3_joint"]) < SETTLED_RAD, "the wrist"
    )
    peer.until(lambda: by_name(joints[-1])["finger_joint"] > 0.5, "the gripper")


def test_a_rejected_command_is_counted_and_moves_nothing(start: Callable[..., Any], peer: Peer) -> None:
    joints, status = (
        peer.collect(JointState, "joint_states"),
        peer.collect(DiagnosticStatus, "sim_node/status", LATCHED),
    )
    process = start(NODE, controllers=GROUPS)
    arm = peer.node.create_publisher(Float64MultiArray, "arm_controller/commands", 10)
    peer.matched(arm)
    peer.until(lambda: joints and status, "joint states")
    before = by_name(joints[-1])
    for bad in ([0.0] * 5, [float("nan")] * 6):
        arm.publish(Float64MultiArray(data=bad))
    peer.until(lambda: values(status[-1])["rejected"] == "2", "two rejections")
    begun = len(joints)
    peer.until(lambda: len(joints) > begun + 20, "more joint states")
    assert max(abs(by_name(joints[-1])[joint] - before[joint]) for joint in before) < SETTLED_RAD
    assert "6 joints" in process.said


def test_equal_seeds_give_equal_episodes_and_each_reset_counts_on(
    start: Callable[..., Any], peer: Peer
) -> None:
    cube, joints = peer.collect(PoseStamped, "cube_pose"), peer.collect(JointState, "joint_states")
    start(NODE, controllers=GROUPS, paused=True, seed=3, lockstep=True)
    found: dict[str, Any] = {}
    for expected in ("seed 3", "seed 4"):
        assert peer.call(Trigger, "sim_node/reset").message == expected
        begun = len(cube)
        assert peer.set_parameter("sim_node", "seed", int(expected[-1]))
        peer.call(Trigger, "sim_node/reset")
        peer.until(lambda begun=begun: len(cube) > begun, "a cube after the reset")
        found[expected] = [message.pose for message in cube[-2:]]
        assert found[expected][0] == found[expected][1]
    assert found["seed 3"][0] != found["seed 4"][0]
    assert stamps(joints) == sorted(stamps(joints))
    assert peer.call(Trigger, "sim_node/reset").message == "seed 5"


def test_paused_nothing_moves_but_sensors_stay_fresh(start: Callable[..., Any], peer: Peer) -> None:
    joints, status = (
        peer.collect(JointState, "joint_states"),
        peer.collect(DiagnosticStatus, "sim_node/status", LATCHED),
    )
    start(NODE, controllers=GROUPS)
    peer.until(lambda: len(joints) > 10 and status, "joint states")
    assert pause(peer, True)
    peer.until(lambda: values(status[-1])["paused"] == "true", "the status")
    begun = len(joints)
    peer.until(lambda: len(joints) > begun + 20, "joint states")
    assert joints[begun + 5].position == joints[-1].position
    assert stamps(joints)[-1] > stamps(joints)[begun]
    step = values(status[-1])["step"]
    assert pause(peer, False)
    peer.until(lambda: int(values(status[-1])["step"]) > int(step), "steps")


def test_with_its_clock_stamps_are_sim_time_and_never_fall_back(
    start: Callable[..., Any], peer: Peer
) -> None:
    joints, clock = peer.collect(JointState, "joint_states"), peer.collect(Clock, "clock")
    start(NODE, controllers=GROUPS, publish_clock=True)
    peer.until(lambda: len(clock) > 20, "the clock")
    peer.call(Trigger, "sim_node/reset")
    begun = len(clock)
    peer.until(lambda: len(clock) > begun + 20, "the clock")
    times = [stamp_ns(message.clock) for message in clock]
    assert times == sorted(times)
    assert times[-1] < 100e9  # it began near zero
    assert stamps(joints) == sorted(stamps(joints))
    assert set(times[:-5]) <= set(stamps(joints))


def test_an_episode_that_is_done_waits_for_a_reset(start: Callable[..., Any], peer: Peer) -> None:
    status = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
    solved, open_ = 0, 1  # seeds of this task whose first state is solved and is not
    controllers = "['arm:group:j2n6s300_joint_1']"
    start(NODE, task="jaco-reach", controllers=controllers, end_at_success=True, seed=solved)
    peer.until(lambda: status, "the episode")
    assert {"task": "jaco-reach", "done": "true", "step": "0"}.items() <= values(status[-1]).items()
    assert peer.set_parameter("sim_node", "seed", open_)
    peer.call(Trigger, "sim_node/reset")
    peer.until(lambda: int(values(status[-1])["step"]) > 5, "steps of a new episode")
    assert values(status[-1])["done"] == "false"


def test_lockstep_without_an_answer_pauses_and_says_what_is_missing(
    start: Callable[..., Any], peer: Peer
) -> None:
    status, clock = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED), peer.collect(Clock, "clock")
    start(NODE, controllers=GROUPS, lockstep=True, timeout_s=1.0)
    peer.until(lambda: status and "certificate" in status[-1].message, "the complaint")
    assert values(status[-1])["paused"] == "true"
    assert status[-1].level == DiagnosticStatus.WARN
    assert len({stamp_ns(message.clock) for message in clock}) <= 1  # not one step without an answer
    assert values(status[-1])["time_s"] == "0.0"


def test_a_users_mistake_is_one_sentence_and_exit_code_1(start: Callable[..., Any]) -> None:
    mistakes: list[tuple[str, dict[str, object]]] = [
        ("cube-single-task1", {"task": "cube-tripple"}),
        ("rate_hz", {"rate_hs": 10.0}),
        ("a number", {"rate_hz": "quick"}),
        ("name:kind:joint", {"controllers": "['arm']"}),
        ("Two controllers", {"controllers": "['a:group:elbow_joint','b:group:elbow_joint']"}),
        ("robot's joints", {"controllers": "['a:group:elbow']"}),
    ]
    for named, parameters in mistakes:
        assert named in start(NODE, **parameters).refusal()


def test_a_signal_ends_it_cleanly(start: Callable[..., Any], peer: Peer) -> None:
    joints = peer.collect(JointState, "joint_states")
    process = start(NODE, controllers=GROUPS)
    peer.until(lambda: joints, "joint states")
    assert process.end() == 0
    assert "Traceback" not in process.said


def test_its_goal_is_told_to_latecomers_moved_on_request_and_brought_back_by_a_reset(
    start: Callable[..., Any], peer: Peer
) -> None:
    start(NODE, controllers=GROUPS, task="cube-single-task4", paused=True)
    status = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
    peer.until(lambda: status, "the simulator")
    goals = peer.collect(PoseStamped, "goal", LATCHED)

    def place() -> list[float]:
        point = goals[-1].pose.position
        return [round(value, 6) for value in (point.x, point.y, point.z)]

    peer.until(lambda: goals, "the goal")
    assert (place(), goals[-1].header.frame_id) == ([0.5, 0.2, 0.02], "base_link")
    wish = peer.node.create_publisher(PoseStamped, "sim_node/goal", LATCHED)
    peer.matched(wish)
    moved = PoseStamped()
    moved.header.frame_id = "camera"  # not taken: nothing follows it
    wish.publish(moved)
    moved.header.frame_id, moved.pose.position.x, moved.pose.position.z = "base_link", 0.4, 0.02
    wish.publish(moved)
    peer.until(lambda: len(goals) > 1, "the goal after it was moved")
    assert place() == [0.4, 0.0, 0.02]
    assert peer.call(Trigger, "sim_node/reset").success
    peer.until(lambda: len(goals) > 2, "the goal after a reset")
    assert place() == [0.5, 0.2, 0.02]
