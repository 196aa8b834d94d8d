"""Forward and inverse kinematics of the contract's arm agree, and what cannot be reached is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_poses import CENTRE, STEP_M, STEP_RAD, pose
from contract_files import SHIPPED, write_shipped
from hypothesis import given
from hypothesis import strategies as st
from pyquaternion import Quaternion

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import TOLERANCE, Kinematics
from qgf_ros.errors import ContractError, UnreadableFileError

steps = st.tuples(*[st.floats(-1.0, 1.0)] * 4)  # of x, y, z and yaw, as parts of an action's range
inside = st.tuples(
    st.floats(0.25, 0.6), st.floats(-0.35, 0.35), st.floats(0.02, 0.35)
)  # the contract's workspace


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def kinematics(contract: Contract) -> Kinematics:
    return Kinematics(contract)


def angle_between(left: float, right: float) -> float:
    return float(abs((left - right + np.pi) % (2 * np.pi) - np.pi))


@given(position=inside, yaw=st.floats(-3.1, 3.1), step=steps)
def test_the_tool_stands_where_the_solution_says(
    kinematics: Kinematics, position: tuple[float, ...], yaw: float, step: tuple[float, ...]
) -> None:
    """From any upright pose in the workspace, for any target within one action's range."""
    start = pose(kinematics, np.array(position), yaw)
    wanted, wanted_yaw = np.array(position) + STEP_M * np.array(step[:3]), yaw + STEP_RAD * step[3]
    solution, error = kinematics.solve(wanted, wanted_yaw, start)
    assert error < TOLERANCE
    found, found_yaw = kinematics.tool(solution)
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE)
    assert angle_between(found_yaw, wanted_yaw) < TOLERANCE
    assert kinematics.tilt(solution) < TOLERANCE


@given(position=inside, yaw=st.floats(-3.1, 3.1), step=steps)
def test_a_small_step_of_the_tool_is_a_small_step_of_the_joints(
    kinematics: Kinematics, position: tuple[float, ...], yaw: float, step: tuple[float, ...]
) -> None:
    """The arm stays on its branch: close to the base 0.09 m (all axes at once) may turn the pan by 0.35 rad, and the
    yaw adds its 0.3 rad to the last joint; another branch would be more than a radian away."""
    start = pose(kinematics, np.array(position), yaw)
    after, _ = kinematics.solve(
        np.array(position) + STEP_M * np.array(step[:3]), yaw + STEP_RAD * step[3], start
    )
    assert max(abs(after[joint] - start[joint]) for joint in kinematics.joints) < 0.8


@given(position=inside, yaw=st.floats(-3.1, 3.1))
def test_a_pose_solves_itself_without_moving(
    kinematics: Kinematics, position: tuple[float, ...], yaw: float
) -> None:
    start = pose(kinematics, np.array(position), yaw)
    here, here_yaw = kinematics.tool(start)
    solution, error = kinematics.solve(here, here_yaw, start)
    assert solution == {joint: start[joint] for joint in kinematics.joints}
    assert error < TOLERANCE


@pytest.mark.parametrize("position", [(1.5, 0.0, 0.2), (0.4, 0.0, 3.0), (-2.0, -2.0, 0.0)])
def test_a_target_out_of_reach_is_reported(
    kinematics: Kinematics, position: tuple[float, float, float]
) -> None:
    solution, error = kinematics.solve(np.array(position), 0.0, CENTRE)
    assert error > 0.1
    assert np.isfinite(list(solution.values())).all()


@given(
    start=st.lists(st.floats(-7.0, 7.0), min_size=6, max_size=6),
    position=st.tuples(*[st.floats(-3.0, 3.0)] * 3),
    yaw=st.floats(-10.0, 10.0),
)
def test_any_start_and_target_give_finite_joints(
    kinematics: Kinematics, start: list[float], position: tuple[float, float, float], yaw: float
) -> None:
    solution, error = kinematics.solve(
        np.array(position), yaw, dict(zip(kinematics.joints, start, strict=True))
    )
    assert np.isfinite(list(solution.values())).all()
    assert np.isfinite(error)


def test_the_last_joint_turns_the_yaw_one_to_one_about_the_vertical(kinematics: Kinematics) -> None:
    upright, _ = kinematics.solve(np.array([0.4, 0.0, 0.2]), 0.0, CENTRE)
    here, yaw = kinematics.tool(upright)
    turned = upright | {"wrist_3_joint": upright["wrist_3_joint"] + 0.3}
    there, turned_yaw = kinematics.tool(turned)
    np.testing.assert_allclose(there, here, atol=TOLERANCE)
    assert angle_between(turned_yaw, yaw) == pytest.approx(0.3, abs=TOLERANCE)
    assert kinematics.tilt(turned) < TOLERANCE


def test_the_tilt_is_the_angle_from_the_nominal_attitude(kinematics: Kinematics) -> None:
    upright, _ = kinematics.solve(np.array([0.4, 0.0, 0.2]), 0.3, CENTRE)
    leaning = upright | {"wrist_2_joint": upright["wrist_2_joint"] + 0.25}
    assert kinematics.tilt(leaning) == pytest.approx(0.25, abs=1e-4)


def test_the_nominal_attitude_is_that_of_yaw_zero(contract: Contract, kinematics: Kinematics) -> None:
    assert contract.interface.kinematics is not None
    down = Quaternion(contract.interface.kinematics.nominal_quat_wxyz)
    np.testing.assert_allclose(down.rotate([0.0, 0.0, 1.0]), [0.0, 0.0, -1.0], atol=1e-9)


def test_joints_are_found_by_name_whatever_else_is_there(kinematics: Kinematics) -> None:
    reordered = {"lamp": 1.0} | {joint: CENTRE[joint] for joint in reversed(kinematics.joints)}
    np.testing.assert_array_equal(kinematics.tool(reordered)[0], kinematics.tool(CENTRE)[0])
    with pytest.raises(KeyError, match="elbow_joint"):
        kinematics.tool({joint: CENTRE[joint] for joint in kinematics.joints if joint != "elbow_joint"})


BAD_CONTRACTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no such tool": (
        lambda c: c["interface"]["kinematics"].update(tool="flange"),
        "has no site 'flange'; it has pinch",
    ),
    "limits wider than the model's": (
        lambda c: c["deployment"]["limits"]["elbow_joint"].update(upper=3.5),
        r"limits of 'elbow_joint' are -3\.14 to 3\.5; .* allows -3\.1415 to 3\.1415, and they may only be tighter",
    ),
}


@pytest.mark.parametrize(("edit", "words"), BAD_CONTRACTS.values(), ids=BAD_CONTRACTS.keys())
def test_a_contract_that_does_not_fit_its_model_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    contract = load_contract(write_shipped(tmp_path, edit))
    with pytest.raises(ContractError, match=words):
        Kinematics(contract)


BAD_MODELS: dict[str, tuple[str, str, type[Exception], str]] = {
    "joint that the contract does not name": (
        'name="elbow_joint"',
        'name="knee_joint"',
        ContractError,
        r"moves 'knee_joint'; interface\.joints must name every joint",
    ),
    "ball joint": (
        '<joint name="wrist_3_joint" axis="0 1 0" range="-6.28319 6.28319"/>',
        '<joint name="wrist_3_joint" type="ball"/>',
        ContractError,
        "'wrist_3_joint' .* is a ball or free joint; use hinges and slides",
    ),
    "no MuJoCo model": ('type="sphere"', 'type="cube"', UnreadableFileError, "is not a MuJoCo model: .*cube"),
}


@pytest.mark.parametrize(("old", "new", "error", "words"), BAD_MODELS.values(), ids=BAD_MODELS.keys())
def test_a_model_that_does_not_fit_its_contract_is_refused(
    tmp_path: Path, old: str, new: str, error: type[Exception], words: str
) -> None:
    path = write_shipped(tmp_path)
    model = tmp_path / "robots" / "ur5e_2f85.xml"
    assert old in model.read_text()
    model.write_text(model.read_text().replace(old, new))
    contract = load_contract(path)
    with pytest.raises(error, match=words):
        Kinematics(contract)
