"""The command node in a process of its own: it plays chunks and stops within the limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import NODE, Arm, stands_still
from contract_files import two_joints, write_two_joints
from limit_checks import assert_inside_limits
from ros_graph import ROOT, Peer, values
from std_srvs.srv import Trigger

from qgf_ros.contract.fields import stamp_ns

pytestmark = pytest.mark.ros


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


def test_reset_while_moving_first_comes_to_rest_inside_the_limits(active: Arm, tmp_path: Path) -> None:
    active.start_moving()
    answer = active.peer.call(Trigger, "command_node/reset")
    assert (answer.success, answer.message) == (True, "at rest at the measured pose")
    active.peer.until(lambda: stands_still(active.rows()[-1]), "the last command, at rest")
    assert_inside_limits(two_joints(tmp_path), active.rows())


def test_executed_and_certificate_bear_the_stamp_of_their_tick(active: Arm) -> None:
    active.peer.until(lambda: len(active.executed) > 20, "commands")
    executed = [stamp_ns(message.header.stamp) for message in active.executed]
    certified = [stamp_ns(message.header.stamp) for message in active.certificates]
    assert executed == sorted(set(executed))
    assert set(executed[:10]) <= set(certified)


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
