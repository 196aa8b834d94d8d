"""Messages of rclpy, of rosbags and of anything else with their fields read alike."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.bounds import NAMES
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import JointReading, PoseReading, Reading

NOW_NS = 5_000_000_000


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints and a goal."""
    return two_joints(tmp_path_factory.mktemp("contract"))


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
    expected = [0.1, 0.2, 2.0, 1.0, 0.3, 0.0, 0.1, 0.28, 0.96, 0.8, 0.0, 0.0, 0.6]
    np.testing.assert_allclose(values, expected, atol=1e-6)  # float32
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
    sensor = pytest.importorskip(
        "sensor_msgs.msg", reason="needs the ROS message packages: pip install 'qgf_ros[ros]'"
    )
    geometry = pytest.importorskip(
        "geometry_msgs.msg", reason="needs the ROS message packages: pip install 'qgf_ros[ros]'"
    )
    trajectory = pytest.importorskip(
        "trajectory_msgs.msg", reason="needs the ROS message packages: pip install 'qgf_ros[ros]'"
    )
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
    typesys = pytest.importorskip("rosbags.typesys", reason="needs rosbags: pip install 'qgf_ros[test]'")
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


def test_a_message_with_more_names_than_any_robot_has_joints_gives_no_values() -> None:
    """Whoever takes such a reading refuses it by its shape, and no node spends a tick on a million names."""
    names = [f"joint_{index}" for index in range(100_000)]
    header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id="")
    joints = SimpleNamespace(header=header, name=names, position=[0.0] * 100_000, velocity=[], effort=[])
    command = SimpleNamespace(header=header, joint_names=names, points=[])
    for message, kind in ((joints, Message.JOINT_STATE), (command, Message.COMMAND)):
        reading = read(message, kind)
        assert isinstance(reading, JointReading)
        assert reading.stamp_ns == 1_000_000_002
        assert len(reading.names) == NAMES + 1
        assert not len(reading.positions)
