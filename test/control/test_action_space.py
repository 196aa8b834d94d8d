"""What an action means: deltas of the tool or of joints, from the command or from the measured pose; or joint targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_poses import pose
from contract_files import SHIPPED, two_joints, write_shipped
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.kinematics import TOLERANCE, Kinematics

SAME = 1e-12  # rounding
HERE = {"shoulder": 0.5, "elbow": -0.4}
SAGGED = {"shoulder": 0.45, "elbow": -0.5}


# Joint actions.
@pytest.fixture(scope="module")
def joints(tmp_path_factory: pytest.TempPathFactory) -> ActionSpace:
    """Deltas of two joints: shoulder 0 +- 0.1, elbow 0.05 +- 0.2."""
    return ActionSpace(two_joints(tmp_path_factory.mktemp("joints")), None)


def with_reference(folder: Path, reference: str) -> ActionSpace:
    def edit(content: dict[str, Any]) -> None:
        content["interface"]["action"]["reference"] = reference

    return ActionSpace(two_joints(folder, edit), None)


def test_a_joint_delta_is_added_to_the_command(joints: ActionSpace) -> None:
    target = joints.target(np.array([0.1, -0.05]), HERE, SAGGED)
    assert target.positions == pytest.approx({"shoulder": 0.6, "elbow": -0.45}, abs=SAME)
    assert target.clipped == 0
    assert target.reachable


def test_with_the_measured_reference_it_is_added_to_the_measured_pose(tmp_path: Path) -> None:
    target = with_reference(tmp_path, "measured").target(np.array([0.1, -0.05]), HERE, SAGGED)
    assert target.positions == pytest.approx({"shoulder": 0.55, "elbow": -0.55}, abs=SAME)


def test_with_the_absolute_reference_it_is_the_target(tmp_path: Path) -> None:
    target = with_reference(tmp_path, "absolute").target(np.array([0.1, 0.25]), HERE, SAGGED)
    assert target.positions == pytest.approx({"shoulder": 0.1, "elbow": 0.25}, abs=SAME)


def test_components_outside_their_range_are_clipped_and_counted(joints: ActionSpace) -> None:
    target = joints.target(np.array([0.5, -9.0]), HERE, HERE)
    assert target.clipped == 2
    assert target.positions == pytest.approx({"shoulder": 0.6, "elbow": -0.55}, abs=SAME)


def test_rounding_at_the_edge_of_the_range_is_not_counted(joints: ActionSpace) -> None:
    assert joints.target(np.array([0.1 + 1e-12, 0.25]), HERE, HERE).clipped == 0


@given(values=st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=2))
def test_physical_and_normalised_actions_are_inverse(joints: ActionSpace, values: list[float]) -> None:
    there = joints.physical(np.array(values))
    np.testing.assert_allclose(joints.normalised(there), values, atol=SAME)
    assert joints.target(there, HERE, HERE).clipped == 0


def test_the_corners_of_the_policys_range_are_the_corners_of_the_physical(joints: ActionSpace) -> None:
    corners = joints.physical(np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(corners, [[-0.1, -0.15], [0.0, 0.05], [0.1, 0.25]], atol=SAME)


@pytest.mark.parametrize("reference", ["commanded", "measured", "absolute"])
@given(values=st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=2))
def test_the_action_towards_a_joint_target_is_the_inverse_of_the_target(
    tmp_path_factory: pytest.TempPathFactory, reference: str, values: list[float]
) -> None:
    space = with_reference(tmp_path_factory.mktemp("contract"), reference)
    action = space.physical(np.array(values))
    target = space.target(action, HERE, SAGGED)
    np.testing.assert_allclose(space.delta_to(target.positions, HERE, SAGGED), action, atol=SAME)


def test_an_action_towards_a_far_target_ends_at_the_range(joints: ActionSpace) -> None:
    np.testing.assert_allclose(joints.delta_to({"shoulder": 9.0, "elbow": -9.0}, HERE, HERE), [0.1, -0.15])


def test_a_joint_that_no_dimension_moves_keeps_its_command(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["interface"]["action"]["dimensions"].pop()

    space = ActionSpace(two_joints(tmp_path, edit), None)
    assert space.target(np.array([0.1]), HERE, SAGGED).positions["elbow"] == HERE["elbow"]


# Tool actions.
@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def kinematics(contract: Contract) -> Kinematics:
    return Kinematics(contract)


@pytest.fixture(scope="module")
def tool(contract: Contract, kinematics: Kinematics) -> ActionSpace:
    return ActionSpace(contract, kinematics)


inside = st.tuples(
    st.floats(0.31, 0.54), st.floats(-0.29, 0.29), st.floats(0.08, 0.29)
)  # a step away from the box
steps = st.tuples(*[st.floats(-1.0, 1.0)] * 5)


@given(place=inside, step=steps)
def test_a_tool_delta_moves_the_tool_by_that_delta(
    tool: ActionSpace, kinematics: Kinematics, place: tuple[float, float, float], step: tuple[float, ...]
) -> None:
    here, action = pose(kinematics, np.array(place), finger=0.4), tool.physical(np.array(step))
    action[4] *= 0.4  # a finger at 0.4 stays between 0 and 0.8
    target = tool.target(action, here, here)
    assert target.reachable
    assert target.clipped == 0
    before, yaw_before = kinematics.tool(here)
    after, yaw_after = kinematics.tool(target.positions)
    np.testing.assert_allclose(after - before, action[:3], atol=2 * TOLERANCE)
    assert yaw_after - yaw_before == pytest.approx(action[3], abs=2 * TOLERANCE)
    assert target.positions["finger_joint"] == pytest.approx(0.4 + action[4], abs=SAME)


@given(place=inside, step=steps)
def test_the_action_towards_a_tool_target_is_the_inverse_of_the_target(
    tool: ActionSpace, kinematics: Kinematics, place: tuple[float, float, float], step: tuple[float, ...]
) -> None:
    here, action = pose(kinematics, np.array(place), finger=0.4), tool.physical(np.array(step))
    reached = tool.target(action, here, here).positions
    position, yaw = kinematics.tool(reached)
    wanted = reached | dict(zip(("x", "y", "z", "yaw"), (*position.tolist(), yaw), strict=True))
    np.testing.assert_allclose(tool.delta_to(wanted, here, here), action, atol=2 * TOLERANCE)


def test_the_action_towards_a_yaw_goes_the_short_way_round(tool: ActionSpace, kinematics: Kinematics) -> None:
    here = pose(kinematics, np.array([0.4, 0.0, 0.2]), yaw=3.1)
    wanted = {"x": 0.4, "y": 0.0, "z": 0.2, "yaw": -3.1, "finger_joint": 0.2}
    assert tool.delta_to(wanted, here, here)[3] == pytest.approx(2 * np.pi - 6.2, abs=1e-4)


def test_a_target_outside_the_workspace_is_moved_to_its_edge_and_counted(
    tool: ActionSpace, kinematics: Kinematics
) -> None:
    here = pose(kinematics, np.array([0.59, 0.0, 0.03]))
    target = tool.target(np.array([0.05, 0.0, -0.05, 0.0, 0.0]), here, here)
    assert target.clipped == 2
    np.testing.assert_allclose(kinematics.tool(target.positions)[0], [0.6, 0.0, 0.02], atol=2 * TOLERANCE)


def test_a_tool_outside_the_workspace_comes_back_by_one_step_at_most(
    tool: ActionSpace, kinematics: Kinematics
) -> None:
    """However far outside the arm was left: the first action must not send it across the room."""
    here = pose(kinematics, np.array([0.4, 0.0, 0.5]))
    still = tool.target(np.zeros(5), here, here)
    assert still.clipped == 1
    np.testing.assert_allclose(kinematics.tool(still.positions)[0], [0.4, 0.0, 0.45], atol=2 * TOLERANCE)
    away = tool.target(np.array([0.0, 0.0, 0.05, 0.0, 0.0]), here, here)
    np.testing.assert_allclose(kinematics.tool(away.positions)[0], [0.4, 0.0, 0.45], atol=2 * TOLERANCE)


def test_a_target_that_no_joints_reach_keeps_the_arm_where_it_is_and_moves_the_rest(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["interface"]["action"]["workspace"] = [[-9.0, -9.0, -9.0], [9.0, 9.0, 9.0]]
        content["interface"]["action"]["dimensions"][0]["scale"] = 2.0

    far = load_contract(write_shipped(tmp_path, edit))
    kinematics = Kinematics(far)
    here = pose(kinematics, np.array([0.4, 0.0, 0.2]), finger=0.4)
    target = ActionSpace(far, kinematics).target(np.array([2.0, 0.0, 0.0, 0.0, 0.1]), here, here)
    assert not target.reachable
    assert target.positions == here | {"finger_joint": 0.5}


def test_a_zero_action_keeps_still_for_a_thousand_steps(tool: ActionSpace, kinematics: Kinematics) -> None:
    here = start = pose(kinematics, np.array([0.42, 0.11, 0.13]), yaw=0.8)
    sagged = {joint: position + 0.01 for joint, position in start.items()}
    for _ in range(1000):
        here = tool.target(np.zeros(5), here, sagged).positions
    assert here == start


def test_with_the_measured_reference_a_zero_action_follows_the_sag(tmp_path: Path) -> None:
    """Why the shipped contract adds to the command: an arm that hangs low is asked to stay low, and sinks."""

    def edit(content: dict[str, Any]) -> None:
        content["interface"]["action"]["reference"] = "measured"

    contract = load_contract(write_shipped(tmp_path, edit))
    kinematics = Kinematics(contract)
    commanded = pose(kinematics, np.array([0.4, 0.0, 0.2]))
    sagged = pose(kinematics, np.array([0.4, 0.0, 0.19]))
    target = ActionSpace(contract, kinematics).target(np.zeros(5), commanded, sagged)
    np.testing.assert_allclose(kinematics.tool(target.positions)[0], [0.4, 0.0, 0.19], atol=2 * TOLERANCE)
