"""Policy and command node as processes: whatever the policy stalls at, every tick has its command, and chunks come again."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_files import two_joints_with_command, write_baseline_of
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from policy_world import save_tiny
from ros_graph import Peer, values
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.inference.cutting import MIN_TIME
from qgf_ros.nodes.convert import to_stamp

pytestmark = pytest.mark.ros
DEADLINE_S = 0.045  # one control period, but for what is kept for the message
STEPS = 10
AGE_S = 10.0
PHASES = [("assembly", 0), ("walk", 0), ("walk", 3), ("walk", 6), ("walk", 9), ("walk", -1), ("sending", 0)]
DEADLINES = (0.0, 0.5, 1.0, 3.0, 10.0)


class Robot:
    """Two joints that follow at once, and a goal; 100 times a second. Keeps all that the nodes say."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._commands = peer.collect(Float64MultiArray, "arm_controller/commands")
        self.certificates = peer.collect(DiagnosticArray, "command_node/certificate")
        self.reports = peer.collect(DiagnosticArray, "policy_node/report")
        self.chunks = peer.collect(JointTrajectory, "policy_node/chunk")
        self._joints = peer.node.create_publisher(JointState, "joint_states", 10)
        self._goal = peer.node.create_publisher(PoseStamped, "goal_pose", 10)
        peer.node.create_timer(0.01, self._publish)

    def _publish(self) -> None:
        stamp = to_stamp(self.peer.node.get_clock().now().nanoseconds)
        positions = list(self._commands[-1].data) if self._commands else [0.5, -0.25]
        joints = JointState(name=["shoulder", "elbow"], position=positions, velocity=[0.0, 0.0])
        goal = PoseStamped()
        goal.header.frame_id, goal.pose.orientation.w = "base_link", 1.0
        joints.header.stamp = goal.header.stamp = stamp
        self._joints.publish(joints)
        self._goal.publish(goal)

    def found(self, begun: int = 0) -> list[dict[str, str]]:
        """The reports since, by name."""
        return [values(message) for message in self.reports[begun:]]

    def ticks(self) -> list[dict[str, str]]:
        """The certificates of ticks, without announcements."""
        return [values(message) for message in self.certificates if stamp_ns(message.header.stamp)]


def patient_contract(folder: Path) -> Path:
    """The contract of two joints; on a busy machine this file's robot may fall silent for a while, which is not the matter here."""
    path = two_joints_with_command(folder)
    content = yaml.safe_load(path.read_text())
    for entry in content["deployment"]["inputs"].values():
        entry["max_age_s"] = AGE_S
    for limits in content["deployment"]["limits"].values():
        limits["velocity"] = 100.0  # no chunk is followed more slowly
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return write_baseline_of(path, AGE_S)


@pytest.fixture
def stall_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stall.json"
    monkeypatch.setenv("STALL_FILE", str(path))
    return path


@pytest.fixture
def robot(start: Callable[..., Any], peer: Peer, stall_file: Path, tmp_path: Path) -> Robot:
    """The robot with both nodes, playing chunks."""
    contract = patient_contract(tmp_path)
    checkpoint = save_tiny(tmp_path / "tiny", load_contract(contract).interface, denoise_steps=STEPS)
    robot = Robot(peer)
    start(
        "qgf_ros.nodes.command_node",
        contract=contract,
        full_speed_confirmed=True,
        autostart=True,
        chunk_max_age_s=AGE_S,
    )
    start("stalling_policy_node", contract=contract, checkpoint=checkpoint, autostart=True)
    peer.until(lambda: robot.certificates, "the first command")
    peer.until(lambda: peer.call(Trigger, "command_node/start").success, "the start")
    peer.until(lambda: len(robot.chunks) > 2, "chunks")
    return robot


def check_report(report: dict[str, str]) -> None:
    """Nothing is sent as if fresh that is not; what was spent is said."""
    over_ms = float(report["spent_ms"]) - float(report["budget_ms"])
    match report["ending"]:
        case "in_time":
            assert over_ms <= 0.0
        case "late":
            assert over_ms > 0.0
            assert report["late"] == "true"
        case "too_late":
            assert over_ms > DEADLINE_S * 1e3
    assert (report["sent"] == "true") == (report["ending"] in ("in_time", "late"))
    assert (report["cut"] == "true") == (int(report["denoise_steps"]) < int(report["planned_steps"]))
    if report["sent"] == "true":
        assert float(report["reached_time"]) >= MIN_TIME


@pytest.mark.slow
def test_stalls_of_any_length_in_any_phase_cost_no_command(robot: Robot, stall_file: Path) -> None:
    for phase, step in PHASES:
        for deadlines in DEADLINES:
            begun, stall_s = len(robot.reports), deadlines * DEADLINE_S
            part = stall_file.with_suffix(".part")
            part.write_text(json.dumps({"phase": phase, "step": step, "seconds": stall_s}))
            part.rename(stall_file)
            robot.peer.until(lambda: not stall_file.exists(), f"the stall in {phase}")
            robot.peer.until(
                lambda: [r for r in robot.found(begun) if r["sent"] == "true"][2:],  # noqa: B023  asked at once
                f"chunks after a stall of {deadlines:g} deadlines in {phase}",
            )
            stalled = [r for r in robot.found(begun) if float(r["spent_ms"]) >= stall_s * 1e3]
            assert stalled or phase == "assembly", "a stall is within what the report says was spent"
    for report in robot.found():
        check_report(report)
    ticks = robot.ticks()
    playing = ticks[next(n for n, tick in enumerate(ticks) if tick["rung"] == "chunk") :]
    assert {tick["commands"] for tick in playing} == {"1"}
    assert {tick["rung"] for tick in playing} - {"hold"} == {"chunk", "tail"}
    # A busy machine may stall the command node itself, which is not the matter here: it says so, and has missed ticks of its own just then.
    assert {tick["reason"] for tick in playing if tick["rung"] == "hold"} <= {"stalled"}
    held = [(tick, later) for tick, later in pairwise(playing) if "hold" == later["rung"] != tick["rung"]]
    assert all(int(later["missed"]) > int(tick["missed"]) for tick, later in held)
    assert all(int(later["tick"]) == int(tick["tick"]) + 1 for tick, later in pairwise(playing))
    check_rungs(playing)


def check_rungs(ticks: list[dict[str, str]]) -> None:
    """Each rung within one tick: a chunk's four actions of five ticks, and from the very next tick on the tail."""
    runs: list[tuple[str, int]] = []
    for tick in ticks:
        name = f"{tick['rung']} {tick['chunk_stamp_ns']}"
        runs.append((name, runs.pop()[1] + 1 if runs and runs[-1][0] == name else 1))
    for (name, length), (after, _) in pairwise(runs):
        if name.startswith("chunk") and not after.startswith("hold"):
            assert length == 20
