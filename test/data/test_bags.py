"""Bags: what is written can be read back by rosbags, which knows nothing of us, and by our reader even after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from rosbags import rosbag2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from qgf_ros.bags.definitions import definition
from qgf_ros.bags.reader import is_finished, read_bag
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.errors import CannotWriteError, FolderExistsError, MissingDefinitionError

STATE = "demo_msgs/msg/Grip"
TYPES = {
    "demo_msgs/Grip": "# a comment\nbuiltin_interfaces/Time stamp\nFinger[<=3] fingers\nstring NAME=grip\nfloat64[] forces\n",
    "demo_msgs/Finger": "float64 angle 0.5   # rad\nbool is_closed\n",
    "builtin_interfaces/Time": "int32 sec\nuint32 nanosec\n",
}
SECOND = 1_000_000_000
BOTH = pytest.mark.parametrize("storage", list(Storage), ids=[kind.value for kind in Storage])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A prefix with the packages' definitions."""
    for name, text in TYPES.items():
        package, kind = name.split("/")
        path = tmp_path / "prefix" / "share" / package / "msg" / f"{kind}.msg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "prefix"


def grip(forces: list[float]) -> bytes:
    """A serialised message, made by rosbags from the definition that we write."""
    store = get_typestore(Stores.EMPTY)
    for name, text in TYPES.items():
        store.register(get_types_from_msg(text, name.replace("/", "/msg/")))
    time = store.types["builtin_interfaces/msg/Time"](sec=1, nanosec=2)
    finger = store.types["demo_msgs/msg/Finger"](angle=0.25, is_closed=True)
    import numpy as np

    message = store.types[STATE](stamp=time, fingers=[finger], forces=np.array(forces))
    return bytes(store.serialize_cdr(message, STATE))


def test_a_definition_brings_those_within_it_along_once_each(place: Path) -> None:
    text = definition(STATE, [place])
    assert text.startswith(TYPES["demo_msgs/Grip"])
    assert [line for line in text.splitlines() if line.startswith("MSG: ")] == [
        "MSG: builtin_interfaces/Time",
        "MSG: demo_msgs/Finger",
    ]


def test_a_type_that_is_not_installed_is_named_with_the_places_that_were_searched(tmp_path: Path) -> None:
    with pytest.raises(MissingDefinitionError, match=r"share/demo_msgs/msg/Grip\.msg .*nowhere"):
        definition(STATE, [tmp_path / "nowhere"])


@BOTH
def test_rosbags_reads_the_bag_with_the_definitions_in_it(
    place: Path, tmp_path: Path, storage: Storage
) -> None:
    writer = BagWriter(tmp_path / "bag", [place], storage=storage)
    writer.add_topic("/left/grip", STATE)
    for count in range(5):
        writer.write(
            "/left/grip", grip([0.5 * count, 1.0]), (3 + count) * SECOND, (2 + count) * SECOND, count + 1
        )
        writer.flush()
    writer.close()
    store = get_typestore(Stores.EMPTY)
    with rosbag2.Reader(tmp_path / "bag") as bag:
        [connection] = bag.connections
        assert (connection.topic, connection.msgtype, connection.msgcount) == ("/left/grip", STATE, 5)
        store.register(get_types_from_msg(connection.msgdef.data, STATE))
        found = [(stamp, store.deserialize_cdr(data, STATE)) for _, stamp, data in bag.messages()]
    assert [stamp for stamp, _ in found] == [(3 + count) * SECOND for count in range(5)]
    assert [message.forces.tolist() for _, message in found] == [[0.5 * count, 1.0] for count in range(5)]
    assert found[0][1].fingers[0].angle == 0.25


def test_what_was_flushed_is_read_back_though_the_recorder_never_finished(
    place: Path, tmp_path: Path
) -> None:
    writer = BagWriter(tmp_path / "bag", [place])
    writer.add_topic("/grip", STATE)
    writer.write("/grip", b"first", 2, 1, 7)
    writer.flush()
    writer.write("/grip", b"second", 4, 3, 8)
    found = list(read_bag(tmp_path / "bag"))
    assert [(entry.topic, entry.type_name, entry.data) for entry in found] == [("/grip", STATE, b"first")]
    assert (found[0].received_ns, found[0].sent_ns, found[0].sequence) == (2, 1, 7)
    writer.close()
    assert [entry.data for entry in read_bag(tmp_path / "bag")] == [b"first", b"second"]


WRITE_AND_BE_KILLED = """
import os, signal, sys
from pathlib import Path
from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter

writer = BagWriter(Path(sys.argv[1]), [Path(sys.argv[2])], storage=Storage(sys.argv[3]))
writer.add_topic("/grip", "demo_msgs/msg/Grip")
for count in range(1000):
    writer.write("/grip", b"%d" % count, count, count, count)
    if count == 900:
        writer.sync()
os.kill(os.getpid(), signal.SIGKILL)
"""


@BOTH
def test_a_recorder_that_is_killed_leaves_what_was_synced(
    place: Path, tmp_path: Path, storage: Storage
) -> None:
    words = [str(tmp_path / "bag"), str(place), storage.value]
    ended = subprocess.run([sys.executable, "-c", WRITE_AND_BE_KILLED, *words], check=False)
    assert ended.returncode == -signal.SIGKILL
    before = {path.name: path.read_bytes() for path in (tmp_path / "bag").iterdir()}
    found = [int(entry.data) for entry in read_bag(tmp_path / "bag")]
    assert found[:901] == list(range(901))
    assert not is_finished(tmp_path / "bag")
    assert {path.name: path.read_bytes() for path in (tmp_path / "bag").iterdir()} == before


@BOTH
def test_a_finished_recording_is_one_file_and_its_metadata(
    place: Path, tmp_path: Path, storage: Storage
) -> None:
    writer = BagWriter(tmp_path / "bag", [place], storage=storage)
    writer.add_topic("/grip", STATE)
    writer.write("/grip", b"first", 2, 1, 7)
    writer.close()
    assert len(list((tmp_path / "bag").iterdir())) == 2
    assert is_finished(tmp_path / "bag")
    assert [(entry.data, entry.received_ns) for entry in read_bag(tmp_path / "bag")] == [(b"first", 2)]


def test_a_file_cut_in_the_middle_of_a_record_gives_what_is_whole(place: Path, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "bag", [place])
    writer.add_topic("/grip", STATE)
    [path] = (tmp_path / "bag").glob("*.mcap")
    lengths = []
    for content in (b"first", b"second"):
        writer.write("/grip", content, 2, 1, 7)
        writer.flush()
        lengths.append(path.stat().st_size)
    writer.close()
    path.write_bytes(path.read_bytes()[: lengths[0] + 20])
    assert [entry.data for entry in read_bag(tmp_path / "bag")] == [b"first"]


def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    with pytest.raises(FolderExistsError, match="give the name of a new folder"):
        BagWriter(tmp_path, [])


def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(
        CannotWriteError, match=r"file/bag cannot be written \(Not a directory\): give a folder"
    ):
        BagWriter(tmp_path / "file" / "bag", [])


@BOTH
def test_only_wanted_topics_are_given(place: Path, tmp_path: Path, storage: Storage) -> None:
    writer = BagWriter(tmp_path / "bag", [place], storage=storage)
    for topic in ("/left/grip", "/right/grip"):
        writer.add_topic(topic, STATE)
    for count in range(6):
        writer.write(("/left/grip", "/right/grip")[count % 2], b"%d" % count, count, count, count)
    writer.close()
    found = list(read_bag(tmp_path / "bag", lambda topic, _: topic.startswith("/right")))
    assert [(entry.topic, entry.data) for entry in found] == [
        ("/right/grip", b"%d" % count) for count in (1, 3, 5)
    ]
    assert list(read_bag(tmp_path / "bag", lambda *_: False)) == []
