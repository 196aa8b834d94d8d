"""The teleoperation node in a process of its own, before a real command node: a person's device moves the arm, and letting go rests it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_arm import Arm, stands_still
from contract_files import two_joints, write_two_joints
from diagnostic_msgs.msg import DiagnosticStatus
from limit_checks import assert_inside_limits
from ros_graph import LATCHED, Peer, Process, values
from sensor_msgs.msg import Joy
from trajectory_msgs.msg import JointTrajectory

pytestmark = pytest.mark.ros
TELEOP = "qgf_ros.nodes.teleop_node"
BUTTONS = "['take_over:1', 'hand_back:2', 'start:3', 'stop:4']"
Start = Callable[..., Process]


class Gamepad:
    """Sticks and buttons, said 50 times a second until somebody unplugs it."""

    def __init__(self, peer: Peer) -> None:
        self.axes, self.down = [0.0, 0.0], set[int]()
        self.is_plugged = True
        self._publisher = peer.node.create_publisher(Joy, "joy", 10)
        peer.node.create_timer(0.02, self._say)

    def _say(self) -> None:
        if self.is_plugged:
            self._publisher.publish(
                Joy(axes=self.axes, buttons=[int(number in self.down) for number in range(5)])
            )


@pytest.fixture
def gamepad(start: Start, active: Arm, tmp_path: Path) -> Gamepad:
    """In a person's hand, before an arm that holds; the policy is in command."""
    made = Gamepad(active.peer)
    contract = write_two_joints(tmp_path)
    start(TELEOP, contract=contract, deadman_button=0, buttons=BUTTONS, speeds="['1.0']")
    said = active.peer.collect(DiagnosticStatus, "teleop_node/status", LATCHED)
    active.peer.until(lambda: said and values(said[-1])["in_command"] == "policy", "the node's status")
    return made


def press(arm: Arm, gamepad: Gamepad, button: int, until: Callable[[], Any], what: str) -> None:
    """Holds a button down until something has come of it; on a busy machine it is pressed again."""

    def again() -> bool:
        gamepad.down ^= {button}
        for _ in range(10):
            arm.peer.until(lambda: True, "a turn")
        return bool(until())

    arm.peer.until(again, what)
    gamepad.down -= {button}


def certified(arm: Arm, **expected: str) -> Callable[[], bool]:
    return lambda: bool(arm.certificates) and expected.items() <= values(arm.certificates[-1]).items()


def test_a_person_takes_over_by_a_button_moves_the_arm_and_rests_it_by_letting_go(
    gamepad: Gamepad, active: Arm, tmp_path: Path
) -> None:
    chunks = active.peer.collect(JointTrajectory, "teleop_node/chunk")
    press(active, gamepad, 1, certified(active, in_command="teleop"), "the person in command")
    press(active, gamepad, 3, lambda: not certified(active, reason="not started")(), "the start")
    assert chunks == []  # nobody holds the deadman button
    gamepad.down.add(0)
    gamepad.axes = [1.0, 0.0]
    active.until_certified("the person's chunk", rung="chunk", checkpoint="teleop")
    begun = active.executed[-1].points[0].positions[0]
    active.peer.until(lambda: active.executed[-1].points[0].positions[0] > begun + 0.1, "a tenth of a radian")
    assert {message.header.frame_id for message in chunks} == {"teleop"}
    assert {len(message.points) for message in chunks} == {1}  # of a synchronous contract
    rows = len(active.executed)
    gamepad.down.clear()
    active.until_at_rest(rows)
    count = len(chunks)
    active.until_certified("that it goes on without a person", rung="tail")
    gamepad.down.add(0)
    gamepad.axes = [-1.0, 0.0]
    active.peer.until(lambda: len(chunks) > count, "chunks again")
    gamepad.is_plugged = False
    active.peer.until(lambda: stands_still(active.rows(len(active.executed) - 1)[-1]), "rest")
    assert_inside_limits(two_joints(tmp_path), active.rows())
    assert all(values(message)["refused"] == "" for message in active.certificates)


@pytest.mark.slow
def test_a_person_who_is_not_in_command_sends_nothing(gamepad: Gamepad, active: Arm) -> None:
    chunks = active.peer.collect(JointTrajectory, "teleop_node/chunk")
    active.start_moving()
    gamepad.down.add(0)
    gamepad.axes = [1.0, 1.0]
    active.until_certified(
        "the policy's chunk ends, and another is wished for", wants_chunk="true", rung="tail"
    )
    said = active.peer.collect(DiagnosticStatus, "teleop_node/status", LATCHED)
    active.peer.until(lambda: said and values(said[-1])["steering"] == "true", "the person steers")
    assert chunks == []


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"device": "twist"}, "one that moves the tool, or steered by keys or a gamepad."),
        ({"axes": "['hip:0']"}, "An axis of the gamepad is 'hip:0'"),
    ],
)
def test_a_parameter_that_does_not_fit_is_one_sentence(
    start: Start, tmp_path: Path, parameters: dict[str, object], sentence: str
) -> None:
    assert sentence in start(TELEOP, contract=write_two_joints(tmp_path), **parameters).refusal()
