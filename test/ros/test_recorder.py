"""The recorder: all topics of the graph into a bag that others can read, and nobody is disturbed."""

from __future__ import annotations

import re
import shutil
import signal
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from ros_graph import LATCHED, Peer, Process, values

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags import rosbag2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

from qgf_ros.bags.reader import is_finished, read_bag, read_facts
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.travel import unpack_contract
from qgf_ros.nodes import recorder
from qgf_ros.nodes.recorder_topics import topics

pytestmark = pytest.mark.ros
MODULE = "qgf_ros.nodes.recorder_node"
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
Start = Callable[..., Process]


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    return two_joints(tmp_path).path


def joints(number: int) -> JointState:
    """A message that can be told from the others."""
    message = JointState(name=["a", "b"], position=array("d", [0.5 * number, -1.0]))
    message.velocity, message.effort = array("d", [1.0, 2.0]), array("d", [float(number)])
    return message


def recorded(peer: Peer) -> Callable[[], int]:
    """How many messages the recorder says that it has."""
    said = peer.collect(DiagnosticStatus, "recorder_node/status", LATCHED)
    return lambda: int(values(said[-1])["messages"]) if said else 0


def test_what_was_published_is_in_the_bag_with_times_and_definitions(
    start: Start, peer: Peer, contract: Path, tmp_path: Path, namespace: str
) -> None:
    count, bag = recorded(peer), tmp_path / "bag"
    publisher = peer.node.create_publisher(JointState, "joint_states", BEST_EFFORT)
    node = start(MODULE, contract=contract, record=bag)
    peer.matched(publisher)
    for number in range(20):
        publisher.publish(joints(number))
        peer.until(lambda: True, "a turn")
    peer.until(lambda: count() >= 20, "the recorder")
    assert node.end() == 0
    assert re.search(r"\d+ messages recorded, 0 lost", node.said)
    facts = read_facts(bag)
    assert facts["lost"] == "0"
    assert unpack_contract(facts, tmp_path / "unpacked").digest == load_contract(contract).digest
    topic = f"/{namespace}/joint_states"
    found = [entry for entry in read_bag(bag) if entry.topic == topic]
    assert [entry.sequence for entry in found] == list(range(1, 21))
    assert all(0 <= entry.received_ns - entry.sent_ns < 60_000_000_000 for entry in found)
    assert sorted(entry.sent_ns for entry in found) == [entry.sent_ns for entry in found]
    store = get_typestore(Stores.EMPTY)
    with rosbag2.Reader(bag) as reader:
        [connection] = [entry for entry in reader.connections if entry.topic == topic]
        store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        messages = [
            store.deserialize_cdr(data, connection.msgtype) for _, _, data in reader.messages([connection])
        ]
    np.testing.assert_array_equal([message.position[0] for message in messages], 0.5 * np.arange(20))
    assert messages[0].name == ["a", "b"]


def test_a_topic_whose_publisher_comes_later_is_recorded_too(
    start: Start, peer: Peer, contract: Path, tmp_path: Path, namespace: str
) -> None:
    count = recorded(peer)
    node = start(MODULE, contract=contract, record=tmp_path / "bag", topics="[extra]")
    early = peer.node.create_publisher(JointState, "joint_states", 10)
    peer.matched(early)
    late = peer.node.create_publisher(Float64MultiArray, "extra", 10)
    peer.matched(late)
    late.publish(Float64MultiArray(data=[1.0]))
    peer.until(lambda: count() >= 1, "the recorder")
    node.end()
    assert f"/{namespace}/extra" in {entry.topic for entry in read_bag(tmp_path / "bag")}


def test_a_folder_that_exists_is_one_sentence_and_stays_as_it_is(
    start: Start, contract: Path, tmp_path: Path
) -> None:
    (tmp_path / "bag").mkdir()
    node = start(MODULE, contract=contract, record=tmp_path / "bag")
    assert node.wait() == 1
    assert "is never written over: give the name of a new folder" in node.said
    assert "Traceback" not in node.said
    assert list((tmp_path / "bag").iterdir()) == []


def test_inputs_and_outputs_of_the_contract_are_recorded(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    named = {entry.topic for entry in contract.deployment.inputs.values()}
    sent = {entry.topic for entry in contract.deployment.outputs}
    assert set(topics(contract)) == named | sent


@pytest.mark.parametrize("storage", list(Storage), ids=[kind.value for kind in Storage])
def test_a_recorder_that_is_killed_leaves_all_that_it_had_reported(
    start: Start, peer: Peer, contract: Path, tmp_path: Path, storage: Storage
) -> None:
    """It reports once a second, after what it had was on the disk: so at most a second is lost."""
    count, bag = recorded(peer), tmp_path / "bag"
    publisher = peer.node.create_publisher(JointState, "joint_states", 1000)
    node = start(MODULE, contract=contract, record=bag, storage=storage.value)
    peer.matched(publisher)
    for number in range(50):
        publisher.publish(joints(number))
    peer.until(lambda: count() >= 50, "the recorder")
    publisher.publish(joints(50))
    reported = count()
    assert node.end(signal.SIGKILL) == -signal.SIGKILL
    assert len(list(read_bag(bag))) >= reported
    assert not is_finished(bag)


def marks(bag: Path) -> list[dict[str, str]]:
    """What the episode marks in a bag say, in order."""
    found = [entry for entry in read_bag(bag) if entry.topic.endswith("recorder_node/episode")]
    return [values(deserialize_message(entry.data, DiagnosticStatus)) for entry in found]


def told(peer: Peer, service: str) -> tuple[bool, str]:
    answer = peer.call(Trigger, f"recorder_node/{service}")
    return bool(answer.success), str(answer.message)


def test_episodes_are_marked_by_services_and_lie_in_the_bag_also_after_a_kill(
    start: Start, peer: Peer, contract: Path, tmp_path: Path
) -> None:
    said = peer.collect(DiagnosticStatus, "recorder_node/status", LATCHED)
    latest = peer.collect(DiagnosticStatus, "recorder_node/episode", LATCHED)
    bag = tmp_path / "bag"
    node = start(MODULE, contract=contract, record=bag)
    assert told(peer, "success") == (False, "No episode runs: begin one by begin_episode.")
    assert told(peer, "begin_episode") == (True, "episode 1 begins")
    assert told(peer, "begin_episode")[0] is False
    assert told(peer, "failure") == (True, "episode 1 ended: failure")
    told(peer, "begin_episode")
    told(peer, "success")
    told(peer, "begin_episode")
    peer.until(lambda: latest and values(latest[-1])["episode"] == "3", "the mark for latecomers")
    reported = len(said)
    peer.until(lambda: len(said) > reported + 1, "a whole second, after which all is on the disk")
    assert node.end(signal.SIGKILL) == -signal.SIGKILL
    states = [(mark["episode"], mark["state"], mark["outcome"]) for mark in marks(bag)]
    assert states == [
        ("1", "running", ""),
        ("1", "ended", "failure"),
        ("2", "running", ""),
        ("2", "ended", "success"),
        ("3", "running", ""),
    ]


def test_the_last_seconds_are_saved_when_somebody_asks_and_at_its_end_it_says_what_the_recording_holds(
    start: Start, peer: Peer, contract: Path, tmp_path: Path, namespace: str
) -> None:
    count, ring = recorded(peer), tmp_path / "ring"
    publisher = peer.node.create_publisher(JointState, "joint_states", 10)
    node = start(MODULE, contract=contract, record=tmp_path / "bag", ring=ring)
    peer.matched(publisher)
    told(peer, "begin_episode")
    for number in range(5):
        publisher.publish(joints(number))
    peer.until(lambda: count() >= 6, "the recorder")
    saved, words = told(peer, "save")
    assert saved, words
    [bag] = ring.iterdir()
    assert str(bag) in words
    assert len([entry for entry in read_bag(bag) if entry.topic == f"/{namespace}/joint_states"]) == 5
    assert is_finished(bag)
    assert unpack_contract(read_facts(bag), tmp_path / "unpacked").digest == load_contract(contract).digest
    assert node.end() == 0
    assert marks(tmp_path / "bag")[-1]["outcome"] == "unmarked"
    table = node.said.splitlines()
    [line] = [line for line in table if line.startswith(f"/{namespace}/command_node/certificate ")]
    assert line.endswith("silent")
    [line] = [line for line in table if line.startswith(f"/{namespace}/joint_states ")]
    assert line.split()[1] == "5"
    assert "episodes: 1 begun, 0 success, 0 failure, 1 unmarked" in table[-1]
    assert "GB free" in table[-1]


def test_a_recording_whose_folder_has_gone_has_no_audit_and_that_is_said(
    start: Start, peer: Peer, contract: Path, tmp_path: Path
) -> None:
    count = recorded(peer)
    publisher = peer.node.create_publisher(JointState, "joint_states", 10)
    node = start(MODULE, contract=contract, record=tmp_path / "bag")
    peer.matched(publisher)
    publisher.publish(joints(0))
    peer.until(count, "the recorder")
    shutil.rmtree(tmp_path / "bag")
    node.end()
    assert "There is no audit: " in node.said
    assert "Traceback" not in node.said


class Full:
    """Stands where a disk or a library fails: every write raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), ValueError("a bug of a library")], ids=["disk", "bug"]
)
def test_whatever_fails_while_writing_ends_the_recording_only_and_keeps_what_was_written(
    peer: Peer, contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    said = peer.collect(DiagnosticStatus, f"{peer.node.get_namespace()}/recorder_node/status", LATCHED)
    bag = tmp_path / "bag"
    overrides = [Parameter("contract", value=str(contract)), Parameter("record", value=str(bag))]
    node = recorder.RecorderNode(namespace=peer.node.get_namespace(), parameter_overrides=overrides)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    publisher = peer.node.create_publisher(JointState, "joint_states", BEST_EFFORT)

    def until(is_true: Callable[[], object], what: str) -> None:
        peer.until(lambda: node.turn(executor) or is_true(), what)

    until(publisher.get_subscription_count, "the recorder")
    publisher.publish(joints(1))
    until(lambda: said and values(said[-1])["messages"] >= "1", "a message in the bag")
    monkeypatch.setattr(BagWriter, "write", Full(error))
    publisher.publish(joints(2))
    until(lambda: values(said[-1])["state"] == "ended", "the end of the recording")
    assert said[-1].message.startswith("Recording has ended: ")
    until(lambda: True, "a turn after it")
    executor.shutdown()
    node.destroy_node()
    assert len([entry for entry in read_bag(bag) if entry.topic.endswith("joint_states")]) == 1
