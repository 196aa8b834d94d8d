"""Turns the newest readings into an observation vector: the same code for bags, live topics and the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from qgf_ros.contract.schema import JOINT_FIELDS, Contract, Field, Term
from qgf_ros.datatypes import FloatArray, JointReading, Observation, PoseReading, Reading
from qgf_ros.errors import ObservationRefused

FUTURE_TOLERANCE_NS = 50_000_000  # clocks of two computers on one network differ by less


class ForwardKinematics(Protocol):
    """What assembling needs of a robot model."""

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """Tool position (3,) in m and yaw in rad at these joint positions."""


class Assembler:
    """Builds observations under a contract. Stateless between calls: it may be used from one thread at a time."""

    def __init__(self, contract: Contract, kinematics: ForwardKinematics | None) -> None:
        self._terms = contract.interface.observation
        self._frames = {entry.name: entry.frame for entry in contract.interface.inputs}
        self._topics = contract.deployment.inputs
        self._kinematics = kinematics

    def assemble(self, readings: Mapping[str, Reading], now_ns: int) -> Observation:
        """The observation from the newest reading of each input, at node time `now_ns`.

        Raises:
            ObservationRefused: with reason `missing`, `stale`, `future`, `frame`, `joint`, `shape` or `not_finite`;
                the sentence names the input and topic.
        """
        for name in self._frames:
            self._check_input(name, readings, now_ns)
        tools = {name: self._tool(name, reading) for name, reading in readings.items() if name in self._tool_inputs()}
        parts = [self._take(term, readings[term.input], tools) for term in self._terms]
        values = np.concatenate(parts).astype(np.float32)
        return Observation(values, max(readings[name].stamp_ns for name in self._frames))

    def _tool_inputs(self) -> set[str]:
        return {term.input for term in self._terms if term.field in (Field.TOOL_POSITION, Field.TOOL_YAW)}

    def _check_input(self, name: str, readings: Mapping[str, Reading], now_ns: int) -> None:
        topic = self._topics[name]
        if name not in readings:
            raise ObservationRefused("missing", f"Nothing arrived yet on '{topic.topic}' (input '{name}'): is its publisher running?")
        reading, frame = readings[name], self._frames[name]
        age_s = (now_ns - reading.stamp_ns) * 1e-9
        if age_s > topic.max_age_s:
            sentence = f"The newest message on '{topic.topic}' (input '{name}') is {age_s:.3f} s old; the contract allows {topic.max_age_s:g} s."
            raise ObservationRefused("stale", sentence)
        if now_ns - reading.stamp_ns < -FUTURE_TOLERANCE_NS:
            raise ObservationRefused("future", f"The stamp on '{topic.topic}' (input '{name}') lies {-age_s:.3f} s in the future: check the clocks.")
        if isinstance(reading, PoseReading) and reading.frame != frame:
            sentence = f"The pose on '{topic.topic}' (input '{name}') is in frame '{reading.frame}'; the contract accepts '{frame}'."
            raise ObservationRefused("frame", sentence)

    def _tool(self, name: str, reading: Reading) -> tuple[FloatArray, float]:
        if self._kinematics is None or not isinstance(reading, JointReading):
            raise ObservationRefused("joint", f"Input '{name}' carries no joints to compute the tool's pose from.")
        if len(reading.positions) != len(reading.names):
            raise self._shape(name, "positions", len(reading.positions), len(reading.names))
        positions = dict(zip(reading.names, reading.positions.tolist(), strict=True))
        try:
            return self._kinematics.tool(positions)
        except KeyError as error:
            raise self._no_joint(name, str(error.args[0]), reading.names) from error

    def _take(self, term: Term, reading: Reading, tools: Mapping[str, tuple[FloatArray, float]]) -> FloatArray:
        if term.field in JOINT_FIELDS and isinstance(reading, JointReading):
            taken = self._take_joints(term, reading)
        elif term.field is Field.TOOL_POSITION:
            taken = tools[term.input][0]
        elif term.field is Field.TOOL_YAW:
            taken = _circle(tools[term.input][1])
        elif isinstance(reading, PoseReading):
            taken = _take_pose(term.field, reading)
        else:
            raise ObservationRefused("shape", f"Term '{term.name}' cannot be read from input '{term.input}'.")
        if not np.isfinite(taken).all():
            raise ObservationRefused("not_finite", f"Term '{term.name}' from '{self._topics[term.input].topic}' is not finite: {taken.tolist()}.")
        return taken

    def _take_joints(self, term: Term, reading: JointReading) -> FloatArray:
        values = {Field.VELOCITY: reading.velocities, Field.EFFORT: reading.efforts}.get(term.field, reading.positions)
        if len(values) != len(reading.names):
            raise self._shape(term.input, term.field.value, len(values), len(reading.names))
        places = {name: index for index, name in enumerate(reading.names)}
        for joint in term.joints:
            if joint not in places:
                raise self._no_joint(term.input, joint, reading.names)
        taken = values[[places[joint] for joint in term.joints]]
        return np.concatenate([np.cos(taken), np.sin(taken)]) if term.field is Field.POSITION_CIRCLE else taken

    def _shape(self, name: str, what: str, found: int, expected: int) -> ObservationRefused:
        topic = self._topics[name].topic
        return ObservationRefused("shape", f"The message on '{topic}' has {found} {what} for {expected} joint names; it must have one each.")

    def _no_joint(self, name: str, joint: str, found: tuple[str, ...]) -> ObservationRefused:
        topic = self._topics[name].topic
        return ObservationRefused("joint", f"The message on '{topic}' has no joint '{joint}': it names {', '.join(found) or 'none'}.")


def _take_pose(field: Field, reading: PoseReading) -> FloatArray:
    if field is Field.POSE_POSITION:
        return reading.position
    quat = reading.quat_wxyz
    norm = float(np.linalg.norm(quat))
    if not 0.99 < norm < 1.01:
        raise ObservationRefused("shape", f"The quaternion {quat.tolist()} has length {norm:.3f}; it must be 1.")
    if field is Field.POSE_QUATERNION:
        return quat if quat[0] >= 0 else -quat
    w, x, y, z = quat
    return _circle(float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))))


def _circle(angle: float) -> FloatArray:
    return np.array([np.cos(angle), np.sin(angle)])
