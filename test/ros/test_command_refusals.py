"""What the command node refuses, with the reason and in one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import CONFIGURE, NODE, Arm, change, statuses
from contract_files import write_two_joints
from diagnostic_msgs.msg import DiagnosticStatus
from ros_graph import LATCHED, Peer, values
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros


def test_it_does_not_start_where_no_controller_listens(
    start: Callable[..., Any], peer: Peer, tmp_path: Path
) -> None:
    arm = Arm(peer, has_controller=False)
    start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")

    def refusal() -> str:
        answer = peer.call(Trigger, "command_node/start")
        assert not answer.success
        return str(answer.message)

    # at first it may say that it has not looked for an emergency stop yet
    peer.until(lambda: "No controller listens on 'arm_controller/commands'" in refusal(), "the refusal")


@pytest.mark.parametrize(
    ("positions", "reason", "named"),
    [
        ({"elbow": 0.0, "wrist": 0.0}, "joint", "shoulder"),
        ({"elbow": 0.0, "shoulder": float("nan")}, "not_finite", "shoulder"),
        ({"elbow": 3.0, "shoulder": 0.0}, "limits", "elbow"),
        ({"elbow": 60.0, "shoulder": 0.0}, "units", "elbow"),
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
        said = process.refusal()
        assert named in said
        assert said.endswith(".")


def test_arguments_that_ros_does_not_take_end_in_a_sentence(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    process = start(NODE, contract=write_two_joints(tmp_path), chunk_topic="")
    assert process.wait() == 1
    assert "Traceback" not in process.said
    assert "`-p NAME:=VALUE` sets a parameter, with '' for an empty text" in process.said


def test_an_arm_that_is_moved_by_hand_is_sent_nothing_and_that_is_said_until_a_reset_takes_its_pose(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    peer = arm.peer
    process = start(NODE, contract=write_two_joints(tmp_path), autostart=True)
    arm.until_certified("the first command", rung="hold", commands="1")
    status = peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    arm.is_held = True
    arm.positions = {"shoulder": 1.2, "elbow": 0.3}
    arm.until_certified("the silence", rung="hold", reason="away", commands="0")
    sentence = "from the command, at rest: nothing is sent until reset"
    peer.until(lambda: sentence in process.said, "the log")
    peer.until(lambda: any(sentence in one.message for one in statuses(arm)), "the diagnostic")
    peer.until(lambda: status and values(status[-1])["reason"] == "away", "the status")
    answer = peer.call(Trigger, "command_node/start")
    assert not answer.success
    assert sentence in answer.message
    assert peer.call(Trigger, "command_node/reset").success
    arm.until_certified("commands", rung="hold", reason="not started", commands="1")
    np.testing.assert_array_equal(arm.rows()[-1, 0], [1.2, 0.3])
    arm.is_held = False
    arm.start_moving()
