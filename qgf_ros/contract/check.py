"""Checks that the parts of a contract fit together: what types alone cannot say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from qgf_ros.contract.schema import (
    JOINT_FIELDS,
    POSE_FIELDS,
    TOOL_DIMENSIONS,
    Contract,
    Field,
    Input,
    Interface,
    Message,
    OutputKind,
    Reference,
    Term,
)
from qgf_ros.errors import ContractError

QUATERNION_TOLERANCE = 1e-3  # what rounding to four digits may leave
WHOLE_TICKS_TOLERANCE = 1e-9  # rounding of period x rate
# Beyond these Ruckig cannot plan moves of a microradian, and the limiter would stop instead (docs/adr/0004).
MAX_VELOCITY, MAX_ACCELERATION, MAX_JERK = 1e3, 1e5, 1e8
FIELD_UNITS = {
    Field.POSITION: ("rad", "m", "1"),  # 1: switches and lamps, 0 or 1
    Field.VELOCITY: ("rad/s", "m/s"),
    Field.EFFORT: ("N m", "N"),
    Field.POSITION_CIRCLE: ("1",),
    Field.TOOL_POSITION: ("m",),
    Field.TOOL_YAW: ("1",),
    Field.POSE_POSITION: ("m",),
    Field.POSE_YAW: ("1",),
    Field.POSE_QUATERNION: ("1",),
}
_TOPIC = re.compile(r"(~?/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


def check(contract: Contract) -> None:
    """Returns where the contract makes sense.

    Raises:
        ContractError: the first thing found that does not, and what would be accepted.
    """
    path, interface = contract.path, contract.interface
    _check_names(path, interface)
    inputs = {entry.name: entry for entry in interface.inputs}
    for entry in interface.inputs:
        _check_frame(path, entry)
    for term in interface.observation:
        if term.input not in inputs:
            raise ContractError(path, f"term '{term.name}' reads the input '{term.input}'", _one_of(inputs))
        _check_term(path, interface, term, inputs[term.input].message)
        _check_relative(path, term, inputs)
    _check_action(path, interface)
    _check_tool(path, interface)
    _check_rates(contract)
    _check_topics(contract)
    _check_limits(contract)
    _check_outputs(contract)


def _check_names(path: Path, interface: Interface) -> None:
    for what, names in (
        ("interface.joints", interface.joints),
        ("interface.inputs", [entry.name for entry in interface.inputs]),
        ("interface.observation", [term.name for term in interface.observation]),
        ("interface.action.dimensions", interface.action.names),
    ):
        if not names:
            raise ContractError(path, f"{what} is empty", "it needs at least one entry")
        _unique(path, what, names)
    reserved = [joint for joint in interface.joints if joint in TOOL_DIMENSIONS]
    if reserved:
        accepted = "x, y, z and yaw are the tool's in an action: give the joints other names"
        raise ContractError(path, f"interface.joints has {', '.join(reserved)}", accepted)


def _check_frame(path: Path, entry: Input) -> None:
    if entry.message is Message.POSE and not entry.frame:
        raise ContractError(
            path, f"the pose input '{entry.name}' names no frame", "add 'frame: base_link', say"
        )
    if entry.message is not Message.POSE and entry.frame is not None:
        problem = f"the input '{entry.name}' names a frame, but is a {entry.message.value}"
        raise ContractError(path, problem, "only poses have a frame")


def _check_term(path: Path, interface: Interface, term: Term, message: Message) -> None:
    if (term.field in POSE_FIELDS) != (message is Message.POSE):
        problem = f"term '{term.name}' takes {term.field.value} from a {message.value}"
        raise ContractError(
            path, problem, "pose fields come from poses, joint and tool fields from joint messages"
        )
    if (term.field in JOINT_FIELDS) != bool(term.joints):
        problem = f"term '{term.name}' ({term.field.value}) names {len(term.joints)} joints"
        raise ContractError(
            path, problem, "position, velocity and effort name their joints, other fields none"
        )
    _unique(path, f"term '{term.name}'", term.joints)
    if term.unit not in FIELD_UNITS[term.field]:
        problem = f"term '{term.name}' has the unit '{term.unit}'"
        raise ContractError(
            path, problem, f"{_one_of(FIELD_UNITS[term.field])}, for values are not converted"
        )
    if message is not Message.COMMAND:
        return
    if term.field is Field.EFFORT:
        raise ContractError(
            path, f"term '{term.name}' takes effort from a command", "use position or velocity"
        )
    foreign = [joint for joint in term.joints if joint not in interface.joints]
    if foreign:
        problem = f"term '{term.name}' takes {', '.join(foreign)} from the command"
        raise ContractError(path, problem, f"a command has {', '.join(interface.joints)}")


def _check_relative(path: Path, term: Term, inputs: dict[str, Input]) -> None:
    joint_inputs = [name for name, entry in inputs.items() if entry.message is not Message.POSE]
    if term.from_tool_of is not None and term.from_tool_of not in joint_inputs:
        raise ContractError(
            path, f"term '{term.name}' is taken from the tool of '{term.from_tool_of}'", _one_of(joint_inputs)
        )
    if term.from_tool_of is not None and term.field not in (Field.POSE_POSITION, Field.POSE_YAW):
        problem = f"term '{term.name}' ({term.field.value}) is taken from a tool"
        raise ContractError(path, problem, "only pose_position and pose_yaw can be")
    if term.symmetry < 1 or (term.symmetry != 1 and term.field is not Field.POSE_YAW):
        problem = f"term '{term.name}' ({term.field.value}) has symmetry {term.symmetry}"
        raise ContractError(path, problem, "only pose_yaw has one, a whole number from 1")


def _check_action(path: Path, interface: Interface) -> None:
    for dimension in interface.action.dimensions:
        place = f"action dimension '{dimension.name}'"
        if dimension.name not in TOOL_DIMENSIONS + interface.joints:
            valid = _one_of([*TOOL_DIMENSIONS, *interface.joints])
            raise ContractError(path, f"{place} is neither of the tool nor a joint", valid)
        if dimension.scale <= 0:
            raise ContractError(path, f"{place} has scale {dimension.scale:g}", "it must be above 0")
        units = {"x": ("m",), "y": ("m",), "z": ("m",), "yaw": ("rad",)}.get(dimension.name, ("rad", "m"))
        if dimension.unit not in units:
            raise ContractError(path, f"{place} has the unit '{dimension.unit}'", _one_of(units))


def _check_tool(path: Path, interface: Interface) -> None:
    action, kinematics = interface.action, interface.kinematics
    tool_dimensions = [name for name in action.names if name in TOOL_DIMENSIONS]
    tool_terms = [term.name for term in interface.observation if term.tool_input is not None]
    if kinematics is None and (tool_dimensions or tool_terms):
        problem = f"{', '.join(tool_dimensions + tool_terms)} cannot be computed without the arm's model"
        raise ContractError(path, problem, "add interface.kinematics")
    if tool_dimensions and action.reference is Reference.ABSOLUTE:
        problem = f"the tool dimensions {', '.join(tool_dimensions)} have the reference absolute"
        raise ContractError(path, problem, "use commanded or measured; absolute is for joints")
    if action.workspace is not None:
        lower, upper = action.workspace
        if not tool_dimensions:
            raise ContractError(
                path, "a workspace without tool dimensions binds nothing", "leave action.workspace out"
            )
        if not all(low < high for low, high in zip(lower, upper, strict=True)):
            accepted = "rows are the lower and the upper corner"
            raise ContractError(path, f"action.workspace is empty: {list(lower)} to {list(upper)}", accepted)
    if kinematics is not None and abs(math.hypot(*kinematics.nominal_quat_wxyz) - 1.0) > QUATERNION_TOLERANCE:
        length = math.hypot(*kinematics.nominal_quat_wxyz)
        raise ContractError(path, f"kinematics.nominal_quat_wxyz has length {length:.4g}", "it must be 1")


def _check_rates(contract: Contract) -> None:
    path, interface, rate = contract.path, contract.interface, contract.deployment.command_rate_hz
    if interface.control_period_s <= 0 or rate <= 0:
        problem = f"control_period_s is {interface.control_period_s:g} and command_rate_hz {rate:g}"
        raise ContractError(path, problem, "both must be above 0")
    ticks = interface.control_period_s * rate
    if abs(ticks - round(ticks)) > WHOLE_TICKS_TOLERANCE or round(ticks) < 1:
        problem = f"one control period is {ticks:g} command ticks (control_period_s x command_rate_hz)"
        raise ContractError(path, problem, "it must be a whole number, at least 1")
    if interface.chunk_length < 1:
        raise ContractError(path, f"chunk_length is {interface.chunk_length}", "it must be at least 1")


def _check_topics(contract: Contract) -> None:
    path, topics = contract.path, contract.deployment.inputs
    names = [entry.name for entry in contract.interface.inputs]
    poses = [entry.name for entry in contract.interface.inputs if entry.message is Message.POSE]
    missing = [name for name in names if name not in topics]
    if missing:
        raise ContractError(
            path, f"deployment.inputs lacks {', '.join(missing)}", "every interface input needs a topic"
        )
    for name, topic in topics.items():
        if name not in names:
            raise ContractError(path, f"deployment.inputs names '{name}'", _one_of(names))
        _check_topic_name(path, f"deployment.inputs.{name}.topic", topic.topic)
        if topic.frame is not None and name not in poses:
            raise ContractError(path, f"deployment.inputs.{name} names a frame", "only poses have a frame")
        if topic.max_age_s <= 0:
            problem = f"deployment.inputs.{name}.max_age_s is {topic.max_age_s:g}"
            raise ContractError(path, problem, "it must be above 0")


def _check_limits(contract: Contract) -> None:
    path, joints = contract.path, contract.interface.joints
    for name, limits in contract.deployment.limits.items():
        if name not in joints:
            raise ContractError(path, f"deployment.limits names '{name}'", _one_of(joints))
        if limits.velocity > MAX_VELOCITY or limits.acceleration > MAX_ACCELERATION or limits.jerk > MAX_JERK:
            accepted = (
                f"velocity up to {MAX_VELOCITY:g}, acceleration {MAX_ACCELERATION:g}, jerk {MAX_JERK:g}"
            )
            raise ContractError(path, f"the limits of '{name}' are those of no arm", accepted)
        if not limits.lower < limits.upper or min(limits.velocity, limits.acceleration, limits.jerk) <= 0:
            accepted = "lower < upper, and velocity, acceleration, jerk above 0"
            raise ContractError(path, f"the limits of '{name}' allow no motion", accepted)
    unlimited = [joint for joint in joints if joint not in contract.deployment.limits]
    if unlimited:
        raise ContractError(
            path, f"deployment.limits lacks {', '.join(unlimited)}", "every joint needs all its limits"
        )


def _check_outputs(contract: Contract) -> None:
    path, joints, outputs = contract.path, contract.interface.joints, contract.deployment.outputs
    sent = [joint for output in outputs for joint in output.joints]
    if sorted(sent) != sorted(joints):
        accepted = f"each of {', '.join(joints)} exactly once"
        raise ContractError(path, f"the outputs carry {', '.join(sent) or 'no joints'}", accepted)
    _unique(path, "deployment.outputs", [output.topic for output in outputs])
    for index, output in enumerate(outputs):
        _check_topic_name(path, f"deployment.outputs[{index}].topic", output.topic)
        if not output.joints:
            raise ContractError(
                path, f"the output '{output.topic}' carries no joints", "name its joints or leave it out"
            )
        if output.kind is OutputKind.GRIPPER_COMMAND and len(output.joints) != 1:
            problem = f"the gripper command '{output.topic}' carries {', '.join(output.joints)}"
            raise ContractError(path, problem, "it moves one joint")


def _check_topic_name(path: Path, where: str, topic: str) -> None:
    if not _TOPIC.fullmatch(topic):
        accepted = "letters, digits, _ and / make a name, such as arm/joint_states"
        raise ContractError(path, f"{where} is '{topic}'", accepted)


def _one_of(names: Iterable[str]) -> str:
    return "it must be one of " + ", ".join(names)


def _unique(path: Path, what: str, names: Iterable[str]) -> None:
    listed = list(names)
    doubled = sorted({name for name in listed if listed.count(name) > 1})
    if doubled:
        raise ContractError(path, f"{what} names {', '.join(doubled)} twice", "each name may stand once")
