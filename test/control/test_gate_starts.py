"""A gate begins only from readings that can be trusted and from where a first action is harmless."""

from __future__ import annotations

import numpy as np
import pytest
from arm_poses import CENTRE, pose
from contract_files import SHIPPED, two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import MAX_TILT_RAD, CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import ActionChunk, FloatArray, JointReading, Rung
from qgf_ros.errors import MotionRefused, ObservationRefused

TICK_NS = 10_000_000
NAMES = ("shoulder", "elbow")
START = np.array([0.5, -0.4])


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


def reading(positions: FloatArray = START, names: tuple[str, ...] = NAMES) -> JointReading:
    return JointReading(0, names, np.array(positions), np.zeros(len(names)), np.zeros(0))


BAD_READINGS = {
    "missing joint": ("joint", reading(np.array([0.5]), ("shoulder",)), "lack elbow: they name shoulder"),
    "no joints": ("joint", reading(np.zeros(0), ()), "lack shoulder, elbow: they name none"),
    "too few positions": (
        "shape",
        reading(np.array([0.5])),
        "have 1 positions for the names shoulder, elbow",
    ),
    "joint twice": ("shape", reading(np.zeros(3), ("elbow", "elbow", "shoulder")), "each joint needs one"),
    "not a number": ("not_finite", reading(np.array([0.5, np.nan])), "not finite"),
    "outside the limits": (
        "limits",
        reading(np.array([0.5, 2.0])),
        r"elbow stands at 2, outside .* -1 to 1\.5",
    ),
}


@pytest.mark.parametrize(("reason", "bad", "words"), BAD_READINGS.values(), ids=BAD_READINGS.keys())
def test_a_reset_from_a_bad_reading_is_refused_and_changes_nothing(
    contract: Contract, reason: str, bad: JointReading, words: str
) -> None:
    gate = CommandGate(contract, None)
    gate.reset(reading())
    gate.start()
    gate.load(ActionChunk(NAMES, np.array([[0.1, 0.25]]), 1))
    before = gate.tick(0, {"shoulder": 0.5, "elbow": -0.4})
    with pytest.raises(ObservationRefused, match=words) as caught:
        gate.reset(bad)
    assert caught.value.reason == reason
    assert gate.is_running
    after = gate.tick(TICK_NS, {"shoulder": 0.5, "elbow": -0.4})
    assert after.tick == before.tick + 1
    assert after.rung is Rung.CHUNK


def test_joints_that_the_contract_does_not_name_are_ignored(contract: Contract) -> None:
    gate = CommandGate(contract, None)
    gate.reset(reading(np.array([np.nan, -0.4, 0.5]), ("wheel", "elbow", "shoulder")))
    np.testing.assert_array_equal(gate.last_command(0).positions, START)


def test_before_a_reset_there_is_neither_a_start_nor_a_command(contract: Contract) -> None:
    gate = CommandGate(contract, None)
    with pytest.raises(MotionRefused, match="reset") as caught:
        gate.start()
    assert caught.value.reason == "not_reset"
    with pytest.raises(MotionRefused, match="reset"):
        gate.tick(0, {"shoulder": 0.0, "elbow": 0.0})


@pytest.fixture(scope="module")
def arm() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def kinematics(arm: Contract) -> Kinematics:
    return Kinematics(arm)


def arm_reading(arm: Contract, positions: dict[str, float]) -> JointReading:
    ordered = np.array([positions[joint] for joint in arm.interface.joints])
    return JointReading(0, arm.interface.joints, ordered, np.zeros(7), np.zeros(7))


def test_a_start_with_a_leaning_tool_is_refused_and_the_arm_holds(
    arm: Contract, kinematics: Kinematics
) -> None:
    gate = CommandGate(arm, kinematics)
    leaning = CENTRE | {"wrist_2_joint": CENTRE["wrist_2_joint"] + 0.5, "finger_joint": 0.0}
    gate.reset(arm_reading(arm, leaning))
    with pytest.raises(MotionRefused, match=r"leans 28\.6 degrees .* within 5\.7 degrees") as caught:
        gate.start()
    assert caught.value.reason == "tilted"
    assert not gate.is_running
    command = gate.tick(0, leaning)
    assert command.rung is Rung.HOLD
    np.testing.assert_array_equal(command.positions, arm_reading(arm, leaning).positions)


def test_a_slightly_leaning_tool_may_start_and_is_straightened_by_the_first_action(
    arm: Contract, kinematics: Kinematics
) -> None:
    gate = CommandGate(arm, kinematics)
    leaning = CENTRE | {"wrist_2_joint": CENTRE["wrist_2_joint"] + 0.8 * MAX_TILT_RAD, "finger_joint": 0.0}
    gate.reset(arm_reading(arm, leaning))
    gate.start()
    gate.load(ActionChunk(arm.interface.action.names, np.zeros((1, 5)), 1))
    last = [gate.tick(tick * TICK_NS, leaning) for tick in range(100)][-1]
    assert kinematics.tilt(dict(zip(arm.interface.joints, last.positions.tolist(), strict=True))) < 1e-4


def test_zero_actions_keep_the_arm_still_for_a_thousand_ticks(arm: Contract, kinematics: Kinematics) -> None:
    """With the reference `commanded`, though the measured arm sags by half a degree a joint."""
    gate = CommandGate(arm, kinematics)
    start = pose(kinematics, np.array([0.35, 0.12, 0.11]), yaw=0.6)
    sagged = {joint: position + 0.01 for joint, position in start.items()}
    gate.reset(arm_reading(arm, start))
    gate.start()
    for index in range(40):
        gate.load(ActionChunk(arm.interface.action.names, np.zeros((5, 5)), index * 25 * TICK_NS + 1))
        commands = [gate.tick((index * 25 + tick) * TICK_NS, sagged) for tick in range(25)]
    np.testing.assert_array_equal(commands[-1].positions, arm_reading(arm, start).positions)
    assert commands[-1].tick == 1000
