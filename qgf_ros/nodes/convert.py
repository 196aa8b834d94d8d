"""Between the pure layers' values and ROS messages, outward; `contract/fields.py` reads them inward."""

from __future__ import annotations

from array import array

import numpy as np
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.schema import Contract
from qgf_ros.control.session import Tick
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, Rung, Seam
from qgf_ros.errors import ChunkRefused
from qgf_ros.nodes.diagnostics import Level, status

BILLION = 1_000_000_000


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
    """A chunk as it travels: names of dimensions, the observation's stamp, one point a control period."""
    message = JointTrajectory(joint_names=list(chunk.names))
    message.header.stamp = to_stamp(chunk.stamp_ns)
    message.points = [
        JointTrajectoryPoint(
            positions=floats(action), time_from_start=to_duration((index + 1) * control_period_ns)
        )
        for index, action in enumerate(chunk.actions)
    ]
    return message


def read_chunk(message: JointTrajectory) -> ActionChunk:
    """The chunk in a message.

    Raises:
        ChunkRefused: reason `shape`, where points differ in length, or carry no positions.
    """
    lengths = {len(point.positions) for point in message.points}
    if len(lengths) != 1:
        found = ", ".join(str(length) for length in sorted(lengths)) or "no points"
        raise ChunkRefused(
            "shape",
            f"The chunk's points have lengths {found}; each must have one position an action dimension.",
        )
    actions = np.array([point.positions for point in message.points], dtype=np.float64)
    return ActionChunk(tuple(message.joint_names), actions, stamp_ns(message.header.stamp))


def executed_message(command: JointCommand, joints: tuple[str, ...]) -> JointTrajectory:
    """The command that was really sent, as a trajectory of one point."""
    message = JointTrajectory(joint_names=list(joints))
    message.header.stamp = to_stamp(command.stamp_ns)
    point = JointTrajectoryPoint(
        positions=floats(command.positions),
        velocities=floats(command.velocities),
        accelerations=floats(command.accelerations),
    )
    message.points = [point]
    return message


def certificate_message(
    node: str, stamp: int, tick: Tick, contract: Contract, commands: int, missed: int
) -> DiagnosticArray:
    """A tick's certificate. `stamp` 0 marks an announcement that belongs to no tick."""
    command = tick.command
    values = {
        "tick": command.tick if command else 0,
        "commands": commands,
        "rung": tick.rung.value,
        "reason": tick.reason,
        "refused": tick.refused,
        "chunk_stamp_ns": command.chunk_stamp_ns if command else 0,
        "actions_left": command.actions_left if command else 0,
        "begun": command.begun if command else 0,
        "horizon": contract.execution_horizon,
        "delay": contract.deployment.chunks.delay,
        "wants_chunk": tick.wanted_from_ns > 0,
        "wanted_from_ns": tick.wanted_from_ns,
        "clipped": command.clipped if command else 0,
        "missed": missed,
        "seam": seam_text(command.seam) if command and command.seam else "",
    }
    message = DiagnosticArray(
        status=[status(f"{node}: certificate", level(tick), tick.reason or tick.rung.value, values)]
    )
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
