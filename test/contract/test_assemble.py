"""Readings become one observation vector by name, whatever order or message library they came in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.assemble import FUTURE_TOLERANCE_NS, Assembler
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointReading, PoseReading, Reading
from qgf_ros.errors import ObservationRefused

NOW_NS = 5_000_000_000
JOINTS = ("shoulder", "elbow")


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints and a goal."""
    return two_joints(tmp_path_factory.mktemp("contract"))


def joints(
    names: tuple[str, ...] = JOINTS,
    positions: tuple[float, ...] = (0.1, 0.2),
    velocities: tuple[float, ...] = (1.0, 2.0),
    age_ns: int = 0,
) -> JointReading:
    return JointReading(NOW_NS - age_ns, names, np.array(positions), np.array(velocities), np.zeros(0))


def goal(
    quat_wxyz: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0),
    frame: str = "base_link",
    position: tuple[float, ...] = (0.3, 0.0, 0.1),
    age_ns: int = 0,
) -> PoseReading:
    return PoseReading(NOW_NS - age_ns, frame, np.array(position), np.array(quat_wxyz))


def readings(joint_states: Reading | None = None, goal_pose: Reading | None = None) -> dict[str, Reading]:
    return {"joint_states": joint_states or joints(), "goal": goal_pose or goal()}


def refusal(contract: Contract, found: dict[str, Reading]) -> ObservationRefused:
    with pytest.raises(ObservationRefused) as caught:
        Assembler(contract, None).assemble(found, NOW_NS)
    return caught.value


def test_terms_stand_in_the_contracts_order_and_joints_in_the_terms(contract: Contract) -> None:
    observation = Assembler(contract, None).assemble(readings(), NOW_NS)
    expected = [0.1, 0.2, 2.0, 1.0, 0.3, 0.0, 0.1, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    np.testing.assert_array_equal(observation.values, np.array(expected, np.float32))
    assert observation.values.dtype == np.float32
    assert len(observation.values) == contract.interface.observation_dim


def test_the_stamp_is_that_of_the_newest_reading(contract: Contract) -> None:
    found = readings(joints(age_ns=20), goal(age_ns=30))
    assert Assembler(contract, None).assemble(found, NOW_NS).stamp_ns == NOW_NS - 20


@given(order=st.permutations([0, 1, 2, 3]))
def test_the_order_of_joints_in_a_message_is_free_and_extra_joints_are_ignored(
    contract: Contract, order: list[int]
) -> None:
    names, positions, velocities = (
        ("shoulder", "elbow", "wheel", "lamp"),
        (0.1, 0.2, np.nan, 7.0),
        (1.0, 2.0, 9.0, np.inf),
    )
    shuffled = joints(
        tuple(names[place] for place in order),
        tuple(positions[place] for place in order),
        tuple(velocities[place] for place in order),
    )
    assembler = Assembler(contract, None)
    expected = assembler.assemble(readings(), NOW_NS)
    found = assembler.assemble(readings(shuffled) | {"camera": goal(frame="elsewhere")}, NOW_NS)
    np.testing.assert_array_equal(found.values, expected.values)


@given(angle=st.floats(-3.0, 3.0), sign=st.sampled_from([1.0, -1.0]))
def test_a_quaternion_and_its_negative_are_one_attitude(
    contract: Contract, angle: float, sign: float
) -> None:
    quat = (sign * np.cos(angle / 2), 0.0, 0.0, sign * np.sin(angle / 2))
    values = Assembler(contract, None).assemble(readings(goal_pose=goal(quat)), NOW_NS).values
    yaw, attitude = contract.interface.slice_of("goal_yaw"), contract.interface.slice_of("goal_attitude")
    np.testing.assert_allclose(values[yaw], [np.cos(angle), np.sin(angle)], atol=1e-6)  # float32
    assert values[attitude][0] >= 0


REFUSALS: dict[str, tuple[str, Callable[[], dict[str, Reading]], str]] = {
    "nothing came": (
        "missing",
        lambda: {"goal": goal()},
        r"Nothing arrived yet on 'joint_states' .*publisher running",
    ),
    "too old": (
        "stale",
        lambda: readings(joints(age_ns=80_000_001)),
        r"on 'joint_states' \(input 'joint_states'\) is 0\.080 s old; the contract allows 0\.08 s",
    ),
    "no stamp": (
        "stale",
        lambda: readings(dataclasses.replace(joints(), stamp_ns=0)),
        "'joint_states' .* carries no stamp",
    ),
    "from the future": (
        "future",
        lambda: readings(goal_pose=goal(age_ns=-FUTURE_TOLERANCE_NS - 1)),
        r"'goal_pose' .* lies 0\.050 s in the future: check the clocks",
    ),
    "other frame": (
        "frame",
        lambda: readings(goal_pose=goal(frame="camera")),
        "'goal_pose' .* is in frame 'camera'; the contract accepts 'base_link'",
    ),
    "no frame": ("frame", lambda: readings(goal_pose=goal(frame="")), "is in frame ''"),
    "partial message": (
        "joint",
        lambda: readings(joints(("elbow",), (0.2,), (2.0,))),
        "has no joint 'shoulder': it names elbow",
    ),
    "empty message": (
        "joint",
        lambda: readings(joints((), (), ())),
        "has no joint 'shoulder': it names none",
    ),
    "no velocities": ("shape", lambda: readings(joints(velocities=())), "has 0 velocities for 2 joint names"),
    "too many positions": (
        "shape",
        lambda: readings(joints(positions=(1.0, 2.0, 3.0))),
        "has 3 positions for 2 joint names",
    ),
    "joint named twice": ("shape", lambda: readings(joints(("elbow", "elbow"))), "names a joint twice"),
    "not a number": (
        "not_finite",
        lambda: readings(joints(positions=(np.nan, 0.0))),
        r"Term 'angles' from 'joint_states' .* is not finite: \[nan, 0\.0\]",
    ),
    "infinite": (
        "not_finite",
        lambda: readings(goal_pose=goal(position=(np.inf, 0.0, 0.0))),
        "Term 'goal_position' from 'goal_pose'",
    ),
    "too large for float32": (
        "not_finite",
        lambda: readings(joints(velocities=(1e300, 0.0))),
        "Term 'speeds' .* is not finite",
    ),
    "quaternion of zeros": (
        "shape",
        lambda: readings(goal_pose=goal((0.0, 0.0, 0.0, 0.0))),
        r"quaternion on 'goal_pose' .* of length 0\.000; it must be 1",
    ),
    "quaternion of length two": (
        "shape",
        lambda: readings(goal_pose=goal((2.0, 0.0, 0.0, 0.0))),
        "length 2.000",
    ),
    "quaternion that is no number": (
        "not_finite",
        lambda: readings(goal_pose=goal((np.nan, 0.0, 0.0, 1.0))),
        "quaternion on 'goal_pose' .* is not finite",
    ),
    "pose for joints": (
        "shape",
        lambda: readings(goal()),
        r"'angles' \(position\) cannot be read from 'joint_states'",
    ),
    "joints for a pose": (
        "shape",
        lambda: readings(goal_pose=joints()),
        r"'goal_position' \(pose_position\) cannot be read from 'goal_pose'",
    ),
}


@pytest.mark.parametrize(("reason", "found", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_trusted_is_refused_with_a_reason(
    contract: Contract, reason: str, found: Callable[[], dict[str, Reading]], words: str
) -> None:
    error = refusal(contract, found())
    assert error.reason == reason
    assert re.search(words, str(error))


def test_ages_and_clock_differences_at_the_border_are_accepted(contract: Contract) -> None:
    found = readings(joints(age_ns=80_000_000), goal(age_ns=-FUTURE_TOLERANCE_NS))
    assert Assembler(contract, None).assemble(found, NOW_NS).stamp_ns == NOW_NS + FUTURE_TOLERANCE_NS


def test_joints_that_turn_without_end_read_as_points_on_the_circle(tmp_path: Path) -> None:
    def turn(content: dict[str, Any]) -> None:
        content["interface"]["observation"][0].update(field="position_circle", unit="1")

    contract = two_joints(tmp_path, turn)
    values = (
        Assembler(contract, None).assemble(readings(), NOW_NS).values[contract.interface.slice_of("angles")]
    )
    np.testing.assert_allclose(values, [np.cos(0.1), np.cos(0.2), np.sin(0.1), np.sin(0.2)], rtol=1e-6)
    later = (
        Assembler(contract, None).assemble(readings(joints(positions=(0.1 + 2 * np.pi, 0.2))), NOW_NS).values
    )
    np.testing.assert_allclose(later[contract.interface.slice_of("angles")], values, atol=1e-6)  # float32


def test_a_robot_may_call_the_contracts_frame_by_another_name(tmp_path: Path) -> None:
    here = two_joints(
        tmp_path, lambda content: content["deployment"]["inputs"]["goal"].update(frame="qgf_base")
    )
    accepted = Assembler(here, None).assemble(readings(goal_pose=goal(frame="qgf_base")), NOW_NS)
    assert len(accepted.values) == here.interface.observation_dim
    error = refusal(here, readings(goal_pose=goal(frame="base_link")))
    assert error.reason == "frame"
    assert "the contract accepts 'qgf_base'" in str(error)
