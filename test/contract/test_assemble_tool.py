"""The tool's pose in an observation is the forward kinematics of the joints in its message."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import SHIPPED
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import JointReading, PoseReading, Reading
from qgf_ros.errors import ObservationRefused

NOW_NS = 5_000_000_000


@pytest.fixture(scope="module")
def arm() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def kinematics(arm: Contract) -> Kinematics:
    return Kinematics(arm)


HOME = (0.0, -1.6, 1.6, -1.6, -1.57, 0.3, 0.4)


def arm_readings(arm: Contract, positions: tuple[float, ...] = HOME) -> dict[str, Reading]:
    measured = JointReading(NOW_NS, arm.interface.joints, np.array(positions), np.zeros(7), np.zeros(7))
    cube = PoseReading(NOW_NS, "base_link", np.array([0.4, 0.0, 0.02]), np.array([1.0, 0.0, 0.0, 0.0]))
    return {"joint_states": measured, "command": measured, "cube": cube}


def test_the_tool_terms_are_the_forward_kinematics_of_the_named_joints(
    arm: Contract, kinematics: Kinematics
) -> None:
    values = Assembler(arm, kinematics).assemble(arm_readings(arm), NOW_NS).values
    position, yaw = kinematics.tool(dict(zip(arm.interface.joints, HOME, strict=True)))
    for term in ("tool", "commanded_tool"):
        np.testing.assert_allclose(values[arm.interface.slice_of(f"{term}_position")], position, rtol=1e-6)
        circle = values[arm.interface.slice_of(f"{term}_yaw")]
        np.testing.assert_allclose(circle, [np.cos(yaw), np.sin(yaw)], atol=1e-6)  # float32


@given(order=st.permutations(range(7)))
def test_shuffled_joints_give_the_same_tool(arm: Contract, kinematics: Kinematics, order: list[int]) -> None:
    assembler, found = Assembler(arm, kinematics), arm_readings(arm)
    state = found["joint_states"]
    assert isinstance(state, JointReading)
    names = tuple(state.names[place] for place in order)
    shuffled = JointReading(
        NOW_NS, names, state.positions[order], state.velocities[order], state.efforts[order]
    )
    expected = assembler.assemble(found, NOW_NS).values
    np.testing.assert_array_equal(
        assembler.assemble(found | {"joint_states": shuffled}, NOW_NS).values, expected
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_joints_that_are_not_finite_are_refused_before_the_kinematics(
    arm: Contract, kinematics: Kinematics, value: float
) -> None:
    found = arm_readings(arm, (*HOME[:2], value, *HOME[3:]))
    with pytest.raises(
        ObservationRefused, match=r"The joints on .* are not finite: .*elbow_joint (nan|-?inf)"
    ) as caught:
        Assembler(arm, kinematics).assemble(found, NOW_NS)
    assert caught.value.reason == "not_finite"


def test_a_message_without_a_joint_of_the_arm_is_refused(arm: Contract, kinematics: Kinematics) -> None:
    found = arm_readings(arm) | {
        "command": JointReading(NOW_NS, ("elbow_joint",), np.zeros(1), np.zeros(1), np.zeros(1))
    }
    with pytest.raises(
        ObservationRefused, match=r"'command_node/executed' .* has no joint 'shoulder_pan_joint'"
    ) as caught:
        Assembler(arm, kinematics).assemble(found, NOW_NS)
    assert caught.value.reason == "joint"


def test_an_empty_command_is_refused(arm: Contract, kinematics: Kinematics) -> None:
    empty = JointReading(NOW_NS, arm.interface.joints, np.zeros(0), np.zeros(0), np.zeros(0))
    with pytest.raises(ObservationRefused) as caught:
        Assembler(arm, kinematics).assemble(arm_readings(arm) | {"command": empty}, NOW_NS)
    assert caught.value.reason == "shape"


@given(
    shift=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
    turn=st.floats(-3.0, 3.0),
)
def test_a_pose_from_the_tool_is_the_pose_minus_the_tools(
    arm: Contract, kinematics: Kinematics, shift: tuple[float, ...], turn: float
) -> None:
    position, yaw = kinematics.tool(dict(zip(arm.interface.joints, HOME, strict=True)))
    found = arm_readings(arm)
    quat = np.array([np.cos((yaw + turn) / 2), 0.0, 0.0, np.sin((yaw + turn) / 2)])
    found["cube"] = PoseReading(NOW_NS, "base_link", position + np.array(shift), quat)
    values = Assembler(arm, kinematics).assemble(found, NOW_NS).values
    np.testing.assert_allclose(values[arm.interface.slice_of("cube_from_tool")], shift, atol=1e-6)  # float32
    circle = values[arm.interface.slice_of("cube_yaw_from_tool")]
    np.testing.assert_allclose(circle, [np.cos(4 * turn), np.sin(4 * turn)], atol=1e-5)  # float32, four turns


@given(quarters=st.integers(-4, 4))
def test_what_looks_alike_is_observed_alike(arm: Contract, kinematics: Kinematics, quarters: int) -> None:
    seen = []
    for yaw in (0.3, 0.3 + quarters * np.pi / 2):
        found = arm_readings(arm)
        quat = np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
        found["cube"] = PoseReading(NOW_NS, "base_link", np.array([0.4, 0.0, 0.02]), quat)
        values = Assembler(arm, kinematics).assemble(found, NOW_NS).values
        seen.append(values[arm.interface.slice_of("cube_yaw_from_tool")])
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-5)  # float32
