"""Who else publishes is found by name, whatever it is called, and what cannot match says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_graph import Peer
from std_msgs.msg import Bool, Float64MultiArray, String

from qgf_ros.nodes import qos
from qgf_ros.nodes.publishers import Listened, PublisherWatch, apply

pytestmark = pytest.mark.ros
FLAG = Listened("flag", "std_msgs/msg/Bool", qos.EMERGENCY_KEPT)
SOUND = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


@pytest.fixture
def watch(peer: Peer) -> PublisherWatch:
    """Of a node with a publisher of commands of its own."""
    peer.node.create_publisher(Float64MultiArray, "arm/commands", qos.COMMAND)
    made = PublisherWatch(peer.node, ["arm/commands"], [FLAG])
    peer.until(lambda: peer.node.get_publishers_info_by_topic("arm/commands"), "our own publisher")
    return made


@pytest.fixture(params=["intruder", "tester"])
def other(request: pytest.FixtureRequest, namespace: str) -> Iterator[Node]:
    """Another node; once with the very name of ours."""
    made = Node(request.param, namespace=namespace)
    yield made
    made.destroy_node()


def test_alone_nothing_is_said(watch: PublisherWatch) -> None:
    assert watch.look() == {"second_publisher": "", "qos": ""}
    assert watch.worst_ms > 0


def test_a_second_publisher_of_commands_is_named_and_gone_when_it_ends(
    watch: PublisherWatch, peer: Peer, other: Node
) -> None:
    publisher = other.create_publisher(Float64MultiArray, "arm/commands", 1)
    peer.until(lambda: watch.look()["second_publisher"], "the second publisher")
    sentence = watch.look()["second_publisher"]
    assert f"{other.get_fully_qualified_name()} publishes on 'arm/commands' too" in sentence
    assert watch.look()["qos"] == ""
    other.destroy_publisher(publisher)
    peer.until(lambda: not watch.look()["second_publisher"], "its end")


@pytest.mark.parametrize(
    ("profile", "kind", "problem"),
    [
        (qos.SENSOR, Bool, "best effort, reliable is requested"),
        (QoSProfile(depth=1), Bool, "volatile, transient local is requested"),
        (SOUND, String, "publishes std_msgs/msg/String, std_msgs/msg/Bool is read"),
    ],
)
def test_an_input_that_can_never_match_is_named_with_the_policy(
    watch: PublisherWatch, peer: Peer, namespace: str, profile: QoSProfile, kind: type, problem: str
) -> None:
    peer.node.create_publisher(kind, "flag", profile)
    peer.until(lambda: watch.look()["qos"], "the mismatch")
    assert f"/{namespace}/tester on 'flag' is not heard: it" in watch.look()["qos"]
    assert problem in watch.look()["qos"]


def test_a_profile_that_matches_is_no_mismatch(watch: PublisherWatch, peer: Peer) -> None:
    peer.node.create_publisher(Bool, "flag", SOUND)
    peer.until(lambda: peer.node.get_publishers_info_by_topic("flag"), "the publisher")
    assert watch.look()["qos"] == ""


def test_what_is_found_suspends_motion_and_what_is_gone_ends_that() -> None:
    suspended: dict[str, str] = {"qos": "an older one"}
    apply({"second_publisher": "somebody", "qos": ""}, suspended.__setitem__, suspended.__delitem__)
    assert suspended == {"second_publisher": "somebody"}
