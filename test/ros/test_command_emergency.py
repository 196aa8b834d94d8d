"""The emergency stop: a topic and a service; latched, recorded, and no reset while it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE, NODE, Arm, change, stands_still
from contract_files import two_joints, write_two_joints
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from limit_checks import assert_inside_limits
from rclpy.serialization import deserialize_message
from ros_graph import LATCHED, Peer, values
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.bags.reader import read_bag, read_facts

pytestmark = pytest.mark.ros
PRESSED, RELEASED = Bool(data=True), Bool(data=False)


def box_of(peer: Peer, status: list[Any], but: str = "") -> Path:
    """The black box that the node's status names, once it is there and is not `but`."""
    named = lambda: values(status[-1]).get("black_box", "none") if status else "none"  # noqa: E731
    peer.until(lambda: named() not in ("none", but), "the name of the black box")
    return Path(named())


@pytest.mark.parametrize("way", ["topic", "service"])
def test_it_brakes_within_the_limits_and_goes_on_commanding_where_it_came_to_rest(
    active: Arm, tmp_path: Path, way: str
) -> None:
    peer = active.peer
    button = peer.node.create_publisher(Bool, "emergency_stop", 1)
    peer.matched(button)
    active.start_moving()
    begun = len(active.executed)
    if way == "topic":
        button.publish(PRESSED)
    else:
        answer = peer.call(Trigger, "command_node/emergency_stop")
        assert (answer.success, answer.message) == (True, "braking within the limits; latched until reset")
    active.until_certified("the stop", rung="stop", reason="emergency", commands="1")
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())
    at_rest, count = active.rows()[-1, 0], len(active.executed)
    peer.until(lambda: len(active.executed) > count + 20, "commands at rest")
    np.testing.assert_array_equal(
        active.rows(count)[:, 0], np.broadcast_to(at_rest, (len(active.rows(count)), 2))
    )
    refused = peer.call(Trigger, "command_node/start")
    assert not refused.success
    assert "call reset" in refused.message


def test_it_is_reset_only_after_it_was_released(active: Arm) -> None:
    peer = active.peer
    button = peer.node.create_publisher(Bool, "emergency_stop", 1)
    peer.matched(button)
    button.publish(PRESSED)
    active.until_certified("the stop", rung="stop", reason="emergency")
    refused = peer.call(Trigger, "command_node/reset")
    assert not refused.success
    assert "still pressed" in refused.message
    button.publish(RELEASED)
    peer.until(lambda: peer.call(Trigger, "command_node/reset").success, "the reset")
    active.until_certified("the hold", rung="hold")


def test_a_reset_that_waits_for_rest_does_not_open_a_stop_that_came_meanwhile(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    """Nor does a start that comes meanwhile let the arm move on."""
    peer = arm.peer
    process = start("interrupted_command_node", contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    arm.start_moving()
    answer = peer.call(Trigger, "command_node/reset")
    assert not answer.success
    assert "stopped again (emergency) after this reset was asked for" in answer.message
    assert "start was refused: A reset waits until the arm is at rest" in process.said
    arm.until_certified("the stop still", rung="stop", reason="emergency")
    assert peer.call(Trigger, "command_node/reset").success


def test_a_stop_outlives_configuring_anew_until_a_person_resets_it(active: Arm) -> None:
    peer = active.peer
    assert peer.call(Trigger, "command_node/emergency_stop").success
    active.until_certified("the stop", rung="stop", reason="emergency")
    for step in (DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE):
        peer.until(lambda step=step: change(peer, step), f"lifecycle step {step}")
    active.until_certified("the stop still", rung="stop", reason="emergency", commands="0")
    refused = peer.call(Trigger, "command_node/start")
    assert not refused.success
    assert "call reset" in refused.message
    peer.until(lambda: peer.call(Trigger, "command_node/reset").success, "the reset")
    active.until_certified("the hold", rung="hold", commands="1")


def test_a_button_that_was_pressed_before_the_node_came_is_heard(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    button = arm.peer.node.create_publisher(Bool, "emergency_stop", LATCHED)
    button.publish(PRESSED)
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the stop", rung="stop", reason="emergency")
    assert not arm.peer.call(Trigger, "command_node/reset").success
    button.publish(RELEASED)
    arm.peer.until(lambda: arm.peer.call(Trigger, "command_node/reset").success, "the reset")


def test_what_led_to_the_stop_is_in_the_black_box_and_the_status_names_it(
    active: Arm, tmp_path: Path, namespace: str
) -> None:
    peer = active.peer
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    active.start_moving()
    peer.call(Trigger, "command_node/emergency_stop")
    box = box_of(peer, status)
    assert box.parent == tmp_path / "out" / "black_box"
    facts = lambda: read_facts(box) if (box / "metadata.yaml").is_file() else {}  # noqa: E731
    peer.until(lambda: facts().get("reason") == "emergency", "the recording")
    own = f"/{namespace}/command_node"

    def found(topic: str, kind: type) -> list[Any]:
        return [deserialize_message(entry.data, kind) for entry in read_bag(box) if entry.topic == topic]

    def rungs() -> list[str]:
        return [values(message)["rung"] for message in found(f"{own}/certificate", DiagnosticArray)]

    peer.until(lambda: "stop" in rungs(), "the stop in the recording")
    assert {"hold", "chunk", "stop"} <= set(rungs())
    executed = found(f"{own}/executed", JointTrajectory)
    sent = {tuple(message.points[0].positions) for message in active.executed}
    assert {tuple(message.points[0].positions) for message in executed} <= sent
    assert len(executed) > 10
    last = executed[-1].points[0]
    assert stands_still(np.array([last.positions, last.velocities, last.accelerations]))
    topics = {entry.topic for entry in read_bag(box)}
    inputs = {
        f"/{namespace}/{name}" for name in ("joint_states", "policy_node/chunk", "arm_controller/commands")
    }
    ours = {f"{own}/{name}" for name in ("action", "executed", "certificate", "limits")}
    assert topics == inputs | ours
    assert "contract" in read_facts(box)


def test_the_verifier_finds_nothing_wrong_in_the_black_box(active: Arm) -> None:
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
    from qgf_ros.cli.main import main

    status = active.peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    active.start_moving()
    active.peer.call(Trigger, "command_node/emergency_stop")
    box = box_of(active.peer, status)
    active.peer.until(
        lambda: b"certificate" in (box / "metadata.yaml").read_bytes(), "the end of the recording"
    )
    assert main(["verify", str(box)]) == 0


def test_others_can_read_the_black_box(active: Arm) -> None:
    rosbags = pytest.importorskip("rosbags.rosbag2", reason="needs rosbags: pip install 'qgf_ros[test]'")
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    peer = active.peer
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    peer.call(Trigger, "command_node/emergency_stop")
    box = box_of(peer, status)
    peer.until(lambda: b"certificate" in (box / "metadata.yaml").read_bytes(), "the end of the recording")
    with rosbags.Reader(box) as reader:
        [connection] = [entry for entry in reader.connections if entry.topic.endswith("/certificate")]
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        messages = [
            store.deserialize_cdr(data, connection.msgtype) for _, _, data in reader.messages([connection])
        ]
    assert {pair.key: pair.value for pair in messages[-1].status[0].values}["rung"] == "stop"


def test_each_latched_stop_has_a_recording_of_its_own(active: Arm) -> None:
    peer = active.peer
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    peer.call(Trigger, "command_node/emergency_stop")
    first = box_of(peer, status)
    assert peer.call(Trigger, "command_node/reset").success
    peer.call(Trigger, "command_node/emergency_stop")
    second = box_of(peer, status, but=str(first))
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
