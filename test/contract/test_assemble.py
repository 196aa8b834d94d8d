"""Readings become one observation vector by name, whatever order or message library they came in."""

from __future__ import annotations

import dataclasses
import re
from array import array
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from contract_files import SHIPPED, two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.assemble import FUTURE_TOLERANCE_NS, Assembler
from qgf_ros.contract.fields import read
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.kinematics import Kinematics
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
        lambda: readings(joints(age_ns=100_000_001)),
        r"on 'joint_states' \(input 'joint_states'\) is 0\.100 s old; the contract allows 0\.1 s",
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
        lambda: readings(joints(positions=(1e300, 0.0))),
        "Term 'angles' .* is not finite",
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
    found = readings(joints(age_ns=100_000_000), goal(age_ns=-FUTURE_TOLERANCE_NS))
    assert Assembler(contract, None).assemble(found, NOW_NS).stamp_ns == NOW_NS + FUTURE_TOLERANCE_NS


# Messages of rclpy keep numbers in array.array, those of rosbags in numpy arrays; both keep the layout of the fields.
def joint_state(numbers: Callable[[list[float]], Any]) -> SimpleNamespace:
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=4, nanosec=950_000_000), frame_id=""),
        name=["elbow", "shoulder"],
        position=numbers([0.2, 0.1]),
        velocity=numbers([2.0, 1.0]),
        effort=numbers([]),
    )


def pose_stamped() -> SimpleNamespace:
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=5, nanosec=0), frame_id="base_link"),
        pose=SimpleNamespace(
            position=SimpleNamespace(x=0.3, y=0.0, z=0.1),
            orientation=SimpleNamespace(x=0.0, y=0.0, z=0.6, w=0.8),
        ),
    )


def joint_trajectory(points: list[Any]) -> SimpleNamespace:
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id=""),
        joint_names=["shoulder", "elbow"],
        points=points,
    )


LIBRARIES: dict[str, Callable[[list[float]], Any]] = {
    "rclpy": lambda numbers: array("d", numbers),
    "rosbags": lambda numbers: np.array(numbers, np.float64),
    "lists": list,
}


@pytest.mark.parametrize("numbers", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_messages_of_every_library_read_alike(
    contract: Contract, numbers: Callable[[list[float]], Any]
) -> None:
    found = {
        "joint_states": read(joint_state(numbers), Message.JOINT_STATE),
        "goal": read(pose_stamped(), Message.POSE),
    }
    values = Assembler(contract, None).assemble(found, NOW_NS).values
    expected = readings(joints(age_ns=50_000_000), goal((0.8, 0.0, 0.0, 0.6)))
    np.testing.assert_array_equal(values, Assembler(contract, None).assemble(expected, NOW_NS).values)
    assert found["joint_states"].stamp_ns == 4_950_000_000


def test_quaternions_become_wxyz_when_a_message_is_read() -> None:
    reading = read(pose_stamped(), Message.POSE)
    assert isinstance(reading, PoseReading)
    np.testing.assert_array_equal(reading.quat_wxyz, [0.8, 0.0, 0.0, 0.6])


def test_a_command_of_one_point_reads_as_joints_and_an_empty_one_as_none() -> None:
    point = SimpleNamespace(positions=array("d", [0.1, 0.2]), velocities=array("d", [1.0, 2.0]))
    command = read(joint_trajectory([point]), Message.COMMAND)
    assert isinstance(command, JointReading)
    assert command.names == ("shoulder", "elbow")
    np.testing.assert_array_equal(command.positions, [0.1, 0.2])
    np.testing.assert_array_equal(command.velocities, [1.0, 2.0])
    empty = read(joint_trajectory([]), Message.COMMAND)
    assert isinstance(empty, JointReading)
    assert len(empty.positions) == 0


@pytest.mark.ros
def test_real_rclpy_messages_read_like_the_stand_ins() -> None:
    sensor = pytest.importorskip("sensor_msgs.msg", reason="needs the ROS message packages")
    geometry = pytest.importorskip("geometry_msgs.msg", reason="needs the ROS message packages")
    trajectory = pytest.importorskip("trajectory_msgs.msg", reason="needs the ROS message packages")
    state = sensor.JointState(name=["elbow", "shoulder"], position=[0.2, 0.1], velocity=[2.0, 1.0])
    state.header.stamp.sec, state.header.stamp.nanosec = 4, 950_000_000
    pose = geometry.PoseStamped()
    pose.header.stamp.sec, pose.header.frame_id = 5, "base_link"
    pose.pose.position.x, pose.pose.position.z = 0.3, 0.1
    pose.pose.orientation.z, pose.pose.orientation.w = 0.6, 0.8
    point = trajectory.JointTrajectoryPoint(positions=[0.1, 0.2], velocities=[1.0, 2.0])
    command = trajectory.JointTrajectory(joint_names=["shoulder", "elbow"], points=[point])
    command.header.stamp.sec, command.header.stamp.nanosec = 1, 2
    stand_in = SimpleNamespace(positions=[0.1, 0.2], velocities=[1.0, 2.0])
    assert_same(read(state, Message.JOINT_STATE), read(joint_state(list), Message.JOINT_STATE))
    assert_same(read(pose, Message.POSE), read(pose_stamped(), Message.POSE))
    assert_same(read(command, Message.COMMAND), read(joint_trajectory([stand_in]), Message.COMMAND))


def test_real_rosbags_messages_read_like_the_stand_ins() -> None:
    typesys = pytest.importorskip("rosbags.typesys", reason="rosbags is not installed")
    store = typesys.get_typestore(typesys.Stores.LATEST)
    header = store.types["std_msgs/msg/Header"](
        stamp=store.types["builtin_interfaces/msg/Time"](sec=4, nanosec=950_000_000), frame_id=""
    )
    state = store.types["sensor_msgs/msg/JointState"](
        header=header,
        name=["elbow", "shoulder"],
        position=np.array([0.2, 0.1]),
        velocity=np.array([2.0, 1.0]),
        effort=np.array([]),
    )
    assert_same(read(state, Message.JOINT_STATE), read(joint_state(list), Message.JOINT_STATE))


def assert_same(found: Reading, expected: Reading) -> None:
    for field in dataclasses.fields(expected):
        np.testing.assert_array_equal(
            dataclasses.asdict(found)[field.name],
            dataclasses.asdict(expected)[field.name],
            err_msg=field.name,
        )


# The tool's pose, by forward kinematics of the arm's model.
@pytest.fixture(scope="module")
def arm() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def kinematics(arm: Contract) -> Kinematics:
    return Kinematics(arm)


HOME = (0.0, -1.6, 1.6, -1.6, -1.57, 0.3, 0.4)


def arm_readings(arm: Contract, positions: tuple[float, ...] = HOME) -> dict[str, Reading]:
    measured = JointReading(NOW_NS, arm.interface.joints, np.array(positions), np.zeros(7), np.zeros(7))
    return {"joint_states": measured, "command": measured, "cube": goal()}


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
    empty = dataclasses.replace(read(joint_trajectory([]), Message.COMMAND), stamp_ns=NOW_NS)
    with pytest.raises(ObservationRefused) as caught:
        Assembler(arm, kinematics).assemble(arm_readings(arm) | {"command": empty}, NOW_NS)
    assert caught.value.reason == "shape"


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
