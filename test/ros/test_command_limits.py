"""The limits in force: printed, published, compared with the baseline, tightened by the robot, raised only on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import ACTIVATE, CONFIGURE, NODE, Arm, change
from contract_files import two_joints, write_bare_two_joints, write_two_joints
from diagnostic_msgs.msg import DiagnosticStatus
from ros_graph import LATCHED, Peer, values
from std_msgs.msg import String
from std_srvs.srv import Trigger

from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.safeguard_table import LABEL_WIDTH

pytestmark = pytest.mark.ros


def weaken(content: dict[str, Any]) -> None:
    content["deployment"]["limits"]["elbow"]["velocity"] = 3.0


def refused(start: Callable[..., Any], **parameters: object) -> str:
    """The one sentence with which a command node ends that cannot configure."""
    return str(start(NODE, autostart=True, **parameters).refusal())


def test_limits_weaker_than_the_baseline_are_one_sentence_and_no_start(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    write_two_joints(tmp_path)
    said = refused(start, contract=write_bare_two_joints(tmp_path, weaken))
    assert "Weaker than the baseline" in said
    assert "velocity of 'elbow' is 3 rad/s, 1 is allowed" in said


def test_without_a_baseline_there_is_no_start(start: Callable[..., Any], tmp_path: Path) -> None:
    assert "qgf limits" in refused(start, contract=write_bare_two_joints(tmp_path))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"black_box": "''"}, "'black_box' is off, and required"),
        ({"seen": "''"}, "'seen' is off, and required"),
        ({"chunk_max_age_s": 0.9}, "chunk_max_age_s may be 0.9 s, 0.5 is allowed"),
        ({"lockstep": True}, "the parameter lockstep is true, only false is allowed"),
        ({"full_speed_confirmed": True}, "the parameter full_speed_confirmed is true, only false is allowed"),
        ({"first_motion": "refuse"}, "first_motion is 'refuse', but it must be slow where the data seen"),
    ],
)
def test_a_check_that_is_switched_off_or_dulled_by_a_parameter_is_no_start(
    start: Callable[..., Any], tmp_path: Path, parameters: dict[str, object], said: str
) -> None:
    contract = write_two_joints(tmp_path)
    baseline = tmp_path / "baselines" / "two_joints.yaml"
    text = baseline.read_text().replace("required: []", "required: [black_box, seen]")
    for switch in ("lockstep", "full_speed_confirmed"):
        assert f"{switch}: true" in text
        text = text.replace(f"{switch}: true", f"{switch}: false")
    other = tmp_path / "other.yaml"
    other.write_text(text)
    assert said in refused(start, contract=contract, baseline=other, **parameters)


def test_an_exported_file_as_seen_is_refused_by_name_where_seen_is_required(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    contract, exported = write_two_joints(tmp_path), tmp_path / "policy.onnx"
    exported.write_bytes(b"")
    baseline = tmp_path / "baselines" / "two_joints.yaml"
    baseline.write_text(baseline.read_text().replace("required: []", "required: [seen]"))
    assert "policy.onnx is one exported file" in refused(start, contract=contract, seen=exported)


def test_an_output_that_no_longer_ends_at_rest_is_no_start(start: Callable[..., Any], tmp_path: Path) -> None:
    contract = write_two_joints(tmp_path)
    baseline = tmp_path / "baselines" / "two_joints.yaml"
    baseline.write_text(baseline.read_text().replace("shoulder: group", "shoulder: trajectory"))
    said = refused(start, contract=contract)
    assert "the output of 'shoulder' is group, which does not end at rest: trajectory is allowed" in said


def test_what_watches_the_arm_and_what_does_not_is_printed_at_start(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = start(NODE, contract=write_two_joints(tmp_path), full_speed_confirmed=True, autostart=True)
    arm.until_certified("the first command", rung="hold")
    for words in (
        "look-ahead         OFF, nothing looks ahead: the contract names no scene",
        "data seen          not known: the parameter seen names no checkpoint",
        "oldest inputs      joint_states 0.08 s, goal 0.3 s",
        "oldest chunk       0.5 s",
        "full speed is confirmed",
        "no robot_description has come",
        "shoulder           on     on      on        by range  on",
    ):
        assert words in process.said


def test_every_limit_in_force_is_printed_and_published_for_latecomers(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = start(NODE, contract=write_two_joints(tmp_path), full_speed_confirmed=True, autostart=True)
    certificate = arm.until_certified("the first command", rung="hold")
    said = arm.peer.collect(DiagnosticStatus, "command_node/limits", LATCHED)
    arm.peer.until(lambda: said, "the limits")
    limits = LimitsInForce.of(two_joints(tmp_path))
    assert values(said[-1]) == limits.values()
    assert said[-1].message == certificate["limits"] == limits.digest
    for line in limits.lines(LABEL_WIDTH):
        assert line in process.said


def test_a_first_run_is_slow_until_a_person_confirms_full_speed_while_the_arm_rests(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    peer = arm.peer
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    said = peer.collect(DiagnosticStatus, "command_node/limits", LATCHED)
    full = LimitsInForce.of(two_joints(tmp_path))
    peer.until(lambda: said and values(said[-1]) == full.first_run().values(), "the limits of a first run")
    arm.start()
    arm.until_certified("the wish for a chunk", wants_chunk="true")
    arm.propose(np.array([[0.1, 0.2]] * 4))
    assert float(arm.until_certified("the chunk", rung="chunk")["speed"]) <= 0.25
    assert not peer.set_parameter("command_node", "full_speed_confirmed", True)
    assert peer.call(Trigger, "command_node/stop").success
    begun = len(arm.executed)
    rows = arm.until_at_rest(begun)
    fastest = [0.25 * full.joints[joint].velocity for joint in ("shoulder", "elbow")]
    assert np.all(np.abs(arm.rows()[:, 1]).max(axis=0) <= np.array(fastest) + 1e-9)
    assert len(rows) > 0
    peer.until(lambda: peer.set_parameter("command_node", "full_speed_confirmed", True), "the confirmation")
    arm.until_certified("full speed", limits=full.digest)
    peer.until(lambda: values(said[-1]) == full.values(), "the full limits")


def urdf(limit: str, kind: str = "revolute") -> String:
    joint = f'<joint name="elbow" type="{kind}"><limit effort="1" {limit}/></joint>'
    return String(data=f'<robot name="arm">{joint}</robot>')


def test_what_the_robot_says_of_itself_tightens_the_limits_at_the_next_reset(
    active: Arm, tmp_path: Path
) -> None:
    peer = active.peer
    said = peer.collect(DiagnosticStatus, "command_node/limits", LATCHED)
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    robot = peer.node.create_publisher(String, "robot_description", LATCHED)
    robot.publish(urdf('lower="-0.5" upper="9" velocity="0.5"'))
    peer.until(
        lambda: status and values(status[-1]).get("limits_wait_for_reset") == "true", "the description"
    )
    answer = peer.call(Trigger, "command_node/start")
    assert not answer.success
    assert "call reset, which takes its limits" in answer.message
    assert peer.call(Trigger, "command_node/reset").success
    peer.until(lambda: said and values(said[-1])["elbow.velocity"] == "0.5", "the tighter limits")
    found = values(said[-1])
    assert (found["elbow.lower"], found["elbow.upper"], found["shoulder.velocity"]) == ("-0.5", "1.5", "2.0")
    active.start()
    active.until_certified("the start", limits=said[-1].message, wants_chunk="true")


def test_a_description_of_another_robot_makes_the_reset_fail_in_a_sentence(active: Arm) -> None:
    peer = active.peer
    robot = peer.node.create_publisher(String, "robot_description", LATCHED)
    peer.matched(robot)
    robot.publish(urdf('lower="5" upper="9" velocity="0.5"'))

    def fails() -> bool:
        answer = peer.call(Trigger, "command_node/reset")
        return not answer.success and "joint 'elbow' no place" in answer.message

    peer.until(fails, "the refusal")


def test_limits_weaker_than_the_baseline_are_no_start_whatever_the_robot_says_of_itself(
    start: Callable[..., Any], peer: Peer, tmp_path: Path
) -> None:
    """It may say something else later, and then the contract's own limits would be in force."""
    robot = peer.node.create_publisher(String, "robot_description", LATCHED)
    robot.publish(urdf('lower="-1" upper="1.5" velocity="0.5"'))
    write_two_joints(tmp_path)
    process = start(NODE, contract=write_bare_two_joints(tmp_path, weaken), full_speed_confirmed=True)
    peer.matched(robot)
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    peer.until(lambda: status, "the node")
    for _ in range(3):
        assert not change(peer, CONFIGURE)
    assert "velocity of 'elbow' is 3 rad/s, 1 is allowed" in process.said


def test_while_a_description_cannot_be_used_neither_start_nor_reset_is_taken(active: Arm) -> None:
    """It is another robot's, or nobody knows whose; the one that comes then is used."""
    peer = active.peer
    robot = peer.node.create_publisher(String, "robot_description", LATCHED)
    peer.matched(robot)
    active.start()
    assert peer.call(Trigger, "command_node/stop").success
    robot.publish(urdf('lower="5" upper="9" velocity="0.5"'))

    def is_refused() -> bool:
        answer = peer.call(Trigger, "command_node/start")
        return not answer.success and "joint 'elbow' no place" in answer.message

    peer.until(is_refused, "the refusal of a start")
    answer = peer.call(Trigger, "command_node/reset")
    assert not answer.success
    assert "joint 'elbow' no place" in answer.message
    robot.publish(urdf('lower="-1" upper="1.5" velocity="1"'))
    peer.until(lambda: peer.call(Trigger, "command_node/start").success, "the start")


def test_a_description_that_was_there_before_is_in_force_at_once(
    start: Callable[..., Any], peer: Peer, tmp_path: Path
) -> None:
    arm = Arm(peer)
    robot = peer.node.create_publisher(String, "robot_description", LATCHED)
    robot.publish(urdf('lower="-0.5" upper="9" velocity="0.5"'))
    process = start(NODE, contract=write_two_joints(tmp_path), full_speed_confirmed=True)
    peer.matched(robot)
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    peer.until(lambda: status, "the node")
    assert change(peer, CONFIGURE)
    assert change(peer, ACTIVATE)
    arm.until_certified("the first command", rung="hold", commands="1")
    assert (
        "robot_description tightens the contract's limits; ignored: 'shoulder' is not in it" in process.said
    )
