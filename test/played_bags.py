"""Bags of a made-up run of two joints: every number in them tells which tick it is from, so that a row tells what it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from recorded_bags import ARRAY, CHUNK, JOINT_STATE, STATUS, STORE, write_definitions

from qgf_ros.bags.storage import Storage
from qgf_ros.bags.writer import BagWriter
from qgf_ros.contract.schema import Contract
from qgf_ros.contract.travel import pack_contract

POSE, IMAGE = "geometry_msgs/msg/PoseStamped", "sensor_msgs/msg/Image"
TICK, PERIOD, TICKS = 10_000_000, 50_000_000, 5
BEGIN = 1_700_000_000_000_000_000
BEFORE, OWN, MARKED = (
    -1_000_000,
    2_000_000,
    500_000,
)  # when sensors, the node's words and marks leave, from their tick on, ns
FLUSHED = 100  # messages: what a recorder does every second
SCALE, CENTRE = np.array([0.1, 0.2]), np.array([0.0, 0.05])


@dataclass(frozen=True)
class Said:
    """A message as it will be recorded."""

    topic: str
    kind: str
    data: bytes
    sent_ns: int


def at(tick: float) -> int:
    """The stamp of a tick."""
    return BEGIN + round(tick * TICK)


def told(tick: float) -> float:
    """How a number tells its tick: thousandths, which begin anew after a thousand."""
    return 1e-3 * (tick % 1000)


def joints(tick: int) -> Said:
    """Joint states of a tick: elbow first, positions t and 2t thousandths."""
    names, t = ["elbow", "shoulder"], told(tick)
    values = {"position": np.array([2 * t, t]), "velocity": np.array([3 * t, 4 * t]), "effort": np.zeros(0)}
    return _said(
        "/joint_states", JOINT_STATE, at(tick) + BEFORE, header=_header(at(tick)), name=names, **values
    )


def goal(tick: int) -> Said:
    """The goal's pose of a tick, x = t thousandths."""
    point = _make("geometry_msgs/msg/Point", x=told(tick), y=0.0, z=0.0)
    attitude = _make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    pose = _make("geometry_msgs/msg/Pose", position=point, orientation=attitude)
    return _said("/goal_pose", POSE, at(tick) + BEFORE, header=_header(at(tick), "base_link"), pose=pose)


def executed(tick: float, value: float | None = None) -> Said:
    """The command of a tick: both joints at t thousandths."""
    points = [_point(np.full(2, told(tick if value is None else value)))]
    names = ["shoulder", "elbow"]
    header = _header(at(tick))
    return _said(
        "/command_node/executed", CHUNK, at(tick) + OWN, header=header, joint_names=names, points=points
    )


def action(
    tick: int, number: int, source: str = "policy-1", names: Sequence[str] = ("shoulder", "elbow")
) -> Said:
    """The action that begins at a tick: t thousandths of each range."""
    point = _point(CENTRE + SCALE * told(tick), number * PERIOD)
    header, sent_ns = _header(at(tick), source), at(tick) + OWN + 50_000
    return _said(
        "/command_node/action", CHUNK, sent_ns, header=header, joint_names=list(names), points=[point]
    )


def mark(topic: str, tick: float, **texts: object) -> Said:
    """A status of a simulator or a recorder."""
    pairs = [_make("diagnostic_msgs/msg/KeyValue", key=key, value=str(text)) for key, text in texts.items()]
    values = {"level": 0, "name": "", "message": "", "hardware_id": "", "values": pairs}
    return _said(topic, STATUS, at(tick) + MARKED, **values)


def image(
    tick: int, encoding: str = "rgb8", padding: int = 0, topic: str = "/wrist/image_raw", width: int = 4
) -> Said:
    """An image of a tick, two lines high: red is t, green 1, blue 2; one of a single channel is t everywhere."""
    pixel = {"rgb8": [tick, 1, 2], "bgr8": [2, 1, tick], "rgba8": [tick, 1, 2, 9], "mono8": [tick]}.get(
        encoding, [tick]
    )
    lines = [np.array(pixel * width + [77] * padding, np.uint8)] * 2
    values = {"height": 2, "width": width, "encoding": encoding, "is_bigendian": 0, "step": len(lines[0])}
    return _said(
        topic,
        IMAGE,
        at(tick) + BEFORE,
        header=_header(at(tick), "wrist"),
        data=np.concatenate(lines),
        **values,
    )


def report(tick: int, digest: str, **stamps_ns: int) -> Said:
    """What the policy node tells of an observation: its digest, and the stamps of the readings in it."""
    readings = " ".join(f"{name}:{stamp}" for name, stamp in stamps_ns.items())
    pairs = [
        _make("diagnostic_msgs/msg/KeyValue", key=key, value=text)
        for key, text in (("observation", digest), ("readings", readings))
    ]
    status = _make(STATUS, level=0, name="", message="", hardware_id="", values=pairs)
    return _said("/policy_node/report", ARRAY, at(tick) + OWN, header=_header(at(tick)), status=[status])


def played(first: int, actions: int, number: int = 0, source: str = "policy-1") -> list[Said]:
    """So many actions from a tick on, with all that was said at their ticks, goals every third tick."""
    ticks = range(first, first + TICKS * actions)
    said = [entry for tick in ticks for entry in (joints(tick), executed(tick))]
    said += [goal(tick) for tick in ticks if tick % 3 == 0]
    said += [action(first + TICKS * count, number + count, source) for count in range(actions)]
    return said


def surrounded(first: int, actions: int, **more: Any) -> list[Said]:
    """As `played`, with some ticks of rest before and after."""
    rest = [*range(first - 6, first), *range(first + TICKS * actions, first + TICKS * actions + 10)]
    return [
        *played(first, actions, **more),
        *(entry for tick in rest for entry in (joints(tick), executed(tick), goal(tick))),
    ]


def write(
    folder: Path,
    said: Iterable[Said],
    contract: Contract | None,
    storage: Storage = Storage.MCAP,
    is_finished: bool = True,
) -> Path:
    """The bag in a new folder, messages in the order of sending; `contract` travels in it."""
    places = folder.parent / "definitions"
    write_definitions(places, (JOINT_STATE, CHUNK, STATUS, POSE, ARRAY, IMAGE))
    writer = BagWriter(folder, [places], storage=storage)
    writer.facts = {} if contract is None else pack_contract(contract)
    topics: set[str] = set()
    for count, entry in enumerate(sorted(said, key=lambda entry: entry.sent_ns)):
        if entry.topic not in topics:
            writer.add_topic(entry.topic, entry.kind)
            topics.add(entry.topic)
        writer.write(entry.topic, entry.data, entry.sent_ns, entry.sent_ns, count)
        if count % FLUSHED == 0:
            writer.flush()
    writer.flush()
    writer.close() if is_finished else writer.abandon()
    return folder


def later(said: Said, ticks: float) -> Said:
    """The same, sent later."""
    return replace(said, sent_ns=said.sent_ns + round(ticks * TICK))


def _said(topic: str, kind: str, sent_ns: int, **values: Any) -> Said:
    return Said(topic, kind, bytes(STORE.serialize_cdr(_make(kind, **values), kind)), sent_ns)


def _make(kind: str, **values: Any) -> Any:
    return STORE.types[kind](**values)


def _header(stamp_ns: int, frame_id: str = "") -> Any:
    time = _make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return _make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def _point(positions: np.ndarray, time_ns: int = 0) -> Any:
    time = _make("builtin_interfaces/msg/Duration", sec=time_ns // 10**9, nanosec=time_ns % 10**9)
    none = np.zeros(0)
    values = {
        "positions": positions,
        "velocities": np.zeros(len(positions)),
        "accelerations": none,
        "effort": none,
    }
    return _make("trajectory_msgs/msg/JointTrajectoryPoint", time_from_start=time, **values)
