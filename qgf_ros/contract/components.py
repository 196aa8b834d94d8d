"""What each component of an observation is called in a sentence."""

from __future__ import annotations

from qgf_ros.contract.schema import JOINT_FIELDS, Field, Interface, Message, Term

_PARTS = {
    Field.TOOL_POSITION: ("x", "y", "z"),
    Field.POSE_POSITION: ("x", "y", "z"),
    Field.TOOL_YAW: ("cosine", "sine"),
    Field.POSE_YAW: ("cosine", "sine"),
    Field.POSE_QUATERNION: ("w", "x", "y", "z"),
}


def component_names(interface: Interface) -> tuple[str, ...]:
    """Of each component (O,): its term, and the joint or axis within it."""
    return tuple(f"{term.name} {part}" for term in interface.observation for part in _parts(term))


def component_units(interface: Interface) -> tuple[str, ...]:
    """The unit of each component (O,); "1" where it has none."""
    return tuple(term.unit for term in interface.observation for _ in _parts(term))


def commanded_components(interface: Interface) -> tuple[int, ...]:
    """Indices of the components that we command ourselves: nothing about them is to be predicted."""
    commands = {entry.name for entry in interface.inputs if entry.message is Message.COMMAND}
    inputs = [term.input for term in interface.observation for _ in _parts(term)]
    return tuple(index for index, name in enumerate(inputs) if name in commands)


def _parts(term: Term) -> tuple[str, ...]:
    if term.field is Field.POSITION_CIRCLE:
        return tuple(f"{part} of {joint}" for part in ("cosine", "sine") for joint in term.joints)
    return term.joints if term.field in JOINT_FIELDS else _PARTS[term.field]
