"""Checks the part of a contract that may differ from robot to robot: rates, topics, limits, outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from qgf_ros.bounds import CHUNK_ACTIONS, RATE_HZ, SECONDS
from qgf_ros.contract.schema import ChunkMode, Contract, Message, OutputKind
from qgf_ros.errors import ContractError

WHOLE_TICKS_TOLERANCE = 1e-9  # rounding of period x rate
# Beyond these Ruckig cannot plan moves of a microradian, and the limiter would stop instead (docs/adr/0004).
MAX_VELOCITY, MAX_ACCELERATION, MAX_JERK = 1e3, 1e5, 1e8
_TOPIC = re.compile(r"(~?/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


def check_deployment(contract: Contract) -> None:
    """Returns where the deployment fits the interface and can be carried out.

    Raises:
        ContractError: the first thing found that does not, and what would be accepted.
    """
    _check_rates(contract)
    _check_topics(contract)
    _check_limits(contract)
    _check_tool(contract)
    _check_outputs(contract)
    _check_chunks(contract)


def _check_rates(contract: Contract) -> None:
    path, interface, rate = contract.path, contract.interface, contract.deployment.command_rate_hz
    if not (0 < interface.control_period_s <= SECONDS and 0 < rate <= RATE_HZ):
        problem = f"control_period_s is {interface.control_period_s:g} and command_rate_hz {rate:g}"
        raise ContractError(path, problem, f"both must be above 0, at most {SECONDS:g} and {RATE_HZ:g}")
    ticks = interface.control_period_s * rate
    if abs(ticks - round(ticks)) > WHOLE_TICKS_TOLERANCE or round(ticks) < 1:
        problem = f"one control period is {ticks:g} command ticks (control_period_s x command_rate_hz)"
        raise ContractError(path, problem, "it must be a whole number, at least 1")
    if not 1 <= interface.chunk_length <= CHUNK_ACTIONS:
        problem = f"chunk_length is {interface.chunk_length}"
        raise ContractError(path, problem, f"it must be at least 1, at most {CHUNK_ACTIONS}")


def _check_topics(contract: Contract) -> None:
    path, topics = contract.path, contract.deployment.inputs
    names = [entry.name for entry in contract.interface.inputs]
    poses = [entry.name for entry in contract.interface.inputs if entry.message is Message.POSE]
    missing = [name for name in names if name not in topics]
    if contract.deployment.goal is not None:
        _check_topic_name(path, "deployment.goal.topic", contract.deployment.goal.topic)
    if missing:
        raise ContractError(
            path, f"deployment.inputs lacks {', '.join(missing)}", "every interface input needs a topic"
        )
    for name, topic in topics.items():
        if name not in names:
            raise ContractError(path, f"deployment.inputs names '{name}'", one_of(names))
        _check_topic_name(path, f"deployment.inputs.{name}.topic", topic.topic)
        if topic.frame is not None and name not in poses:
            raise ContractError(path, f"deployment.inputs.{name} names a frame", "only poses have a frame")
        if not 0 < topic.max_age_s <= SECONDS:
            problem = f"deployment.inputs.{name}.max_age_s is {topic.max_age_s:g}"
            raise ContractError(path, problem, f"it must be above 0, at most {SECONDS:g}")


def _check_limits(contract: Contract) -> None:
    path, joints = contract.path, contract.interface.joints
    for name, limits in contract.deployment.limits.items():
        if name not in joints:
            raise ContractError(path, f"deployment.limits names '{name}'", one_of(joints))
        if limits.velocity > MAX_VELOCITY or limits.acceleration > MAX_ACCELERATION or limits.jerk > MAX_JERK:
            accepted = (
                f"velocity up to {MAX_VELOCITY:g}, acceleration {MAX_ACCELERATION:g}, jerk {MAX_JERK:g}"
            )
            raise ContractError(path, f"the limits of '{name}' are those of no arm", accepted)
        if (
            not limits.lower < limits.upper
            or min(limits.velocity, limits.acceleration, limits.jerk, limits.start_error) <= 0
        ):
            accepted = "lower < upper, and velocity, acceleration, jerk and start_error above 0"
            raise ContractError(path, f"the limits of '{name}' allow no motion", accepted)
    unlimited = [joint for joint in joints if joint not in contract.deployment.limits]
    if unlimited:
        raise ContractError(
            path, f"deployment.limits lacks {', '.join(unlimited)}", "every joint needs all its limits"
        )


def check_defaults(contract: Contract, stated: Mapping[str, Mapping[str, object]]) -> None:
    """Returns where no joint's watch is off by a default alone; `stated`: the limits as the file writes them.

    A value could be derived from the range, but only who knows the axis knows how far it may lag: so it is asked for.

    Raises:
        ContractError: start_error or tracking_error is at least the whole range of a joint, and nobody wrote it.
    """
    for name, limits in contract.deployment.limits.items():
        width = limits.upper - limits.lower
        for key in ("tracking_error", "start_error"):
            value = float(vars(limits)[key])
            if value >= width and key not in stated[name]:
                problem = (
                    f"{key} of '{name}' is {value:g} where nothing is stated, and its whole range {width:g}"
                )
                accepted = "state it, in the joint's unit: less than the range, or, where nothing shall watch the joint, at least it"
                raise ContractError(contract.path, problem, accepted)


def _check_tool(contract: Contract) -> None:
    path, tool = contract.path, contract.deployment.tool
    if tool is None:
        return
    if contract.interface.kinematics is None:
        accepted = "name the arm's model in interface.kinematics, or leave the bounds out"
        raise ContractError(path, "deployment.tool bounds a tool that no model has", accepted)
    if not tool.speed > 0.0:
        raise ContractError(path, f"deployment.tool.speed is {tool.speed:g}", "it must be above 0")
    for axis, low, high in zip("xyz", *tool.box, strict=True):
        if not low < high:
            problem = f"deployment.tool.box goes from {low:g} to {high:g} along {axis}"
            raise ContractError(path, problem, "the lower corner comes first, and a box has room in it")


def _check_outputs(contract: Contract) -> None:
    path, joints, outputs = contract.path, contract.interface.joints, contract.deployment.outputs
    sent = [joint for output in outputs for joint in output.joints]
    if sorted(sent) != sorted(joints):
        accepted = f"each of {', '.join(joints)} exactly once"
        raise ContractError(path, f"the outputs carry {', '.join(sent) or 'no joints'}", accepted)
    unique(path, "deployment.outputs", [output.topic for output in outputs])
    for index, output in enumerate(outputs):
        _check_topic_name(path, f"deployment.outputs[{index}].topic", output.topic)
        if not output.joints:
            raise ContractError(
                path, f"the output '{output.topic}' carries no joints", "name its joints or leave it out"
            )
        if output.kind is OutputKind.GRIPPER_COMMAND and len(output.joints) != 1:
            problem = f"the gripper command '{output.topic}' carries {', '.join(output.joints)}"
            raise ContractError(path, problem, "it moves one joint")


def _check_chunks(contract: Contract) -> None:
    """Real-time chunking needs d <= s and d + s <= H (arXiv 2506.07339, section 2)."""
    chunks, length = contract.deployment.chunks, contract.interface.chunk_length
    delay, horizon = chunks.delay, chunks.execution_horizon
    horizon = length if horizon is None else horizon
    where = "deployment.chunks: execution_horizon"
    if chunks.mode is ChunkMode.SYNCHRONOUS:
        if not 1 <= horizon <= length or delay != 0:
            accepted = f"synchronous chunks have delay 0 and an execution_horizon from 1 to {length}"
            raise ContractError(contract.path, f"{where} is {horizon} and delay {delay}", accepted)
        return
    if not (1 <= horizon <= length and 0 <= delay <= horizon and delay + horizon <= length):
        problem = f"{where} {horizon} and delay {delay} do not fit the chunk_length {length}"
        longest = length // 2
        accepted = f"the delay may be 0 to {longest}"
        if 0 <= delay <= longest:
            accepted = f"with delay {delay} it may be {max(delay, 1)} to {length - delay}"
        raise ContractError(contract.path, problem, accepted)


def _check_topic_name(path: Path, where: str, topic: str) -> None:
    if not _TOPIC.fullmatch(topic):
        accepted = "letters, digits, _ and / make a name, such as arm/joint_states"
        raise ContractError(path, f"{where} is '{topic}'", accepted)


def one_of(names: Iterable[str]) -> str:
    """What would be accepted, in words."""
    return "it must be one of " + ", ".join(names)


def unique(path: Path, what: str, names: Iterable[str]) -> None:
    """Raises ContractError where a name stands twice."""
    listed = list(names)
    doubled = sorted({name for name in listed if listed.count(name) > 1})
    if doubled:
        raise ContractError(path, f"{what} names {', '.join(doubled)} twice", "each name may stand once")
