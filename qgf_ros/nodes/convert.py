"""Between the pure layers' values and ROS messages, outward; `contract/fields.py` reads them inward."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.bounds import CHUNK_ACTIONS, NAMES
from qgf_ros.certificate import Certificate
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.control.session import Tick
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, Rung, Seam
from qgf_ros.errors import ChunkRefused
from qgf_ros.nodes.diagnostics import Level, status

BILLION = 1_000_000_000
TIMING_TOLERANCE_NS = 1_000  # of a point's time: other senders count in floating point
SLOWEST_CHUNK = 0.01  # of the contract's pace: slower is a mistake


def to_stamp(time_ns: int) -> Time:
    """Nanoseconds as a stamp."""
    return Time(sec=time_ns // BILLION, nanosec=time_ns % BILLION)


def to_duration(time_ns: int) -> Duration:
    """Nanoseconds as a duration."""
    return Duration(sec=time_ns // BILLION, nanosec=time_ns % BILLION)


def floats(values: FloatArray) -> array[float]:
    """Values as the array type of message fields: assigning it copies nothing and checks nothing twice."""
    return array("d", values.tolist())


def chunk_message(chunk: ActionChunk, control_period_ns: int) -> JointTrajectory:
    """A chunk as it travels: names of dimensions, the observation's stamp, what made it as `frame_id`, one point an action.

    Point i ends at (i + 1) control periods, divided by the chunk's speed.
    """
    message = JointTrajectory(joint_names=list(chunk.names))
    message.header.stamp = to_stamp(chunk.stamp_ns)
    message.header.frame_id = chunk.source
    message.points = [
        JointTrajectoryPoint(
            positions=floats(action),
            time_from_start=to_duration(round((index + 1) * control_period_ns / chunk.speed)),
        )
        for index, action in enumerate(chunk.actions)
    ]
    return message


def read_chunk(message: JointTrajectory, control_period_ns: int) -> ActionChunk:
    """The chunk in a message, with the speed that its times ask for.

    Raises:
        ChunkRefused: reason `shape`, where points differ in length, carry no positions, or are too many; reason `timing`, where
            their times are uneven, or ask for more speed than the contract's, or for hardly any.
    """
    if len(message.points) > CHUNK_ACTIONS or len(message.joint_names) > NAMES:
        found = f"{len(message.points)} points and {len(message.joint_names)} names"
        raise ChunkRefused(
            "shape", f"The chunk has {found}; at most {CHUNK_ACTIONS} and {NAMES} are accepted."
        )
    lengths = {len(point.positions) for point in message.points}
    if len(lengths) != 1 or max(lengths) > NAMES:
        found = ", ".join(str(length) for length in sorted(lengths)[:5]) or "no points"
        raise ChunkRefused(
            "shape",
            f"The chunk's points have lengths {found}; each must have one position an action dimension.",
        )
    speed = _speed([point.time_from_start for point in message.points], control_period_ns)
    actions = np.array([point.positions for point in message.points], dtype=np.float64)
    header = message.header
    return ActionChunk(tuple(message.joint_names), actions, stamp_ns(header.stamp), speed, header.frame_id)


def _speed(times: Sequence[Duration], period_ns: int) -> float:
    """How fast a chunk with points at these times wants to be played, in (0, 1]. Raises ChunkRefused."""
    ends = np.array([time.sec * BILLION + time.nanosec for time in times], np.float64)
    numbers = np.arange(1, len(ends) + 1)
    if (np.abs(ends - numbers * period_ns) <= TIMING_TOLERANCE_NS).all():
        return 1.0
    step_ns = ends[-1] / len(ends)
    if (np.abs(ends - numbers * step_ns) > TIMING_TOLERANCE_NS).any():
        sentence = f"The chunk's points are not evenly spaced in time; one is expected every {period_ns * 1e-9:g} s, or slower."
        raise ChunkRefused("timing", sentence)
    if not period_ns <= step_ns <= period_ns / SLOWEST_CHUNK:
        accepted = f"{period_ns * 1e-9:g} s to {period_ns / SLOWEST_CHUNK * 1e-9:g} s"
        sentence = f"The chunk's points are {step_ns * 1e-9:g} s apart; the contract accepts {accepted}."
        raise ChunkRefused("timing", sentence)
    return float(period_ns / step_ns)


def executed_message(command: JointCommand, joints: tuple[str, ...]) -> JointTrajectory:
    """The command that was really sent, as a trajectory of one point; what made the chunk in play as `frame_id`."""
    message = JointTrajectory(joint_names=list(joints))
    message.header.frame_id = command.source
    message.header.stamp = to_stamp(command.stamp_ns)
    point = JointTrajectoryPoint(
        positions=floats(command.positions),
        velocities=floats(command.velocities),
        accelerations=floats(command.accelerations),
    )
    message.points = [point]
    return message


def action_message(command: JointCommand, names: tuple[str, ...], control_period_ns: int) -> JointTrajectory:
    """The action that begins with a command: names of dimensions, the tick's stamp, what made it as `frame_id`, one point.

    The point's `time_from_start` is its number in control periods, so that a missing one and a new start show.
    """
    assert command.action is not None, "callers check that one begins"
    message = JointTrajectory(joint_names=list(names))
    message.header.stamp, message.header.frame_id = to_stamp(command.stamp_ns), command.source
    begun = to_duration(command.action.number * control_period_ns)
    message.points = [JointTrajectoryPoint(positions=floats(command.action.values), time_from_start=begun)]
    return message


def certificate_message(
    node: str, stamp: int, certificate: Certificate, severity: Level, words: str
) -> DiagnosticArray:
    """A certificate as it travels. `stamp` 0 marks an announcement that belongs to no tick."""
    message = DiagnosticArray(status=[status(f"{node}: certificate", severity, words, certificate.texts())])
    message.header.stamp = to_stamp(stamp)
    return message


def seam_text(seam: Seam) -> str:
    """A seam as a certificate carries it: position rad, velocity rad/s, acceleration rad/s2."""
    return f"{seam.position:.9g} {seam.velocity:.9g} {seam.acceleration:.9g}"


def read_seam(text: str) -> Seam | None:
    """The seam in a certificate; None where the tick ended none."""
    return Seam(*map(float, text.split())) if text else None


def level(tick: Tick) -> Level:
    """OK while the arm may move or was told to hold; ERROR when it is latched."""
    return Level.ERROR if tick.rung is Rung.STOP else Level.OK
