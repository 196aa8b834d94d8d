"""Recordings that somebody made to harm: what is kept of them is bounded, and whatever is wrong is a violation with a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import peak_memory
import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from mcap.writer import CompressionType, Writer
from recorded_bags import BOOL, CHUNK, GROUP, JOINT_STATE, STORE, serialised
from verified_world import Certified, Command, World

from qgf_ros.bags.order import MOST_WAITING, in_order_of_sending
from qgf_ros.bags.reader import Recorded
from qgf_ros.bounds import MESSAGE_BYTES
from qgf_ros.errors import NotVerifiableError
from qgf_ros.verify.bag import Report, verify_bag
from qgf_ros.verify.violation import Violation, What

WORLD = World("jaco_reach", 3)
ENTRIES = WORLD.run(40)
HONEST = [
    Recorded(*serialised(entry)[:2], 100_000 * count, 100_000 * count, count, serialised(entry)[2])
    for count, entry in enumerate(ENTRIES)
]
MOST_BYTES = 200 << 20  # a chunk of 32 MiB, read and unpacked, and what is kept


def bag(folder: Path, messages: Iterable[Recorded]) -> Path:
    """A packed recording of these messages."""
    path = folder / "bag"
    path.mkdir()
    with (path / "bag_0.mcap").open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD, chunk_size=32 << 20)
        writer.start(profile="ros2")
        channels: dict[tuple[str, str], int] = {}
        for entry in messages:
            key = (entry.topic, entry.type_name)
            if key not in channels:
                schema = writer.register_schema(entry.type_name, "ros2msg", b"")
                channels[key] = writer.register_channel(entry.topic, "cdr", schema)
            writer.add_message(channels[key], entry.received_ns, entry.data, entry.sent_ns)
        writer.finish()
    return path


def verified(folder: Path, messages: Iterable[Recorded]) -> Report:
    """What the verifier says of them."""
    return verify_bag(bag(folder, messages), WORLD.contract, {})


def many(entry: Recorded, count: int, step_ns: int = 0) -> Iterator[Recorded]:
    """The message again and again, `step_ns` apart."""
    for index in range(count):
        at_ns = entry.sent_ns + index * step_ns
        yield entry._replace(received_ns=at_ns, sent_ns=at_ns)


def first_of(kind: type) -> Recorded:
    """The first honest message of an entry of this kind."""
    return HONEST[next(index for index, entry in enumerate(ENTRIES) if isinstance(entry, kind))]


def found(report: Report) -> dict[str, list[str]]:
    """What was found, by kind."""
    kinds = {entry.what for entry in report.violations}
    return {kind.value: [e.found for e in report.violations if e.what is kind] for kind in kinds}


def test_the_honest_recording_holds(tmp_path: Path) -> None:
    assert verified(tmp_path, HONEST).holds


def test_thousands_of_messages_of_one_moment_are_a_recording_that_cannot_be_read_to_its_end(
    tmp_path: Path,
) -> None:
    crowd = many(first_of(Command), MOST_WAITING + 1)
    problems = found(verified(tmp_path, [*HONEST, *crowd]))["incomplete"]
    assert f"More than {MOST_WAITING} messages" in problems[0]


def test_megabytes_of_one_moment_are_too(tmp_path: Path) -> None:
    large = first_of(Command)._replace(data=bytes(MESSAGE_BYTES))
    path = bag(tmp_path, [*HONEST, *many(large, 1000)])
    assert (path / "bag_0.mcap").stat().st_size < 100_000
    before = peak_memory.begin()
    problems = found(verify_bag(path, WORLD.contract, {}))["incomplete"]
    assert peak_memory.most() - before < MOST_BYTES
    assert "within 5 s" in problems[0]


def test_a_recording_without_certificates_is_refused_without_keeping_it(tmp_path: Path) -> None:
    large = Recorded("/joint_states", JOINT_STATE, 0, 0, 0, bytes(1 << 20))
    path = bag(tmp_path, many(large, 300, 10_000_000))
    before = peak_memory.begin()
    with pytest.raises(NotVerifiableError, match="it has no certificates"):
        verify_bag(path, WORLD.contract, {})
    assert peak_memory.most() - before < MOST_BYTES


def test_what_is_recorded_of_other_topics_is_not_kept(tmp_path: Path) -> None:
    picture = Recorded("/camera", "sensor_msgs/msg/Image", 0, 0, 0, bytes(1 << 20))
    path = bag(tmp_path, [*HONEST, *many(picture, 300)])
    before = peak_memory.begin()
    assert verify_bag(path, WORLD.contract, {}).holds
    assert peak_memory.most() - before < MOST_BYTES


def test_commands_without_end_and_without_a_certificate_are_not_kept(tmp_path: Path) -> None:
    layout = STORE.types["std_msgs/msg/MultiArrayLayout"](dim=[], data_offset=0)
    message = STORE.types[GROUP](layout=layout, data=np.zeros(25_000))
    large = first_of(Command)._replace(sent_ns=10**9, data=bytes(STORE.serialize_cdr(message, GROUP)))
    path = bag(tmp_path, [*HONEST, *many(large, 1000, 100_000_000)])
    before = peak_memory.begin()
    report = verify_bag(path, WORLD.contract, {})
    assert "command_uncertified" in found(report)
    assert peak_memory.most() - before < MOST_BYTES


@pytest.mark.parametrize("topic", sorted({entry.topic for entry in HONEST} - {"/command_node/certificate"}))
def test_a_topic_that_bears_another_type_is_a_violation(tmp_path: Path, topic: str) -> None:
    kinds = {entry.type_name for entry in HONEST if entry.topic == topic}
    other = CHUNK if BOOL in kinds else BOOL
    strange = Recorded(topic, other, 10**9, 10**9, 0, b"\0\1\0\0\1")
    problems = found(verified(tmp_path, [*HONEST, strange]))["unreadable"]
    assert f"it was recorded as {other}" in problems[0]


def test_a_certificate_of_another_type_is_a_violation(tmp_path: Path) -> None:
    strange = Recorded("/command_node/certificate", BOOL, 10**9, 10**9, 0, b"\0\1\0\0\1")
    assert (
        "is no diagnostic_msgs/msg/DiagnosticArray"
        in found(verified(tmp_path, [*HONEST, strange]))["unreadable"][0]
    )


def test_a_message_longer_than_any_honest_one_is_not_read(tmp_path: Path) -> None:
    long = Recorded("/joint_states", JOINT_STATE, 10**9, 10**9, 0, bytes(MESSAGE_BYTES + 1))
    problems = found(verified(tmp_path, [*HONEST, long]))["unreadable"]
    assert f"it has {MESSAGE_BYTES + 1} bytes, and at most {MESSAGE_BYTES} are read" in problems[0]


def test_what_is_told_of_a_violation_is_short() -> None:
    report = Report()
    report.add([Violation(What.COMMAND_VALUE, 0, 0, "x" * 10_000, "y" * 10_000, "z" * 10_000)])
    assert len(str(report.violations[0])) < 1000


def test_a_rung_is_a_word(tmp_path: Path) -> None:
    certified = next(entry for entry in reversed(ENTRIES) if isinstance(entry, Certified))
    strange = replace(certified, certificate=replace(certified.certificate, rung="r" * 1000))
    topic, kind, data = serialised(strange)
    last = Recorded(topic, kind, 10**9, 10**9, 0, data)
    report = verified(tmp_path, [*HONEST, last])
    assert "rung" in found(report)["unreadable"][0]
    assert set(report.rungs) <= {"chunk", "tail", "hold", "stop"}


def test_messages_of_one_time_keep_the_order_in_which_they_were_recorded() -> None:
    same = [HONEST[0]._replace(sequence=index) for index in range(50)]
    assert [entry.sequence for entry in in_order_of_sending(same)] == list(range(50))


def test_a_message_that_came_long_after_it_was_sent_is_in_order_too() -> None:
    """Found by the fuzzer."""
    late = HONEST[0]._replace(received_ns=10**10)
    assert list(in_order_of_sending([HONEST[1], late, HONEST[2]])) == [late, HONEST[1], HONEST[2]]
