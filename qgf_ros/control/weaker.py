"""Where a deployment is weaker than what is allowed: one clause each, naming what, how much, and what would do."""

from __future__ import annotations

from collections.abc import Mapping

from qgf_ros.contract.schema import JointLimits, OutputKind, ToolLimits
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.limits_in_force import CEILINGS, UNITS

Box = tuple[tuple[float, float, float], tuple[float, float, float]]


def joints(ours: Mapping[str, JointLimits], allowed: Mapping[str, JointLimits]) -> list[str]:
    """Joints without a bound in the baseline, or the reverse; limits, errors and ranges that are larger."""
    found = [f"'{name}' of the baseline has no limits" for name in allowed if name not in ours]
    for name, limits in ours.items():
        if name not in allowed:
            found.append(f"'{name}' stands in no baseline")
            continue
        bound = allowed[name]
        if limits.lower < bound.lower or limits.upper > bound.upper:
            found.append(
                f"'{name}' may go from {limits.lower:g} to {limits.upper:g} rad, {bound.lower:g} to {bound.upper:g} are allowed"
            )
        for kind in CEILINGS:
            value, largest = vars(limits)[kind], vars(bound)[kind]
            if value > largest:
                unit = UNITS.get(kind, "rad")
                found.append(f"{kind} of '{name}' is {value:g} {unit}, {largest:g} is allowed")
    return found


def outputs(ours: Mapping[str, OutputKind], allowed: Mapping[str, OutputKind]) -> list[str]:
    """Joints whose kind of output lacks what the allowed one has."""
    found = []
    for joint, bound in allowed.items():
        kind = ours.get(joint)
        if kind is None:
            found.append(f"'{joint}' has no output, {bound.value} is allowed")
        elif bound.ends_at_rest and not kind.ends_at_rest:
            found.append(
                f"the output of '{joint}' is {kind.value}, which does not end at rest: {bound.value} is allowed"
            )
        elif bound.is_topic and not kind.is_topic:
            found.append(
                f"the output of '{joint}' is {kind.value}, where others are not seen: {bound.value} is allowed"
            )
    return found


def tool(ours: ToolLimits | None, allowed: ToolLimits | None) -> list[str]:
    """A tool that is faster, may go further, or is not bounded."""
    if allowed is None:
        return []
    if ours is None:
        return ["the tool is not limited"]
    found = []
    if ours.speed > allowed.speed:
        found.append(f"the tool's speed is {ours.speed:g} m/s, {allowed.speed:g} is allowed")
    return [*found, *box("tool's box", ours.box, allowed.box)]


def box(what: str, ours: Box | None, allowed: Box | None) -> list[str]:
    """A box, m, that reaches further than the allowed one, or is not there."""
    if allowed is None:
        return []
    if ours is None:
        return [f"the {what} is not bounded"]
    return [
        f"the {what} is {low:g} to {high:g} m along {axis}, {lowest:g} to {highest:g} is allowed"
        for axis, low, high, lowest, highest in zip("xyz", *ours, *allowed, strict=True)
        if low < lowest or high > highest
    ]


def ages(ours: Mapping[str, float], allowed: Mapping[str, float]) -> list[str]:
    """Inputs that may be older than allowed, s, or that only one of both names."""
    found = [f"the input {name} of the baseline has no largest age" for name in allowed if name not in ours]
    for name, age in ours.items():
        if name not in allowed:
            found.append(f"the input {name} stands in no baseline")
        elif age > allowed[name]:
            found.append(f"the oldest input {name} may be {age:g} s, {allowed[name]:g} is allowed")
    return found


def parameters(ours: Mapping[str, float], allowed: Mapping[str, float]) -> list[str]:
    """Parameters, s, that are larger than allowed."""
    return [
        f"the parameter {name} may be {value:g} s, {allowed[name]:g} is allowed"
        for name, value in ours.items()
        if value > allowed[name]
    ]


def switches(ours: Mapping[str, bool], allowed: Mapping[str, bool]) -> list[str]:
    """Parameters that are true, and may not be when the node is configured."""
    return [
        f"the parameter {name} is true, only false is allowed at configure"
        for name, value in ours.items()
        if value and not allowed[name]
    ]


def rate(ours: float, allowed: float) -> list[str]:
    """Fewer commands a second than allowed: every check and every stop waits for a tick."""
    return [f"command_rate_hz is {ours:g}, at least {allowed:g} is allowed"] if ours < allowed else []


def first_motion(ours: FirstMotion, allowed: FirstMotion) -> list[str]:
    """Slow motion where none was allowed."""
    if ours is FirstMotion.SLOW and allowed is FirstMotion.REFUSE:
        return ["the parameter first_motion is slow, refuse is allowed"]
    return []


def other(what: str, ours: str | None, allowed: str | None, digits: int | None = None) -> list[str]:
    """Something that cannot be compared by size: only what was reviewed is allowed. `digits` of it are shown, all by default."""
    if allowed is None or ours == allowed:
        return []
    found = "none" if ours is None else f"'{ours[:digits]}'"
    return [f"the {what} is {found}, and '{allowed[:digits]}' was reviewed"]
