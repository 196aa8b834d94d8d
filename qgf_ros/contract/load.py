"""Reads a contract file and checks that its parts fit together."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from qgf_ros.contract.migrate import migrate
from qgf_ros.contract.schema import (
    JOINT_FIELDS,
    POSE_FIELDS,
    Contract,
    Deployment,
    Field,
    Interface,
    Message,
    Reference,
)
from qgf_ros.errors import ContractError, MissingFileError, UnknownKeys
from qgf_ros.strict import build, read_yaml

TOOL_DIMENSIONS = ("x", "y", "z", "yaw")


def load_contract(path: str | Path) -> Contract:
    """The contract in a YAML file, checked; older schema versions are migrated.

    Raises:
        MissingFileError, UnreadableFileError: the file is absent or not YAML.
        UnknownKeys, InvalidSetting: a key or value does not fit the schema.
        ContractError: names that do not refer to one another, rates that do not divide, impossible limits.
    """
    path = Path(path).resolve()
    content = migrate(read_yaml(path), path)
    parts = {"interface", "deployment"}
    if set(content) != parts:
        raise UnknownKeys(path.name, set(content) - parts, parts | {"schema_version"}, missing=parts - set(content))
    interface = build(Interface, content["interface"], "interface")
    contract = Contract(_with_model_digest(interface, path), build(Deployment, content["deployment"], "deployment"), path)
    _check_interface(contract)
    _check_deployment(contract)
    return contract


def interface_from_canonical(value: dict[str, Any]) -> Interface:
    """The interface stored in a checkpoint or data set by `Interface.canonical`."""
    return build(Interface, value, "interface")


def differences(ours: Interface, theirs: Interface) -> list[str]:
    """Where two interfaces differ, in words: one entry a key, at most six."""
    found: list[str] = []
    _compare(ours.canonical(), theirs.canonical(), "", found)
    return found[:6]


def _compare(ours: Any, theirs: Any, where: str, found: list[str]) -> None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours:
            _compare(ours[key], theirs.get(key), f"{where}.{key}" if where else key, found)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            _compare(left, right, f"{where}[{index}]", found)
    elif ours != theirs:
        shown = [f"{value}" if not isinstance(value, list) else f"a list of {len(value)}" for value in (ours, theirs)]
        found.append(f"{where} is {shown[0]} here and {shown[1]} there")


def _with_model_digest(interface: Interface, path: Path) -> Interface:
    if interface.kinematics is None:
        return interface
    model = (path.parent / interface.kinematics.model).resolve()
    if not model.is_file():
        raise MissingFileError(model)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    return dataclasses.replace(interface, kinematics=dataclasses.replace(interface.kinematics, sha256=digest))


def _check_interface(contract: Contract) -> None:
    path, interface = contract.path, contract.interface
    inputs = {entry.name: entry for entry in interface.inputs}
    for entry in interface.inputs:
        if entry.message is Message.POSE and entry.frame is None:
            raise ContractError(path, f"the pose input '{entry.name}' names no frame", "add 'frame: base_link', say")
    for term in interface.observation:
        if term.input not in inputs:
            raise ContractError(path, f"term '{term.name}' reads the input '{term.input}'", _one_of(inputs))
        if (term.field in POSE_FIELDS) != (inputs[term.input].message is Message.POSE):
            problem = f"term '{term.name}' takes {term.field.value} from a {inputs[term.input].message.value}"
            raise ContractError(path, problem, "pose fields come from poses, joint and tool fields from joint messages")
        if (term.field in JOINT_FIELDS) != bool(term.joints):
            raise ContractError(path, f"term '{term.name}' has {len(term.joints)} joints", "joint fields name joints, others none")
        if inputs[term.input].message is Message.COMMAND and term.field is Field.EFFORT:
            raise ContractError(path, f"term '{term.name}' takes effort from a command", "use position or velocity")
        if term.field in (Field.TOOL_POSITION, Field.TOOL_YAW) and interface.kinematics is None:
            raise ContractError(path, f"term '{term.name}' needs forward kinematics", "add interface.kinematics")
    _unique(path, "observation terms", [term.name for term in interface.observation])
    _unique(path, "joints", list(interface.joints))
    _check_action(contract)


def _check_action(contract: Contract) -> None:
    path, interface = contract.path, contract.interface
    action = interface.action
    _unique(path, "action dimensions", list(action.names))
    uses_tool = False
    for dimension in action.dimensions:
        if dimension.name not in TOOL_DIMENSIONS + interface.joints:
            valid = _one_of([*TOOL_DIMENSIONS, *interface.joints])
            raise ContractError(path, f"action dimension '{dimension.name}' is neither of the tool nor a joint", valid)
        if dimension.scale <= 0:
            raise ContractError(path, f"action dimension '{dimension.name}' has scale {dimension.scale}", "it must be above 0")
        uses_tool |= dimension.name in TOOL_DIMENSIONS
    if uses_tool and (interface.kinematics is None or action.reference is Reference.ABSOLUTE):
        raise ContractError(path, "tool dimensions need kinematics and a delta", "add interface.kinematics, use commanded or measured")


def _check_deployment(contract: Contract) -> None:
    path, interface, deployment = contract.path, contract.interface, contract.deployment
    ticks = interface.control_period_s * deployment.command_rate_hz
    if abs(ticks - round(ticks)) > 1e-9 or round(ticks) < 1:
        raise ContractError(path, f"one control period is {ticks:g} command ticks", "it must be a whole number, at least 1")
    if interface.chunk_length < 1:
        raise ContractError(path, f"chunk_length is {interface.chunk_length}", "it must be at least 1")
    missing = [entry.name for entry in interface.inputs if entry.name not in deployment.inputs]
    if missing:
        raise ContractError(path, f"deployment.inputs lacks {', '.join(missing)}", "every interface input needs a topic")
    for name, limits in deployment.limits.items():
        if name not in interface.joints:
            raise ContractError(path, f"deployment.limits names '{name}'", _one_of(interface.joints))
        if not limits.lower < limits.upper or min(limits.velocity, limits.acceleration, limits.jerk) <= 0:
            raise ContractError(path, f"the limits of '{name}' are empty", "lower < upper, and velocity, acceleration, jerk above 0")
    unlimited = [joint for joint in interface.joints if joint not in deployment.limits]
    if unlimited:
        raise ContractError(path, f"deployment.limits lacks {', '.join(unlimited)}", "every joint needs all its limits")
    sent = [joint for output in deployment.outputs for joint in output.joints]
    if sorted(sent) != sorted(interface.joints):
        raise ContractError(path, f"the outputs carry {', '.join(sent) or 'no joints'}", f"each of {', '.join(interface.joints)} exactly once")


def _one_of(names: Any) -> str:
    return "it must be one of " + ", ".join(names)


def _unique(path: Path, what: str, names: list[str]) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ContractError(path, f"{what} name {', '.join(doubled)} twice", "each name may stand once")
