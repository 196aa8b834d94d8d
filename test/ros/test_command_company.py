"""The command node among others: a second source of commands, an input that cannot be heard, and shadow mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_arm import NODE, Arm, statuses
from contract_files import two_joints, write_two_joints
from limit_checks import assert_inside_limits
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_graph import EVERYTHING
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

pytestmark = pytest.mark.ros
WARNED = pytest.mark.filterwarnings(
    "ignore:Deprecated in favor:DeprecationWarning"
)  # rclpy's own, on a mismatch


def test_a_second_publisher_of_commands_holds_the_arm_and_is_named(active: Arm, tmp_path: Path) -> None:
    peer = active.peer
    active.start_moving()
    begun = len(active.executed)
    other = peer.node.create_publisher(Float64MultiArray, "arm_controller/commands", 1)
    active.until_certified("the hold", rung="hold", reason="second_publisher")
    active.until_at_rest(begun)
    assert_inside_limits(two_joints(tmp_path), active.rows())
    peer.until(
        lambda: any(
            "tester publishes on 'arm_controller/commands' too" in one.message for one in statuses(active)
        ),
        "a diagnostic that names it",
    )
    peer.node.destroy_publisher(other)
    peer.until(lambda: _starts(active), "a start, once it is gone")


def _starts(arm: Arm) -> bool:
    return bool(arm.peer.call(Trigger, "command_node/start").success)


@WARNED
def test_an_emergency_stop_that_could_not_be_heard_holds_the_arm_and_names_the_policy(active: Arm) -> None:
    active.start_moving()
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    active.peer.node.create_publisher(Bool, "emergency_stop", best_effort)
    active.until_certified("the hold", rung="hold", reason="qos")
    active.peer.until(
        lambda: any(
            "on 'emergency_stop' is not heard: it offers best effort" in one.message
            for one in statuses(active)
        ),
        "a diagnostic that says why",
    )


def test_in_shadow_everything_is_said_and_nothing_commanded_while_another_moves_the_arm(
    start: Callable[..., Any], arm: Arm, tmp_path: Path
) -> None:
    peer = arm.peer
    commands = peer.collect(Float64MultiArray, "arm_controller/commands", EVERYTHING)
    start(NODE, contract=write_two_joints(tmp_path), shadow=True, full_speed_confirmed=True, autostart=True)
    arm.until_certified("the first certificate", rung="hold", shadow="true", commands="0")
    peer.node.create_publisher(Float64MultiArray, "arm_controller/commands", 1)  # who really moves it
    arm.start()
    arm.until_certified("the wish for a chunk", wants_chunk="true", shadow="true")
    arm.positions = {"shoulder": 0.7, "elbow": 0.1}
    for _ in range(5):  # joint states come at every tick
        arm.until_certified("a tick with the arm elsewhere", rung="tail")
    arm.propose(np.array([[0.1, 0.2]] * 4))
    arm.until_certified("the chunk", rung="chunk", commands="0", shadow="true")
    begins = np.array([0.7, 0.1])  # of the virtual command: where the arm is
    peer.until(lambda: np.abs(arm.rows()[-1, 0] - begins).max() < 0.2, "the virtual command")
    assert commands == []
