"""Values in other units are refused by name before they reach a policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointReading, PoseReading, Reading
from qgf_ros.errors import ObservationRefused

NOW_NS = 1_000_000_000


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints and a goal's pose; the elbow's range is -1 to 1.5 rad."""
    return two_joints(tmp_path_factory.mktemp("plausible"))


def readings(elbow: float = 0.2, x: float = 0.4) -> dict[str, Reading]:
    """Good ones, but for these values."""
    joints = JointReading(NOW_NS, ("elbow", "shoulder"), np.array([elbow, 0.1]), np.zeros(2), np.zeros(0))
    goal = PoseReading(NOW_NS, "base_link", np.array([x, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0]))
    return {"joint_states": joints, "goal": goal}


@given(elbow=st.floats(-3.5, 4.0), x=st.floats(-20.0, 20.0))
def test_within_a_range_s_width_beyond_it_values_are_believed(
    contract: Contract, elbow: float, x: float
) -> None:
    values = Assembler(contract, None).assemble(readings(elbow, x), NOW_NS).values
    assert values[1] == np.float32(elbow)


@given(elbow=st.floats(4.01, 1e9) | st.floats(-1e9, -3.51))
def test_a_joint_in_degrees_is_refused_by_name(contract: Contract, elbow: float) -> None:
    with pytest.raises(ObservationRefused, match=r"'elbow' on 'joint_states' .* is it in radians") as caught:
        Assembler(contract, None).assemble(readings(elbow=elbow), NOW_NS)
    assert caught.value.reason == "units"


def test_a_pose_in_millimetres_is_refused_by_its_topic(contract: Contract) -> None:
    with pytest.raises(ObservationRefused, match=r"'goal_pose' .* lies 400 m off") as caught:
        Assembler(contract, None).assemble(readings(x=400.0), NOW_NS)
    assert caught.value.reason == "units"


def test_what_is_not_finite_is_refused_as_such(contract: Contract) -> None:
    for found in (readings(elbow=float("nan")), readings(x=float("nan"))):
        with pytest.raises(ObservationRefused) as caught:
            Assembler(contract, None).assemble(found, NOW_NS)
        assert caught.value.reason == "not_finite"


def test_the_shape_of_a_message_is_refused_as_such(tmp_path: Path, contract: Contract) -> None:
    found = readings() | {
        "joint_states": JointReading(NOW_NS, ("elbow", "shoulder"), np.zeros(1), np.zeros(2), np.zeros(0))
    }
    with pytest.raises(ObservationRefused) as caught:
        Assembler(contract, None).assemble(found, NOW_NS)
    assert caught.value.reason == "shape"
