"""The contract for real hardware speaks the language of the one that the checkpoint was made with, only more carefully."""

from __future__ import annotations

import pytest
from contract_files import SHIPPED

from qgf_ros.contract.load import differences, load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.control.kinematics import Kinematics


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


def test_poses_are_asked_for_in_the_frame_of_the_model(hardware: Contract) -> None:
    """The model's base is turned against the driver's `base_link`, so poses under that name must be refused."""
    assert [entry.frame for entry in hardware.inputs] == [None, None, "qgf_base"]
