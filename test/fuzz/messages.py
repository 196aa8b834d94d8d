"""Messages at the nodes: as bytes that came over the network, and as values that the middleware would let through."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace as Record
from typing import Any

from qgf_ros.certificate import Certificate
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.fields import read
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.errors import ObservationRefused, QgfError
from qgf_ros.nodes import convert, policy_messages
from qgf_ros.nodes.diagnostics import values

NOW_NS = 5_000_000_000
PERIOD_NS = 50_000_000
TYPES = {
    "joints": "sensor_msgs/msg/JointState",
    "pose": "geometry_msgs/msg/PoseStamped",
    "chunk": "trajectory_msgs/msg/JointTrajectory",
    "certificate": "diagnostic_msgs/msg/DiagnosticArray",
}
VALID: dict[str, dict[str, Any]] = {
    "joints": {
        "sec": 5,
        "nanosec": 0,
        "names": ["shoulder", "elbow"],
        "rows": [[0.1, 0.2], [0.0, 0.0], [0.0, 0.0]],
    },
    "pose": {"sec": 5, "nanosec": 0, "names": ["base_link"], "rows": [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0, 1.0]]},
    "chunk": {"sec": 5, "nanosec": 0, "names": ["shoulder", "elbow"], "rows": [[0.1, 0.2]] * 4},
    "certificate": {"sec": 5, "nanosec": 0, "texts": Certificate(rung="chunk", wants_chunk=True).texts()},
}


def seeds() -> list[dict[str, bytes]]:
    """One input of values for each kind of message."""
    return [{f"{kind}.json": json.dumps(content).encode()} for kind, content in VALID.items()]


MOST_TEXT = 4_000_000  # bytes: a larger text would cost more time to make a message of than the message has to be refused in


def load(folder: Path, contract: Contract) -> None:
    """Takes the message in the folder as the nodes would. Raises QgfError where it is refused."""
    (path,) = folder.iterdir()
    try:
        text = path.read_bytes()
        content = json.loads(text) if len(text) <= MOST_TEXT else {}
    except (ValueError, RecursionError):
        content = {}
    take(path.stem, made(path.stem, content if isinstance(content, dict) else {}), contract)


def take(kind: str, message: Any, contract: Contract) -> None:
    """What the nodes do with a message."""
    if kind == "joints":
        monitor = JointMonitor(contract)
        reading = read(message, Message.JOINT_STATE)
        monitor.update(reading)
        monitor.reading(NOW_NS)
        goal = read(made("pose", VALID["pose"]), Message.POSE)
        Assembler(contract, None).assemble({"joint_states": reading, "goal": goal}, NOW_NS)
    elif kind == "pose":
        joints = read(made("joints", VALID["joints"]), Message.JOINT_STATE)
        pose = read(message, Message.POSE)
        Assembler(contract, None).assemble({"joint_states": joints, "goal": pose}, NOW_NS)
    elif kind == "chunk":
        read(message, Message.COMMAND)
        convert.read_chunk(message, PERIOD_NS)
    else:
        if policy_messages.demand(message) is None or not message.status:
            raise ObservationRefused("none", "it is no certificate")
        Certificate.from_texts(values(message.status[0]))


def made(kind: str, content: dict[str, Any]) -> Any:
    """A message with these values, each forced into the type that its field has."""
    stamp = Record(sec=_whole(content.get("sec"), 31), nanosec=abs(_whole(content.get("nanosec"), 32)))
    names = [_text(name) for name in _list(content.get("names"))]
    rows = [[_number(entry) for entry in _list(row)] for row in _list(content.get("rows"))] or [[]]
    rows += [[]] * 3
    header = Record(stamp=stamp, frame_id=names[0] if names else "")
    if kind == "joints":
        return Record(header=header, name=names, position=rows[0], velocity=rows[1], effort=rows[2])
    if kind == "pose":
        x, y, z, *_ = rows[0] + [0.0] * 3
        qx, qy, qz, qw, *_ = rows[1] + [0.0] * 4
        pose = Record(position=Record(x=x, y=y, z=z), orientation=Record(x=qx, y=qy, z=qz, w=qw))
        return Record(header=header, pose=pose)
    if kind == "chunk":
        points = [
            Record(
                positions=row, velocities=[], time_from_start=Record(sec=0, nanosec=PERIOD_NS * (index + 1))
            )
            for index, row in enumerate(rows[:-3])
        ]
        return Record(header=header, joint_names=names, points=points)
    texts = content.get("texts")
    pairs = [
        Record(key=_text(key), value=_text(value))
        for key, value in (texts.items() if isinstance(texts, dict) else [])
    ]
    status = (
        [Record(name="", message="", hardware_id="", level=b"\0", values=pairs)] if texts is not None else []
    )
    return Record(header=header, status=status)


def _whole(value: Any, bits: int) -> int:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return max(-(2**bits), min(2**bits - 1, int(value))) if is_number else 0


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def serialised() -> dict[str, bytes]:
    """Valid messages as bytes. Raises ImportError without rosbags."""
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.LATEST)
    types = store.types
    stamp = types["builtin_interfaces/msg/Time"](sec=5, nanosec=0)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="base_link")
    import numpy as np

    joints = types[TYPES["joints"]](
        header=header,
        name=["shoulder", "elbow"],
        position=np.array([0.1, 0.2]),
        velocity=np.zeros(2),
        effort=np.zeros(2),
    )
    none, duration = np.zeros(0), types["builtin_interfaces/msg/Duration"]
    points = [
        types["trajectory_msgs/msg/JointTrajectoryPoint"](
            positions=np.array([0.1, 0.2]),
            velocities=none,
            accelerations=none,
            effort=none,
            time_from_start=duration(sec=0, nanosec=PERIOD_NS * (index + 1)),
        )
        for index in range(4)
    ]
    chunk = types[TYPES["chunk"]](header=header, joint_names=["shoulder", "elbow"], points=points)
    pairs = [
        types["diagnostic_msgs/msg/KeyValue"](key=key, value=value)
        for key, value in VALID["certificate"]["texts"].items()
    ]
    status = types["diagnostic_msgs/msg/DiagnosticStatus"](
        level=0, name="c", message="", hardware_id="", values=pairs
    )
    certificate = types[TYPES["certificate"]](header=header, status=[status])
    made = {"joints": joints, "chunk": chunk, "certificate": certificate}
    return {kind: bytes(store.serialize_cdr(message, TYPES[kind])) for kind, message in made.items()}


def load_bytes(folder: Path, contract: Contract) -> None:
    """Takes serialised bytes as a subscription would: what the middleware refuses is no matter of ours."""
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory

    (path,) = folder.iterdir()
    kinds = {"joints": JointState, "chunk": JointTrajectory, "certificate": DiagnosticArray}
    try:
        message = deserialize_message(path.read_bytes(), kinds[path.stem])
    except Exception as error:
        raise QgfError(f"The middleware refuses it: {error!r}") from error
    take(path.stem, message, contract)
