"""Writes plain values into a bag as the graph's recorder does, with messages made by rosbags: no ROS is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore
from verified_world import Certified, Command, Emergency, Entry, Executed, Limits

from qgf_ros.bags.writer import BagWriter
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import pack_contract
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.plan import Point

STORE = get_typestore(Stores.LATEST)
SINCE_1970_NS = 1_700_000_000_000_000_000
BETWEEN_NS = 100_000
FLUSHED = 500  # messages: what a recorder does every second
JOINT_STATE, CHUNK = "sensor_msgs/msg/JointState", "trajectory_msgs/msg/JointTrajectory"
ARRAY, STATUS = "diagnostic_msgs/msg/DiagnosticArray", "diagnostic_msgs/msg/DiagnosticStatus"
GROUP, BOOL = "std_msgs/msg/Float64MultiArray", "std_msgs/msg/Bool"
KINDS = (JOINT_STATE, CHUNK, ARRAY, STATUS, GROUP, BOOL)


def record(
    entries: Sequence[Entry],
    folder: Path,
    contract: Contract,
    definitions: Path,
    before: Mapping[str, int] | None = None,
) -> Path:
    """The bag, in a new folder; `definitions` is a folder for those of the messages. `before`: by topic, how many its publisher had sent already."""
    if not definitions.exists():
        write_definitions(definitions)
    writer = BagWriter(folder, [definitions])
    writer.facts = pack_contract(contract) | {"lost": "0"}
    numbers = Counter(before or {})
    topics: set[str] = set()
    for count, entry in enumerate(entries):
        topic, kind, data = serialised(entry)
        if topic not in topics:
            writer.add_topic(topic, kind)
            topics.add(topic)
        numbers[topic] += 1
        sent_ns = SINCE_1970_NS + count * BETWEEN_NS
        writer.write(topic, data, sent_ns + 50_000, sent_ns, numbers[topic])
        if count % FLUSHED == 0:
            writer.flush()
    writer.close()
    return folder


def serialised(entry: Entry) -> tuple[str, str, bytes]:
    """Topic, type and bytes of a message."""
    topic, kind, message = _message(entry)
    return topic, kind, bytes(STORE.serialize_cdr(message, kind))


def _message(entry: Entry) -> tuple[str, str, Any]:
    match entry:
        case JointReading():
            message = _make(
                JOINT_STATE,
                header=_header(entry.stamp_ns),
                name=list(entry.names),
                position=entry.positions,
                velocity=entry.velocities,
                effort=entry.efforts,
            )
            return "/joint_states", JOINT_STATE, message
        case ActionChunk():
            points = [
                _point((index + 1) * 50_000_000, action, (), ()) for index, action in enumerate(entry.actions)
            ]
            message = _make(
                CHUNK,
                header=_header(entry.stamp_ns, entry.source),
                joint_names=list(entry.names),
                points=points,
            )
            return f"/{entry.sender.value}_node/chunk", CHUNK, message
        case Command() if entry.time_ns is not None:
            points = [Point(entry.positions, entry.velocities, entry.time_ns), *entry.later]
            planned = [_point(point.time_ns, point.positions, point.velocities, ()) for point in points]
            header = _header(entry.stamp_ns)
            message = _make(CHUNK, header=header, joint_names=list(entry.joints), points=planned)
            return f"/{entry.topic}", CHUNK, message
        case Command():
            layout = _make("std_msgs/msg/MultiArrayLayout", dim=[], data_offset=0)
            return f"/{entry.topic}", GROUP, _make(GROUP, layout=layout, data=np.array(entry.positions))
        case Executed():
            command = entry.command
            point = _point(50_000_000, command.positions, command.velocities, command.accelerations)
            message = _make(CHUNK, header=_header(entry.stamp_ns), joint_names=[], points=[point])
            return "/command_node/executed", CHUNK, message
        case Certified():
            message = _make(
                ARRAY, header=_header(entry.stamp_ns), status=[_status(entry.certificate.texts())]
            )
            return "/command_node/certificate", ARRAY, message
        case Limits():
            return "/command_node/limits", STATUS, _status(entry.texts)
        case Emergency():
            return "/emergency_stop", BOOL, _make(BOOL, data=entry.pressed)


def _make(kind: str, **values: Any) -> Any:
    return STORE.types[kind](**values)


def _header(stamp_ns: int, frame_id: str = "") -> Any:
    time = _make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return _make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def _point(time_ns: int, q: Any, v: Any, a: Any) -> Any:
    sec, nanosec = divmod(time_ns, 10**9)
    time = _make("builtin_interfaces/msg/Duration", sec=sec, nanosec=nanosec)
    vectors = [np.array(values, np.float64) for values in (q, v, a, ())]
    names = ("positions", "velocities", "accelerations", "effort")
    return _make(
        "trajectory_msgs/msg/JointTrajectoryPoint",
        **dict(zip(names, vectors, strict=True)),
        time_from_start=time,
    )


def _status(texts: dict[str, str]) -> Any:
    pairs = [_make("diagnostic_msgs/msg/KeyValue", key=key, value=text) for key, text in texts.items()]
    return _make(STATUS, level=0, name="", message="", hardware_id="", values=pairs)


@cache
def write_definitions(prefix: Path, kinds: Sequence[str] = KINDS) -> None:
    """The definitions of these message types below a folder."""
    for kind in kinds:
        text, _ = STORE.generate_msgdef(kind, ros_version=2)
        first, *others = text.split("=" * 80 + "\nMSG: ")
        for name, content in [(kind.replace("/msg/", "/"), first), *(part.split("\n", 1) for part in others)]:
            package, short = name.split("/")
            path = prefix / "share" / package / "msg" / f"{short}.msg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
