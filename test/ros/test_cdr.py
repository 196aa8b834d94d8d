"""A serialised message is cut exactly: other readers take it, and it says the same."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.nodes.cdr import exact

pytestmark = pytest.mark.ros
numbers = st.lists(st.floats(allow_nan=False), max_size=5).map(lambda values: array("d", values))
words = st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=9)
texts = st.lists(words, max_size=4)
points = st.builds(
    JointTrajectoryPoint, positions=numbers, velocities=numbers, accelerations=numbers, effort=numbers
)
statuses = st.builds(
    DiagnosticStatus,
    name=words,
    message=words,
    values=st.lists(st.builds(KeyValue, key=words, value=words), max_size=3),
)
messages = st.one_of(
    st.builds(JointState, name=texts, position=numbers, velocity=numbers, effort=numbers),
    st.builds(JointTrajectory, joint_names=texts, points=st.lists(points, max_size=4)),
    st.builds(DiagnosticArray, status=st.lists(statuses, max_size=3)),
    st.builds(Float64MultiArray, data=numbers),
    st.builds(String, data=words),
    st.builds(Bool, data=st.booleans()),
    st.builds(Float64, data=st.floats(allow_nan=False)),
    st.sampled_from([PoseStamped(), PoseWithCovariance(), Empty()]),
)


@settings(max_examples=200, deadline=None)
@given(messages)
def test_the_cut_message_says_the_same_and_is_as_long_as_others_make_it(message: Any) -> None:
    typesys = pytest.importorskip("rosbags.typesys", reason="needs rosbags: pip install 'qgf_ros[test]'")
    store = typesys.get_typestore(typesys.Stores.LATEST)
    kind = type(message)
    name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
    cut = exact(serialize_message(message), kind)
    assert deserialize_message(cut, kind) == message
    read = store.deserialize_cdr(cut, name)
    assert len(cut) == len(store.serialize_cdr(read, name))


@given(st.binary(min_size=4, max_size=80))
def test_bytes_that_are_no_such_message_are_a_value_error(data: bytes) -> None:
    try:
        cut = exact(data, JointTrajectory)
    except ValueError:
        return
    assert data.startswith(cut)
