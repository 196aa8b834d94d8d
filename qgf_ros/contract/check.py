"""Checks that the parts of a contract fit together: what types alone cannot say."""

from __future__ import annotations

import math
from pathlib import Path

from qgf_ros.contract.check_deployment import check_deployment, one_of, unique
from qgf_ros.contract.schema import (
    JOINT_FIELDS,
    POSE_FIELDS,
    TOOL_DIMENSIONS,
    Contract,
    Field,
    Input,
    Interface,
    Message,
    Reference,
    Term,
)
from qgf_ros.errors import ContractError

QUATERNION_TOLERANCE = 1e-3  # what rounding to four digits may leave
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
            raise ContractError(path, f"term '{term.name}' reads the input '{term.input}'", one_of(inputs))
        _check_term(path, interface, term, inputs[term.input].message)
        _check_relative(path, term, inputs)
    _check_action(path, interface)
    _check_tool(path, interface)
    _check_goal(contract)
    check_deployment(contract)


def _check_names(path: Path, interface: Interface) -> None:
    for what, names in (
        ("interface.joints", interface.joints),
        ("interface.inputs", [entry.name for entry in interface.inputs]),
        ("interface.observation", [term.name for term in interface.observation]),
        ("interface.action.dimensions", interface.action.names),
    ):
        if not names:
            raise ContractError(path, f"{what} is empty", "it needs at least one entry")
        unique(path, what, names)
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
    unique(path, f"term '{term.name}'", term.joints)
    if term.unit not in FIELD_UNITS[term.field]:
        problem = f"term '{term.name}' has the unit '{term.unit}'"
        raise ContractError(path, problem, f"{one_of(FIELD_UNITS[term.field])}, for values are not converted")
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
            path, f"term '{term.name}' is taken from the tool of '{term.from_tool_of}'", one_of(joint_inputs)
        )
    if term.from_tool_of is not None and term.field not in (Field.POSE_POSITION, Field.POSE_YAW):
        problem = f"term '{term.name}' ({term.field.value}) is taken from a tool"
        raise ContractError(path, problem, "only pose_position and pose_yaw can be")
    if term.symmetry < 1 or (term.symmetry != 1 and term.field is not Field.POSE_YAW):
        problem = f"term '{term.name}' ({term.field.value}) has symmetry {term.symmetry}"
        raise ContractError(path, problem, "only pose_yaw has one, a whole number from 1")


def _check_goal(contract: Contract) -> None:
    path, goal = contract.path, contract.interface.goal
    if (goal is None) != (contract.deployment.goal is None):
        present, absent = ("deployment", "interface") if goal is None else ("interface", "deployment")
        problem = f"{present}.goal is given without {absent}.goal"
        raise ContractError(path, problem, "goals need both: the term they are places for, and their topic")
    if goal is None:
        return
    places = [
        term.name
        for term in contract.interface.observation
        if term.field is Field.POSE_POSITION and term.from_tool_of is None
    ]
    if goal.term not in places:
        problem = f"interface.goal names the term '{goal.term}'"
        accepted = f"it must be a pose_position that is not taken from the tool: {', '.join(places) or 'there is none'}"
        raise ContractError(path, problem, accepted)
    if goal.radius <= 0.0:
        raise ContractError(path, f"interface.goal.radius is {goal.radius:g}", "it must be above 0, in m")


def _check_action(path: Path, interface: Interface) -> None:
    for dimension in interface.action.dimensions:
        place = f"action dimension '{dimension.name}'"
        if dimension.name not in TOOL_DIMENSIONS + interface.joints:
            valid = one_of([*TOOL_DIMENSIONS, *interface.joints])
            raise ContractError(path, f"{place} is neither of the tool nor a joint", valid)
        if dimension.scale <= 0:
            raise ContractError(path, f"{place} has scale {dimension.scale:g}", "it must be above 0")
        units = {"x": ("m",), "y": ("m",), "z": ("m",), "yaw": ("rad",)}.get(dimension.name, ("rad", "m"))
        if dimension.unit not in units:
            raise ContractError(path, f"{place} has the unit '{dimension.unit}'", one_of(units))


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
