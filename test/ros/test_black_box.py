"""The black box: whatever came last is in the file, memory and time a tick are bounded, and no failure reaches the caller."""

from __future__ import annotations

from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, String

from qgf_ros.bags.reader import read_bag, read_facts
from qgf_ros.nodes import black_box
from qgf_ros.nodes.black_box import BATCH, KEPT_S, BlackBox

pytestmark = pytest.mark.ros
S = 1_000_000_000


def joints(number: int) -> JointState:
    message = JointState(name=["a"], position=[float(number)], velocity=[0.0], effort=[0.0])
    message.header.stamp = Time(sec=number)
    return message


def filled(folder: Path, count: int, period_ns: int = S // 100) -> BlackBox:
    box = BlackBox(folder, "/arm/command_node")
    for number in range(count):
        box.note("/arm/joint_states", joints(number), number * period_ns)
        box.serve()
    return box


def test_the_last_seconds_are_written_a_few_a_tick_and_can_be_read(tmp_path: Path) -> None:
    box = filled(tmp_path / "boxes", 3000)
    box.begin("emergency", 30 * S)
    ticks = 0
    while box.is_writing:
        box.serve()
        ticks += 1
    assert box.path is not None
    assert box.path.name == "arm_command_node-19700101T000030.000000Z-emergency"
    found = list(read_bag(box.path))
    numbers = [int(deserialize_message(entry.data, JointState).position[0]) for entry in found]
    assert numbers == list(range(3000 - len(numbers), 3000))
    assert found[-1].received_ns - found[0].received_ns == pytest.approx(KEPT_S * S, abs=S // 50)
    assert ticks == -(-len(found) // BATCH)
    assert read_facts(box.path) == {"reason": "emergency"}
    assert {(entry.topic, entry.type_name) for entry in found} == {
        ("/arm/joint_states", "sensor_msgs/msg/JointState")
    }


def test_what_holds_until_it_changes_is_written_however_old(tmp_path: Path) -> None:
    box = BlackBox(tmp_path, "node")
    box.state("/limits", String(data="old"), 0)
    box.state("/limits", String(data="newest"), 1)
    for number in range(2000):
        box.note("/joint_states", joints(number), number * S // 100)
        box.serve()
    box.begin("tracking", 0)
    box.finish()
    assert box.path is not None
    [limits] = [entry for entry in read_bag(box.path) if entry.topic == "/limits"]
    assert deserialize_message(limits.data, String).data == "newest"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60))
def test_memory_is_bounded_in_bytes(lengths: list[int]) -> None:
    most, black_box.MOST_BYTES = black_box.MOST_BYTES, 10_000
    try:
        box = BlackBox(Path("nowhere"), "node")
        for number, length in enumerate(lengths):
            box.note("/text", String(data="x" * length), number)
            box.serve()
            assert sum(len(kept.data) for kept in box._ring.messages) <= 10_000
    finally:
        black_box.MOST_BYTES = most


def test_a_stop_during_a_recording_finishes_it_and_begins_another(tmp_path: Path) -> None:
    box = filled(tmp_path, 100)
    box.begin("emergency", 1)
    first = box.path
    box.begin("tracking", 2 * S)
    box.finish()
    assert first is not None
    assert box.path is not None
    assert first != box.path
    assert len(list(read_bag(first))) == len(list(read_bag(box.path))) == 100


def test_a_folder_that_cannot_be_made_is_said_and_nothing_else_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    box = filled(tmp_path / "file" / "boxes", 10)
    box.begin("emergency", 0)
    box.serve()
    box.finish()
    assert "The black box was not written" in box.error
    assert not box.is_writing
    assert box.path is None


def test_a_disk_that_fills_up_ends_the_recording_and_never_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = filled(tmp_path, 100)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    box.begin("emergency", 0)
    monkeypatch.setattr(black_box.BagWriter, "write", full)
    box.serve()
    assert not box.is_writing
    assert "No space left on device" in box.error


def test_without_a_folder_nothing_is_kept_and_nothing_written() -> None:
    box = BlackBox(None, "node")
    box.note("/flag", Bool(data=True), 0)
    box.serve()
    box.begin("emergency", 0)
    assert (box.is_on, box.is_writing, box.path, box._ring.messages) == (False, False, None, [])
