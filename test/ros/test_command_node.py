"""The command node in a process of its own, before an arm of two joints that this file plays."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints, write_two_joints
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from limit_checks import ROUNDING, assert_inside_limits
from ros_graph import LATCHED, ROOT, Peer, values
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.datatypes import FloatArray
from qgf_ros.nodes.convert import to_stamp

pytestmark = pytest.mark.ros
NODE = "qgf_ros.nodes.command_node"
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


class Arm:
    """A robot of two joints that follows every command at once and publishes its joints in a new order each time."""

    def __init__(self, peer: Peer, has_controller: bool = True) -> None:
        self.peer = peer
        self.positions = {"shoulder": 0.5, "elbow": -0.25}
        self.is_publishing = True
        self.certificates = peer.collect(DiagnosticArray, "command_node/certificate")
        self.executed = peer.collect(JointTrajectory, "command_node/executed")
        self.diagnostics = peer.collect(DiagnosticArray, "/diagnostics")
        topic = "arm_controller/commands" if has_controller else "no_controller/commands"
        self.commands = peer.collect(Float64MultiArray, topic)
        self._joints = peer.node.create_publisher(JointState, "joint_states", 10)
        self._chunks = peer.node.create_publisher(JointTrajectory, "policy_node/chunk", 1)
        self._order = random.Random(0)
        peer.node.create_timer(0.01, self._on_timer)

    def _on_timer(self) -> None:
        if self.commands:
            self.positions = dict(zip(("shoulder", "elbow"), self.commands[-1].data, strict=True))
        if self.is_publishing:
            self.publish(self.positions)

    def publish(self, positions: dict[str, float]) -> None:
        """Joint states, now, in any order."""
        names = list(positions)
        self._order.shuffle(names)
        message = JointState(name=names, position=[positions[name] for name in names])
        message.header.stamp = self.peer.node.get_clock().now().to_msg()
        self._joints.publish(message)

    def propose(
        self, actions: FloatArray, names: tuple[str, ...] = ("shoulder", "elbow"), stamp: int | None = None
    ) -> int:
        """Publishes a chunk; the stamp it bears, by default the present."""
        message = JointTrajectory(joint_names=list(names))
        message.points = [JointTrajectoryPoint(positions=action.tolist()) for action in actions]
        stamp = self.peer.node.get_clock().now().nanoseconds if stamp is None else stamp
        message.header.stamp = to_stamp(stamp)
        self._chunks.publish(message)
        return stamp

    def until_certified(self, what: str, **expected: str) -> dict[str, str]:
        """Waits for a certificate from now on with these values."""
        begun = len(self.certificates)

        def fits(message: Any) -> bool:
            return expected.items() <= values(message).items()

        self.peer.until(
            lambda: any(fits(message) for message in self.certificates[begun:]), f"{what}: {expected}"
        )
        return next(values(message) for message in self.certificates[begun:] if fits(message))

    def start(self) -> None:
        """Starts the node, when it has found the controller and listens for chunks."""
        self.peer.matched(self._chunks)
        self.peer.until(lambda: self.peer.call(Trigger, "command_node/start").success, "the start")

    def start_moving(self) -> None:
        """Starts the node and has it play a chunk at full speed; returns while the arm moves."""
        self.start()
        self.until_certified("the wish for a chunk", wants_chunk="true")
        self.propose(np.array([[0.1, 0.2]] * 4))
        self.until_certified("the chunk", rung="chunk", actions_left="2")

    def rows(self, begun: int = 0) -> FloatArray:
        """Position, velocity and acceleration of what was executed (T, 3, 2)."""
        points = [message.points[0] for message in self.executed[begun:]]
        return np.array([[point.positions, point.velocities, point.accelerations] for point in points])

    def until_at_rest(self, begun: int) -> FloatArray:
        """Waits until a command stands still; what was executed from `begun` to then (T, 3, 2)."""
        self.peer.until(lambda: len(self.executed) > begun and stands_still(self.rows(begun)[-1]), "rest")
        return self.rows(begun)


def stands_still(row: FloatArray) -> bool:
    """True when velocities and accelerations of a row (3, 2) are zero, but for the rounding of the limiter's samples."""
    return bool(np.abs(row[1:]).max() < ROUNDING)


@pytest.fixture
def arm(peer: Peer) -> Arm:
    """The robot."""
    return Arm(peer)


@pytest.fixture
def active(start: Callable[..., Any], arm: Arm, tmp_path: Path) -> Arm:
    """The robot, with an active command node before it that holds."""
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    return arm


def change(peer: Peer, transition: int) -> bool:
    """Drives the node through a lifecycle transition; whether it succeeded."""
    request = ChangeState.Request()
    request.transition.id = transition
    return bool(peer.call(ChangeState, "command_node/change_state", request).success)


def test_the_command_node_imports_neither_torch_nor_the_simulator() -> None:
    code = "import sys, qgf_ros.nodes.command; print(sorted({'torch', 'qgf_sim', 'ogbench'} & sys.modules.keys()))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "[]"


def test_it_holds_the_measured_pose_until_it_is_started(active: Arm) -> None:
    rows = active.until_at_rest(0)
    np.testing.assert_array_equal(rows[:, 0], np.broadcast_to([0.5, -0.25], rows[:, 0].shape))
    assert values(active.certificates[-1])["reason"] == "not started"


def test_it_does_not_start_where_no_controller_listens(
    start: Callable[..., Any], peer: Peer, tmp_path: Path
) -> None:
    arm = Arm(peer, has_controller=False)
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    answer = peer.call(Trigger, "command_node/start")
    assert not answer.success
    assert "No controller listens on 'arm_controller/commands'" in answer.message


def test_it_plays_chunks_and_rests_inside_the_limits_when_none_follows(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    begun = len(active.executed)
    active.until_certified("the end of the chunk", rung="tail", wants_chunk="true")
    active.until_at_rest(begun)
    rows = active.rows()
    assert_inside_limits(two_joints(tmp_path), rows)
    assert rows[-1, 0, 0] > 0.5
    active.peer.until(
        lambda: list(active.commands[-1].data) == list(active.rows()[-1, 0]), "the same command"
    )


def test_under_a_delay_it_asks_for_the_next_chunk_while_the_last_is_played(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    """The policy node learns what it needs, and the seam is told at the end of the first new action."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["chunks"] = {"mode": "naive", "execution_horizon": 2, "delay": 1}

    start(NODE, contract=write_two_joints(tmp_path, edit), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    arm.start()
    arm.until_certified("the wish for a chunk", wants_chunk="true")
    first = arm.propose(np.array([[0.05, 0.05]] * 4))
    asked = arm.until_certified("the next wish", wants_chunk="true", chunk_stamp_ns=str(first))
    assert (asked["rung"], asked["begun"], asked["actions_left"]) == ("chunk", "2", "2")
    assert (asked["horizon"], asked["delay"], asked["seam"]) == ("2", "1", "")
    second = arm.propose(np.array([[-0.05, -0.05]] * 4))
    taken = arm.until_certified("the take-over", chunk_stamp_ns=str(second))
    assert 1 <= int(taken["begun"]) <= 2
    arm.peer.until(lambda: any(values(message)["seam"] for message in arm.certificates), "a seam")
    assert_inside_limits(two_joints(tmp_path), arm.rows())


def test_it_brakes_inside_the_limits_when_joint_states_stop_coming(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    active.is_publishing = False
    begun = len(active.executed)
    active.until_certified("the refusal", rung="hold", reason="stale")
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())
    assert stands_still(active.rows()[-1])


def test_a_stop_ramps_to_hold_inside_the_limits(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    begun = len(active.executed)
    assert active.peer.call(Trigger, "command_node/stop").success
    active.until_certified("the hold", rung="hold", reason="stopped")
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())


def test_deactivate_returns_at_once_ramps_to_hold_and_then_is_silent(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    begun = len(active.executed)
    assert change(active.peer, DEACTIVATE)
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())
    assert not active.peer.call(Trigger, "command_node/start").success
    quiet, until = len(active.executed), time.monotonic() + 0.3
    active.peer.until(lambda: time.monotonic() > until, "thirty ticks' time")
    assert len(active.executed) == quiet
    assert change(active.peer, ACTIVATE)
    active.until_certified("commands again", rung="hold", commands="1")
    active.peer.until(lambda: len(active.executed) > quiet, "commands again")
    assert change(active.peer, DEACTIVATE)
    assert change(active.peer, CLEANUP)


def test_a_signal_ramps_to_hold_and_a_second_one_changes_nothing(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    process = start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    arm.start_moving()
    begun = len(arm.executed)
    for _ in range(2):
        subprocess.run(["kill", f"-{signal.SIGINT}", str(process.pid)], check=True)
    arm.until_at_rest(begun)
    assert process.wait() == 0
    assert process.said.replace("Command ticks were missed", "").count("\n") <= 1, process.said
    assert_inside_limits(two_joints(tmp_path), arm.rows())


def test_reset_while_moving_first_comes_to_rest_inside_the_limits(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    answer = active.peer.call(Trigger, "command_node/reset")
    assert (answer.success, answer.message) == (True, "at rest at the measured pose")
    active.peer.until(lambda: stands_still(active.rows()[-1]), "the last command, at rest")
    assert_inside_limits(two_joints(tmp_path), active.rows())


@pytest.mark.parametrize(
    ("positions", "reason", "named"),
    [
        ({"elbow": 0.0, "wrist": 0.0}, "joint", "shoulder"),
        ({"elbow": 0.0, "shoulder": float("nan")}, "not_finite", "shoulder"),
        ({"elbow": 9.0, "shoulder": 0.0}, "limits", "elbow"),
    ],
)
def test_joint_states_that_cannot_be_trusted_give_a_reason_and_no_command(
    start: Callable[..., Any], arm: Arm, tmp_path: Path, positions: dict[str, float], reason: str, named: str
) -> None:
    arm.positions = positions
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    assert arm.until_certified("the refusal", reason=reason)["commands"] == "0"
    answer = arm.peer.call(Trigger, "command_node/start")
    assert not answer.success
    arm.peer.until(
        lambda: any(named in status.message for status in statuses(arm)), f"a diagnostic that names {named}"
    )
    assert arm.commands == []


def statuses(arm: Arm) -> list[Any]:
    """All warnings and errors on /diagnostics of this test's command node."""
    name = arm.peer.node.get_namespace().strip("/") + "/command_node: "
    found = [status for message in arm.diagnostics for status in message.status]
    return [status for status in found if status.name.startswith(name) and status.level != b"\x00"]


def test_each_bad_chunk_gives_its_reason_and_no_motion(active: Arm) -> None:
    fine = np.zeros((4, 2)) + 0.1
    bad = {
        "chunk_names": lambda: active.propose(fine, names=("elbow", "shoulder")),
        "chunk_shape": lambda: active.propose(np.zeros((9, 2))),
        "chunk_not_finite": lambda: active.propose(np.full((4, 2), np.nan)),
        "chunk_outdated": lambda: active.propose(fine, stamp=1),
        "chunk_future": lambda: active.propose(fine, stamp=time.time_ns() + 10**10),
    }
    for reason, propose in bad.items():
        active.start()
        active.until_certified("the wish for a chunk", wants_chunk="true")
        propose()
        active.until_certified("the refusal", refused=reason)
        active.peer.until(
            lambda reason=reason: any(reason in str(status.values) for status in statuses(active)),
            "a diagnostic",
        )
    np.testing.assert_array_equal(active.rows()[-1], [[0.5, -0.25], [0.0, 0.0], [0.0, 0.0]])


def test_a_chunk_that_was_played_is_not_played_again(active: Arm) -> None:
    active.start()
    active.until_certified("the wish for a chunk", wants_chunk="true")
    stamp = active.propose(np.array([[0.05, 0.05]]))
    active.until_certified("the chunk", rung="chunk")
    active.until_certified("the end of the chunk", rung="tail")
    begun = len(active.executed)
    active.until_at_rest(begun)
    at_rest = active.rows()[-1]
    active.propose(np.array([[0.05, 0.05]]), stamp=stamp)
    active.until_certified("the refusal", refused="chunk_outdated")
    np.testing.assert_array_equal(active.rows()[-1], at_rest)


def test_executed_and_certificate_bear_the_stamp_of_their_tick(active: Arm) -> None:
    active.peer.until(lambda: len(active.executed) > 20, "commands")
    executed = [stamp_ns(message.header.stamp) for message in active.executed]
    certified = [stamp_ns(message.header.stamp) for message in active.certificates]
    assert executed == sorted(set(executed))
    assert set(executed[:10]) <= set(certified)


def test_a_contract_that_is_missing_fails_to_configure_with_a_diagnostic(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    start(NODE, contract=tmp_path / "absent.yaml")
    assert not change(arm.peer, CONFIGURE)
    arm.peer.until(lambda: any("absent.yaml" in status.message for status in statuses(arm)), "a diagnostic")
    status = arm.peer.collect(type(statuses(arm)[0]), "command_node/status", LATCHED)
    arm.peer.until(lambda: status, "the status")
    assert "absent.yaml" in status[-1].message


def test_a_user_s_mistake_is_one_sentence_and_exit_code_1(start: Callable[..., Any], tmp_path: Path) -> None:
    def use_gripper_action(content: dict[str, Any]) -> None:
        outputs = content["deployment"]["outputs"]
        outputs[0]["joints"] = ["shoulder"]
        outputs.append({"kind": "gripper_command", "topic": "gripper", "joints": ["elbow"]})

    folders = [tmp_path / name for name in ("plain", "gripper", "key")]
    for folder in folders:
        folder.mkdir()
    fine = write_two_joints(folders[0])
    gripper = write_two_joints(folders[1], use_gripper_action)
    misspelt = write_two_joints(folders[2], lambda content: content["interface"].update(chunk_lenght=5))
    mistakes = {
        "chunk_topik": start(NODE, contract=fine, chunk_topik="x"),
        "chunk_max_age_s is": start(NODE, contract=fine, chunk_max_age_s=-1.0),
        "absent.yaml": start(NODE, contract=tmp_path / "absent.yaml", autostart=True),
        "chunk_lenght": start(NODE, contract=misspelt, autostart=True),
        "control_msgs": start(NODE, contract=gripper, autostart=True),
    }
    for named, process in mistakes.items():
        assert process.wait() == 1
        said = process.said.strip().splitlines()
        assert len(said) == 1, process.said
        assert named in said[0]
        assert said[0].endswith(".")


def test_two_robots_in_one_graph_do_not_disturb_each_other(
    start: Callable[..., Any], active: Arm, tmp_path: Path
) -> None:
    other_peer = Peer("another")
    other = Arm(other_peer)
    start(NODE, namespace="another", contract=write_two_joints(tmp_path), autostart=True)
    other.until_certified("the first command", rung="hold", commands="1")
    active.start_moving()
    begun = len(other.executed)
    other_peer.until(lambda: len(other.executed) > begun + 20, "commands of the other robot")
    np.testing.assert_array_equal(other.rows()[:, 0], np.broadcast_to([0.5, -0.25], other.rows()[:, 0].shape))
    assert len(active.rows()) > 0
    other_peer.close()
