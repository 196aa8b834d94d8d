"""The simulator's node plays faults from a script or by hand, says which are active, and refuses those that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_graph import LATCHED, Peer, values
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.nodes.polled import NO_EVENTS

pytestmark = [pytest.mark.ros, pytest.mark.sim]
NODE = "qgf_sim.node"
TICK_NS = 10_000_000


@pytest.fixture
def joints(peer: Peer) -> list[Any]:
    return peer.collect(JointState, "joint_states")


@pytest.fixture
def status(peer: Peer) -> list[Any]:
    return peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)


def inject(peer: Peer, fault: str) -> Any:
    """The answer of ~/inject for one line of YAML."""
    assert peer.set_parameter("sim_node", "fault", fault)
    return peer.call(Trigger, "sim_node/inject")


def test_a_script_is_played_from_each_reset_on_at_its_ticks(
    start: Callable[..., Any], peer: Peer, joints: list[Any], status: list[Any], tmp_path: Path
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- {fault: lost, at_s: 0.5, for_s: 0.2}\n")
    start(NODE, publish_clock=True, faults=script)  # stamps are sim time: the break is counted in ticks
    for _ in range(2):
        peer.call(Trigger, "sim_node/reset")
        begun = len(joints)
        peer.until(lambda begun=begun: len(joints) > begun + 100, "joint states after the break")
        stamps = [stamp_ns(message.header.stamp) for message in joints[begun + 10 : begun + 100]]
        gaps = [round((later - stamp) / TICK_NS) for stamp, later in pairwise(stamps)]
        assert max(gaps) == pytest.approx(21, abs=5)  # a busy simulator takes up to five ticks at once
    assert any("lost" in values(message)["faults"] for message in status)


def test_a_fault_comes_and_goes_by_hand(
    start: Callable[..., Any], peer: Peer, joints: list[Any], status: list[Any]
) -> None:
    start(NODE)
    assert inject(peer, "{fault: partial, joints: [elbow_joint]}").message == "partial"
    assert inject(peer, "{fault: payload, kg: 0.5}").message == "partial payload"
    peer.until(lambda: values(status[-1])["faults"] == "partial payload", "the status")
    peer.until(lambda: "elbow_joint" not in joints[-1].name, "partial names")
    assert peer.call(Trigger, "sim_node/clear_faults").success
    peer.until(lambda: values(status[-1])["faults"] == "", "the status")
    peer.until(lambda: "elbow_joint" in joints[-1].name, "all names")


def test_a_fault_that_cannot_be_is_refused_and_nothing_changes(start: Callable[..., Any], peer: Peer) -> None:
    start(NODE)
    for fault, word in (("{fault: latency}", "controller_lag"), ("{", "YAML"), ("", "fault: NAME")):
        answer = inject(peer, fault)
        assert not answer.success
        assert word in answer.message
    assert peer.call(Trigger, "sim_node/clear_faults").message == ""


def test_misshapen_joint_states_have_fewer_positions_than_names(
    start: Callable[..., Any], peer: Peer, joints: list[Any]
) -> None:
    start(NODE)
    inject(peer, "{fault: misshapen}")
    peer.until(lambda: joints and len(joints[-1].position) == len(joints[-1].name) - 1, "fewer positions")


def test_a_best_effort_sensor_never_reaches_a_reliable_subscriber(
    start: Callable[..., Any], peer: Peer
) -> None:
    reliable: list[Any] = []
    peer.node.create_subscription(
        JointState, "joint_states", reliable.append, QoSProfile(depth=10), event_callbacks=NO_EVENTS
    )
    any_kind = peer.collect(
        JointState, "joint_states", QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    start(NODE, best_effort="['joint_states']")
    peer.until(lambda: len(any_kind) > 20, "joint states")
    assert reliable == []


def test_a_users_mistake_is_one_sentence_and_exit_code_1(start: Callable[..., Any], tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("- {fault: latency}\n")
    mistakes: list[tuple[str, dict[str, object]]] = [
        ("controller_lag", {"faults": script}),
        ("cannot be read", {"faults": tmp_path / "absent.yaml"}),
        ("joint_states", {"best_effort": "['joints']"}),
    ]
    for named, parameters in mistakes:
        assert named in start(NODE, **parameters).refusal()
