"""A person takes over from a policy and hands back, on a real command node; what was recorded of it tells them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_arm import DEACTIVATE, Arm, change
from contract_files import two_joints
from limit_checks import assert_inside_limits
from ros_graph import LATCHED, values

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros
FORWARDS, BACKWARDS = np.array([[0.1, 0.2]] * 4), np.array([[-0.1, -0.2]] * 4)


def call(arm: Arm, service: str) -> str:
    answer = arm.peer.call(Trigger, f"command_node/{service}")
    assert answer.success
    return str(answer.message)


def test_a_person_takes_over_in_motion_and_hands_back_and_every_row_says_who_it_was(
    active: Arm, tmp_path: Path
) -> None:
    said = active.peer.collect(DiagnosticStatus, "command_node/status", LATCHED)
    active.start_moving()
    assert call(active, "take_over") == "teleop is in command"
    active.until_certified("the wish for a person's chunk", wants_chunk="true", in_command="teleop")
    active.propose(FORWARDS)
    active.until_certified("the policy's chunk is refused", refused="chunk_not_in_command")
    active.propose(BACKWARDS, source="teleop")
    taken = active.until_certified("the person's chunk", rung="chunk", checkpoint="teleop")
    assert taken["in_command"] == "teleop"
    active.peer.until(lambda: active.executed[-1].header.frame_id == "teleop", "a row of the person's")
    active.peer.until(lambda: said and values(said[-1]).get("in_command") == "teleop", "the status")
    assert call(active, "hand_back") == "policy is in command"
    active.until_certified("the wish for the policy's chunk", wants_chunk="true", in_command="policy")
    active.propose(BACKWARDS, source="teleop")
    active.until_certified("the person's chunk is refused", refused="chunk_not_in_command")
    active.propose(FORWARDS, source="0123")
    active.until_certified("the policy's chunk", rung="chunk", checkpoint="0123")
    assert_inside_limits(two_joints(tmp_path), active.rows())
    assert change(active.peer, DEACTIVATE)
    answer = active.peer.call(Trigger, "command_node/take_over")
    assert not answer.success
    assert "is not active" in answer.message
