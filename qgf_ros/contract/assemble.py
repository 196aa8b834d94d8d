"""Turns the newest readings into an observation vector: one code for bags, topics and the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.plausible import Plausible
from qgf_ros.contract.schema import JOINT_FIELDS, POSE_FIELDS, Contract, Field, Term
from qgf_ros.datatypes import FloatArray, JointReading, Observation, PoseReading, Reading
from qgf_ros.errors import ObservationRefused

FUTURE_TOLERANCE_NS = 50_000_000  # clocks of two computers on one network differ by less
_PLURALS = {
    Field.POSITION: "positions",
    Field.VELOCITY: "velocities",
    Field.EFFORT: "efforts",
    Field.POSITION_CIRCLE: "positions",
}


class ForwardKinematics(Protocol):
    """What assembling needs of a robot model: its joints, and where they put the tool."""

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints that move the tool."""
        ...

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """Tool position (3,) in m and yaw in rad at these joint positions."""


class Assembler:
    """Builds observations under a contract. Keeps nothing between calls. One thread."""

    def __init__(self, contract: Contract, kinematics: ForwardKinematics | None) -> None:
        self._terms = contract.interface.observation
        self._frames = {entry.name: entry.frame for entry in contract.inputs}
        self._topics = contract.deployment.inputs
        self._kinematics = kinematics
        self._plausible = Plausible(contract)

    def assemble(self, readings: Mapping[str, Reading], now_ns: int) -> Observation:
        """The observation (O,) from the newest reading of each input, at node time `now_ns`.

        Readings that the contract does not name and joints that no term names are ignored; the order of
        joints within a reading is free. The observation's stamp is the newest of its readings'.

        Raises:
            ObservationRefused: with reason `missing`, `stale`, `future`, `frame`, `units`, `joint`, `shape` or
                `not_finite`; the sentence names the input and topic.
        """
        for name in self._frames:
            self._check_input(name, readings, now_ns)
            self._plausible.check(readings[name], self._source(name))
        tools = {name: self._tool(name, readings[name]) for name in self._tool_inputs()}
        taken = [self._take(term, readings[term.input], tools) for term in self._terms]
        with np.errstate(over="ignore", invalid="ignore"):  # what does not fit float32 is refused below
            values = np.concatenate(taken).astype(np.float32)
        if not np.isfinite(values).all():
            raise self._not_finite(values)
        return Observation(values, max(readings[name].stamp_ns for name in self._frames))

    def _tool_inputs(self) -> list[str]:
        return sorted({term.tool_input for term in self._terms if term.tool_input is not None})

    def _check_input(self, name: str, readings: Mapping[str, Reading], now_ns: int) -> None:
        source = self._source(name)
        if name not in readings:
            raise ObservationRefused("missing", f"Nothing arrived yet on {source}: is its publisher running?")
        reading, frame = readings[name], self._frames[name]
        age_s, max_age_s = (now_ns - reading.stamp_ns) * 1e-9, self._topics[name].max_age_s
        if age_s > max_age_s and reading.stamp_ns == 0:
            raise ObservationRefused(
                "stale", f"The message on {source} carries no stamp: its publisher must set one."
            )
        if age_s > max_age_s:
            sentence = (
                f"The newest message on {source} is {age_s:.3f} s old; the contract allows {max_age_s:g} s."
            )
            raise ObservationRefused("stale", sentence)
        if now_ns - reading.stamp_ns < -FUTURE_TOLERANCE_NS:
            sentence = f"The stamp on {source} lies {-age_s:.3f} s in the future: check the clocks."
            raise ObservationRefused("future", sentence)
        if isinstance(reading, PoseReading) and frame is not None and reading.frame != frame:
            sentence = f"The pose on {source} is in frame '{reading.frame}'; the contract accepts '{frame}'."
            raise ObservationRefused("frame", sentence)

    def _tool(self, name: str, reading: Reading) -> tuple[FloatArray, float]:
        if self._kinematics is None or not isinstance(reading, JointReading):
            raise ObservationRefused(
                "joint", f"{self._source(name)} gives no joints to compute the tool's pose from."
            )
        places = self._places(name, reading, "positions", reading.positions)
        positions = {joint: float(reading.positions[place]) for joint, place in places.items()}
        needed = [joint for joint in self._kinematics.joints if joint in positions]
        if not np.isfinite([positions[joint] for joint in needed]).all():
            found = ", ".join(f"{joint} {positions[joint]:g}" for joint in needed)
            raise ObservationRefused(
                "not_finite", f"The joints on {self._source(name)} are not finite: {found}."
            )
        try:
            return self._kinematics.tool(positions)
        except KeyError as error:
            raise self._no_joint(name, str(error.args[0]), reading.names) from error

    def _not_finite(self, values: npt.NDArray[np.float32]) -> ObservationRefused:
        """Which term of the observation (O,) is not."""
        begin = 0
        for term in self._terms:
            found = values[begin : begin + term.length]
            begin += term.length
            if not np.isfinite(found).all():
                break
        sentence = f"Term '{term.name}' from {self._source(term.input)} is not finite: {found.tolist()}."
        return ObservationRefused("not_finite", sentence)

    def _take(
        self, term: Term, reading: Reading, tools: Mapping[str, tuple[FloatArray, float]]
    ) -> FloatArray:
        if term.field in JOINT_FIELDS and isinstance(reading, JointReading):
            return self._take_joints(term, reading)
        if term.field is Field.TOOL_POSITION:
            return tools[term.input][0]
        if term.field is Field.TOOL_YAW:
            return _circle(tools[term.input][1])
        if term.field in POSE_FIELDS and isinstance(reading, PoseReading):
            return _take_pose(term, reading, self._source(term.input), tools)
        sentence = f"Term '{term.name}' ({term.field.value}) cannot be read from {self._source(term.input)}."
        raise ObservationRefused("shape", sentence)

    def _take_joints(self, term: Term, reading: JointReading) -> FloatArray:
        values = {
            Field.POSITION: reading.positions,
            Field.VELOCITY: reading.velocities,
            Field.EFFORT: reading.efforts,
            Field.POSITION_CIRCLE: reading.positions,
        }[term.field]
        places = self._places(term.input, reading, _PLURALS[term.field], values)
        for joint in term.joints:
            if joint not in places:
                raise self._no_joint(term.input, joint, reading.names)
        taken = values[[places[joint] for joint in term.joints]]
        return (
            np.concatenate([np.cos(taken), np.sin(taken)]) if term.field is Field.POSITION_CIRCLE else taken
        )

    def _places(self, name: str, reading: JointReading, what: str, values: FloatArray) -> dict[str, int]:
        if len(values) != len(reading.names):
            sentence = (
                f"has {len(values)} {what} for {len(reading.names)} joint names; it must have one each."
            )
            raise ObservationRefused("shape", f"The message on {self._source(name)} {sentence}")
        places = {joint: index for index, joint in enumerate(reading.names)}
        if len(places) != len(reading.names):
            raise ObservationRefused("shape", f"The message on {self._source(name)} names a joint twice.")
        return places

    def _no_joint(self, name: str, joint: str, found: tuple[str, ...]) -> ObservationRefused:
        names = ", ".join(found) or "none"
        return ObservationRefused(
            "joint", f"The message on {self._source(name)} has no joint '{joint}': it names {names}."
        )

    def _source(self, name: str) -> str:
        return f"'{self._topics[name].topic}' (input '{name}')"


def _take_pose(
    term: Term, reading: PoseReading, source: str, tools: Mapping[str, tuple[FloatArray, float]]
) -> FloatArray:
    origin, turned = tools[term.from_tool_of] if term.from_tool_of is not None else (np.zeros(3), 0.0)
    if term.field is Field.POSE_POSITION:
        return reading.position - origin
    quat = reading.quat_wxyz
    if not np.isfinite(quat).all():
        raise ObservationRefused("not_finite", f"The quaternion on {source} is not finite: {quat.tolist()}.")
    norm = float(np.linalg.norm(quat))
    if not 0.99 < norm < 1.01:
        sentence = (
            f"The quaternion on {source} is {quat.tolist()} (wxyz), of length {norm:.3f}; it must be 1."
        )
        raise ObservationRefused("shape", sentence)
    if term.field is Field.POSE_QUATERNION:
        return quat if quat[0] >= 0 else -quat
    w, x, y, z = quat
    yaw = float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    return _circle(term.symmetry * (yaw - turned))


def _circle(angle: float) -> FloatArray:
    return np.array([np.cos(angle), np.sin(angle)])
