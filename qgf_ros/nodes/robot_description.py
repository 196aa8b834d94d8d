"""Limits of a robot's own description (URDF), as `robot_state_publisher` publishes it: they may only tighten the contract's.

URDF's rules: https://wiki.ros.org/urdf/XML/joint. A prismatic joint's limits are in m and m/s, as the contract's are then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from qgf_ros.bounds import MODEL_BYTES
from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.errors import RobotDescriptionError

MOST_BYTES = MODEL_BYTES
MOST_TAGS = 200_000
MOVING = ("revolute", "prismatic", "continuous")
_UNBOUNDED = JointLimits(-math.inf, math.inf, math.inf, math.inf, math.inf, math.inf, math.inf)


@dataclass(frozen=True)
class Described:
    """What a description says of the contract's joints, and in words what of it was left out."""

    limits: LimitsInForce
    ignored: tuple[str, ...]


def read_description(xml: str, joints: Sequence[str]) -> Described:
    """Position and velocity limits of `joints`; accelerations and jerks, which URDF has not, are unbounded.

    Raises:
        RobotDescriptionError: too large, no well-formed `robot`, uses a DTD or entities, a joint of ours cannot move, or a
            number is none.
    """
    root = _parse(xml)
    elements = {entry.get("name", ""): entry for entry in root.findall("joint")}
    found: dict[str, JointLimits] = {}
    ignored: list[str] = []
    for name in joints:
        if name not in elements:
            ignored.append(f"'{name}' is not in it")
            continue
        found[name] = _limits(name, elements[name], ignored)
        mimic = elements[name].find("mimic")
        if mimic is not None:
            found[name] = _as_led(name, found[name], mimic, elements, ignored)
    others = sorted(
        name for name, entry in elements.items() if name not in joints and entry.get("type") in MOVING
    )
    if others:
        ignored.append(f"joints that the contract does not name: {', '.join(others)}")
    return Described(LimitsInForce(found), tuple(ignored))


def _parse(xml: str) -> Element:
    size = len(xml.encode(errors="replace"))
    if size > MOST_BYTES or xml.count("<") > MOST_TAGS:
        raise RobotDescriptionError(
            f"it has {size} bytes and {xml.count('<')} tags",
            f"no more than {MOST_BYTES} bytes and {MOST_TAGS} tags",
        )
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise RobotDescriptionError(
            f"it uses {type(error).__name__}", "URDF without DTD and entities"
        ) from error
    except (ParseError, ValueError) as error:
        raise RobotDescriptionError(f"it is not XML ({error})", "a URDF") from error
    if root.tag != "robot":
        raise RobotDescriptionError(f"its root is '{root.tag[:40]}'", "a URDF, whose root is 'robot'")
    return root


def _limits(name: str, joint: Element, ignored: list[str]) -> JointLimits:
    kind = joint.get("type", "")
    if kind not in MOVING:
        raise RobotDescriptionError(
            f"the contract's joint '{name}' is of type '{kind[:40]}' in it", f"one of {', '.join(MOVING)}"
        )
    limit = joint.find("limit")
    if limit is None:
        ignored.append(f"'{name}' has no limit in it")
        return _UNBOUNDED
    velocity = _number(name, limit, "velocity", math.inf)
    if velocity <= 0:
        ignored.append(f"the velocity limit {velocity:g} of '{name}'")
        velocity = math.inf
    lower, upper = -math.inf, math.inf
    if kind != "continuous":
        lower, upper = _range(name, joint, limit, ignored)
    return JointLimits(lower, upper, velocity, math.inf, math.inf, math.inf, math.inf)


def _range(name: str, joint: Element, limit: Element, ignored: list[str]) -> tuple[float, float]:
    """Of the hard limits and the safety controller's soft ones the tighter."""
    lower, upper = _number(name, limit, "lower", 0.0), _number(name, limit, "upper", 0.0)
    if not lower < upper:
        ignored.append(f"the empty range {lower:g} to {upper:g} of '{name}'")
        lower, upper = -math.inf, math.inf
    soft = joint.find("safety_controller")
    if soft is not None:
        soft_lower = _number(name, soft, "soft_lower_limit", -math.inf)
        soft_upper = _number(name, soft, "soft_upper_limit", math.inf)
        if max(lower, soft_lower) < min(upper, soft_upper):
            return max(lower, soft_lower), min(upper, soft_upper)
        ignored.append(f"the soft limits of '{name}', which leave it no range")
    return lower, upper


def _as_led(
    name: str, own: JointLimits, mimic: Element, elements: dict[str, Element], ignored: list[str]
) -> JointLimits:
    """A joint that follows another also keeps to what the other's limits let it do: multiplier * position + offset."""
    leader, factor = mimic.get("joint", ""), _number(name, mimic, "multiplier", 1.0)
    offset = _number(name, mimic, "offset", 0.0)
    if leader not in elements or elements[leader].get("type") not in MOVING or factor == 0:
        ignored.append(f"that '{name}' follows '{leader[:40]}'")
        return own
    led = _limits(leader, elements[leader], ignored)
    ends = sorted((factor * led.lower + offset, factor * led.upper + offset))
    theirs = JointLimits(ends[0], ends[1], abs(factor) * led.velocity, *[math.inf] * 4)
    return LimitsInForce({name: own}).tightened(LimitsInForce({name: theirs})).joints[name]


def _number(name: str, element: Element, key: str, absent: float) -> float:
    text = element.get(key)
    if text is None:
        return absent
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RobotDescriptionError(f"{key} of '{name}' is '{text[:40]}' in it", "a finite number")
    return value
