"""Recorded messages as the verifier's plain values: CDR read by rosbags, without ROS and without executing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from heapq import heappop, heappush
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from qgf_ros.bags.reader import Recorded
from qgf_ros.bounds import CHUNK_ACTIONS, MESSAGE_BYTES, MIB, NAMES
from qgf_ros.certificate import Certificate
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.datatypes import ActionChunk
from qgf_ros.errors import TooManyAtOnce, UnreadableCertificate, UnreadableMessage
from qgf_ros.verify.motion import Before
from qgf_ros.verify.plan import Point
from qgf_ros.verify.sent import Sent

GROUP, TRAJECTORY = "std_msgs/msg/Float64MultiArray", "trajectory_msgs/msg/JointTrajectory"
SPARE_BYTES = (
    0,
    4,
)  # at the end: rclpy's own serialisation leaves so many, where the middleware's leaves none
WINDOW_NS = 5_000_000_000  # a recorder takes messages topic by topic: by so much they may be out of order
MOST_WAITING, MOST_WAITING_BYTES = 100_000, 32 * MIB  # within the window: 20,000 messages a second
LONGEST_RUNG = 40  # letters; a report counts each rung that it meets


def in_order_of_sending(messages: Iterable[Recorded]) -> Iterator[Recorded]:
    """The messages ordered by the time they were sent, as far as a window of five seconds can tell; those of one time as recorded.

    Raises:
        TooManyAtOnce: more lie within the window than any robot sends.
    """
    heap: list[tuple[int, int, Recorded]] = []
    size = 0
    for count, message in enumerate(messages):
        heappush(heap, (message.sent_ns, count, message))
        size += len(message.data)
        while heap and message.received_ns - heap[0][0] > WINDOW_NS:
            size -= len(heap[0][2].data)
            yield heappop(heap)[2]
        if len(heap) > MOST_WAITING or size > MOST_WAITING_BYTES:
            raise TooManyAtOnce(WINDOW_NS * 1e-9, MOST_WAITING, MOST_WAITING_BYTES)
    while heap:
        yield heappop(heap)[2]


@cache
def _store() -> Typestore:
    return get_typestore(Stores.LATEST)


def decode(message: Recorded) -> Any:
    """The message's fields as rosbags reads them.

    Raises:
        UnreadableMessage: its type is unknown, or the bytes are not such a message, or more than any honest one has.
    """
    if len(message.data) > MESSAGE_BYTES:
        problem = f"it has {len(message.data)} bytes, and at most {MESSAGE_BYTES} are read"
        raise UnreadableMessage(message.topic, message.type_name, problem)
    problem = ""
    for spare in SPARE_BYTES:
        try:
            return _store().deserialize_cdr(message.data[: len(message.data) - spare], message.type_name)
        except Exception as error:  # bytes that somebody else wrote: whatever the reader says of them
            problem = problem or repr(error)
    raise UnreadableMessage(message.topic, message.type_name, problem)


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


def texts_of(status: Any) -> dict[str, str]:
    """The values of a DiagnosticStatus by key."""
    return {pair.key: pair.value for pair in status.values}


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
