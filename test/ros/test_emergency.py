"""The emergency stop's topic: whose word counts, and which words are heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contract_files import two_joints
from rclpy.node import Node
from ros_graph import LATCHED, Peer
from session_bench import TICK_NS, Bench
from std_msgs.msg import Bool

from qgf_ros.datatypes import Rung
from qgf_ros.errors import NotReadyError
from qgf_ros.nodes import emergency, qos
from qgf_ros.nodes.emergency import EmergencyStop

pytestmark = [
    pytest.mark.ros,
    pytest.mark.filterwarnings("ignore:Deprecated in favor:DeprecationWarning"),  # rclpy's own, on a mismatch
]
PRESSED, RELEASED = Bool(data=True), Bool(data=False)


class Heard:
    """An emergency stop that is looked at and taken from again and again, as the command node does."""

    def __init__(self, peer: Peer, is_polled: bool = True) -> None:
        self.peer = peer
        self.stop = EmergencyStop(peer.node, is_polled)

    def until(self, is_true: Callable[[], object], what: str) -> None:
        """Looks and takes until it is so."""

        def turned() -> object:
            self.stop.look()
            self.stop.take()
            return is_true()

        self.peer.until(turned, what)

    def until_heard(self, publisher: Any) -> None:
        """Says the same again and again until this publisher's next word would be heard."""
        self.until(lambda: publisher.get_subscription_count() > 0, "a subscription")


@pytest.fixture(params=[True, False], ids=["polled", "lockstep"])
def heard(peer: Peer, request: pytest.FixtureRequest) -> Heard:
    return Heard(peer, request.param)


@pytest.fixture
def other(namespace: str) -> Iterator[Node]:
    """Another node with a button."""
    made = Node("other", namespace=namespace)
    yield made
    made.destroy_node()


def test_a_kept_word_is_heard_also_where_another_publisher_keeps_none(
    heard: Heard, peer: Peer, other: Node
) -> None:
    other.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    peer.node.create_publisher(Bool, "emergency_stop", LATCHED).publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the kept word")


def test_each_button_that_is_pressed_must_be_released(heard: Heard, peer: Peer, other: Node) -> None:
    one = peer.node.create_publisher(Bool, "emergency_stop", LATCHED)
    two = other.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    heard.until_heard(one)
    heard.until_heard(two)
    one.publish(PRESSED)
    two.publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the press")
    two.publish(RELEASED)
    for _ in range(20):
        heard.until(lambda: True, "words")
        assert heard.stop.is_pressed
    one.publish(RELEASED)
    heard.until(lambda: not heard.stop.is_pressed, "the release of both")


def test_a_button_that_is_gone_is_released_by_another_word_and_not_before(
    heard: Heard, peer: Peer, other: Node
) -> None:
    """As from a command line that said it once; or the button's driver begins anew."""
    one = peer.node.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    heard.until_heard(one)
    one.publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the press")
    peer.node.destroy_publisher(one)
    topic = emergency.TOPIC
    heard.until(lambda: not peer.node.get_publishers_info_by_topic(topic), "the end of the button")
    assert heard.stop.is_pressed
    two = other.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    heard.until_heard(two)
    assert heard.stop.is_pressed
    two.publish(RELEASED)
    heard.until(lambda: not heard.stop.is_pressed, "the release")


def test_what_was_said_while_nobody_was_configured_stops_the_session_that_comes(
    heard: Heard, peer: Peer, tmp_path: Path
) -> None:
    button = peer.node.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    heard.until_heard(button)
    button.publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the press")
    session = Bench(two_joints(tmp_path)).session
    heard.stop.guard(session)
    assert session.black_box_due == "emergency"
    button.publish(RELEASED)
    heard.until(lambda: not heard.stop.is_pressed, "the release")
    assert session.black_box_due == "emergency"


def test_a_release_that_was_said_while_nobody_was_configured_lets_the_session_that_comes_be_reset(
    heard: Heard, peer: Peer, tmp_path: Path
) -> None:
    button = peer.node.create_publisher(Bool, "emergency_stop", qos.EMERGENCY)
    heard.until_heard(button)
    before, after = Bench(two_joints(tmp_path)), Bench(two_joints(tmp_path))
    heard.stop.guard(before.session)
    button.publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the press")
    heard.stop.guard(None)
    button.publish(RELEASED)
    heard.until(lambda: not heard.stop.is_pressed, "the release")
    after.session.take_latch_of(before.session)
    heard.stop.guard(after.session)
    assert after.tick().rung is Rung.STOP
    after.session.begin(after.now_ns - TICK_NS)
    assert after.tick().rung is Rung.HOLD


def test_a_word_that_comes_on_two_ways_stops_once(heard: Heard, peer: Peer, tmp_path: Path) -> None:
    """One that was released and reset meanwhile would be stopped by the copy."""
    button = peer.node.create_publisher(Bool, "emergency_stop", LATCHED)
    button.publish(RELEASED)
    heard.until(lambda: heard.stop.is_ready and button.get_subscription_count() == 2, "both ways")
    session = Bench(two_joints(tmp_path)).session
    said: list[bool] = []
    heard.stop.guard(session, lambda message: said.append(message.data))
    button.publish(PRESSED)
    heard.until(lambda: heard.stop.is_pressed, "the press")
    button.publish(RELEASED)
    heard.until(lambda: not heard.stop.is_pressed, "the release")
    assert session.stops == 1
    assert said == [True, False]


def test_before_the_topic_was_looked_at_and_kept_words_were_waited_for_it_is_not_ready(
    heard: Heard, peer: Peer
) -> None:
    peer.node.create_publisher(Bool, "emergency_stop", LATCHED)
    peer.until(lambda: peer.node.get_publishers_info_by_topic(emergency.TOPIC), "the button")
    with pytest.raises(NotReadyError, match="has not been looked at"):
        heard.stop.check_ready()
    heard.stop.look()
    with pytest.raises(NotReadyError):
        heard.stop.check_ready()
    heard.stop.look()
    heard.stop.check_ready()
