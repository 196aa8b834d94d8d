"""Recorded messages as the verifier's plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from qgf_ros.bounds import CHUNK_ACTIONS, NAMES
from qgf_ros.certificate import Certificate
from qgf_ros.contract.fields import stamp_ns, texts_of
from qgf_ros.datatypes import ActionChunk
from qgf_ros.errors import UnreadableCertificate
from qgf_ros.verify.motion import Before
from qgf_ros.verify.plan import Point
from qgf_ros.verify.sent import Sent

GROUP, TRAJECTORY = "std_msgs/msg/Float64MultiArray", "trajectory_msgs/msg/JointTrajectory"
LONGEST_RUNG = 40  # letters; a report counts each rung that it meets


def read_certificate(message: Any) -> tuple[Certificate, int]:
    """The certificate and its stamp, ns; 0 for an announcement.

    Raises:
        UnreadableCertificate: it is none of this version.
    """
    if not len(message.status):
        raise UnreadableCertificate(["status"], "it is empty")
    certificate = Certificate.from_texts(texts_of(message.status[0]))
    if len(certificate.rung) > LONGEST_RUNG:
        raise UnreadableCertificate(["rung"], f"it has {len(certificate.rung)} letters")
    return certificate, stamp_ns(message.header.stamp)


def read_sent(topic: str, type_name: str, message: Any) -> Sent:
    """A message on a command topic; `topic` as the contract names it. A trajectory without points has no positions."""
    if type_name == GROUP:
        return Sent(topic, _floats(message.data))
    points = [
        Point(_floats(point.positions), _floats(point.velocities), stamp_ns(point.time_from_start))
        for point in message.points
    ]
    first, stamp = points[0] if points else Point((), ()), stamp_ns(message.header.stamp)
    names = tuple(message.joint_names)
    return Sent(topic, first.positions, first.velocities, names, first.time_ns, tuple(points[1:]), stamp)


def read_executed(message: Any) -> tuple[int, Before]:
    """The command on `executed`, with its stamp in ns."""
    point = message.points[0] if len(message.points) else None
    values = [] if point is None else [point.positions, point.velocities, point.accelerations]
    q, v, a = [_floats(value) for value in values] or [(), (), ()]
    return stamp_ns(message.header.stamp), Before(q, v, a)


def read_chunk(message: Any) -> ActionChunk | None:
    """The chunk in a message, what made it in its `frame_id`; None where it is none that could be played."""
    lengths = {len(point.positions) for point in message.points}
    if len(lengths) != 1 or len(message.points) > CHUNK_ACTIONS or len(message.joint_names) > NAMES:
        return None
    actions = np.array([point.positions for point in message.points], np.float64)
    header = message.header
    return ActionChunk(
        tuple(message.joint_names), actions, stamp_ns(header.stamp), source=str(header.frame_id)
    )


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(np.asarray(values, np.float64).tolist())
