"""The contract for real hardware speaks the language of the one that the checkpoint was made with, only more carefully."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import SHIPPED

from qgf_ros.contract.load import differences, load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import FloatArray


@pytest.fixture(scope="module")
def hardware() -> Contract:
    return load_contract(SHIPPED.with_name("ur5e_hardware.yaml"))


@pytest.fixture(scope="module")
def simulated() -> Contract:
    return load_contract(SHIPPED)


def test_its_interface_is_that_of_the_simulated_arm(hardware: Contract, simulated: Contract) -> None:
    assert differences(hardware.interface, simulated.interface) == []
    assert hardware.interface.digest == simulated.interface.digest


def test_its_limits_are_nowhere_wider(hardware: Contract, simulated: Contract) -> None:
    for joint, wide in simulated.deployment.limits.items():
        tight = hardware.deployment.limits[joint]
        assert wide.lower <= tight.lower
        assert tight.upper <= wide.upper
        assert tight.velocity < wide.velocity
        assert tight.acceleration < wide.acceleration
        assert tight.jerk < wide.jerk


def test_its_limits_lie_inside_its_model(hardware: Contract) -> None:
    assert Kinematics(hardware).joints == hardware.interface.joints[:6]


def test_the_arm_gets_trajectories_that_end_at_rest_and_the_gripper_goals(hardware: Contract) -> None:
    arm, gripper = hardware.deployment.outputs
    assert arm.kind is OutputKind.TRAJECTORY
    assert arm.joints == hardware.interface.joints[:6]
    assert gripper.kind is OutputKind.GRIPPER_COMMAND


# Denavit-Hartenberg parameters of a UR5e as its manufacturer publishes them: d and a in m, alpha in rad.
DH = (
    (0.1625, 0.0, np.pi / 2),
    (0.0, -0.425, 0.0),
    (0.0, -0.3922, 0.0),
    (0.1333, 0.0, np.pi / 2),
    (0.0997, 0.0, -np.pi / 2),
    (0.0996, 0.0, 0.0),
)
PINCH_BEYOND_FLANGE_M = 0.1558
LINK_ROUNDING_M = 0.003  # the simulator rounds the link lengths to millimetres


def flange(angles: FloatArray) -> FloatArray:
    """The flange (tool0) in the driver's `base_link` as a homogeneous transform (4, 4)."""
    turned = np.diag([-1.0, -1.0, 1.0, 1.0])  # the controller's base is turned by half a circle in base_link
    for angle, (d, a, alpha) in zip(angles, DH, strict=True):
        c, s, ca, sa = np.cos(angle), np.sin(angle), np.cos(alpha), np.sin(alpha)
        link = [[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s], [0, sa, ca, d], [0, 0, 0, 1]]
        turned = turned @ np.array(link)
    return turned


def test_the_model_is_the_drivers_arm_turned_by_a_quarter(hardware: Contract) -> None:
    """What step 3 of docs/tutorial_own_arm.md says: x, y of the model is y, -x of the driver's `base_link`."""
    kinematics, rng = Kinematics(hardware), np.random.default_rng(0)
    for angles in rng.uniform(-np.pi, np.pi, (50, 6)):
        pinch = flange(angles) @ np.array([0.0, 0.0, PINCH_BEYOND_FLANGE_M, 1.0])
        x, y, z = kinematics.tool(dict(zip(kinematics.joints, angles.tolist(), strict=True)))[0]
        np.testing.assert_allclose([y, -x, z], pinch[:3], atol=LINK_ROUNDING_M)


def test_poses_are_asked_for_in_the_frame_of_the_model(hardware: Contract) -> None:
    """The model's base is turned against the driver's `base_link`, so poses under that name must be refused."""
    assert [entry.frame for entry in hardware.inputs] == [None, None, "qgf_base"]
