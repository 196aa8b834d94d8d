"""The limits that hold now: the contract's, tightened by what the robot publishes and by the first-run profile. Ours."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

from qgf_ros.contract.schema import Contract, JointLimits, ToolLimits
from qgf_ros.errors import DisjointLimitsError

FIRST_RUN_SPEED = 0.25  # of the velocity limits, and of a chunk's path
FIRST_RUN_TOOL_SPEED = 0.25  # m/s: what ISO 10218-1 calls reduced speed
ANYWHERE = ((-math.inf,) * 3, (math.inf,) * 3)
CEILINGS = ("velocity", "acceleration", "jerk", "start_error", "tracking_error")
UNITS = {"velocity": "rad/s", "acceleration": "rad/s2", "jerk": "rad/s3"}


@dataclass(frozen=True)
class LimitsInForce:
    """Bounds of every joint's command by joint name, and of the commanded tool where it has any."""

    joints: dict[str, JointLimits]
    tool: ToolLimits | None = None

    @classmethod
    def of(cls, contract: Contract) -> LimitsInForce:
        """The contract's own."""
        deployment = contract.deployment
        return cls({joint: deployment.limits[joint] for joint in contract.interface.joints}, deployment.tool)

    def tightened(self, other: LimitsInForce) -> LimitsInForce:
        """For each joint and the tool the tighter of both; joints that only `other` names are left out.

        Raises:
            DisjointLimitsError: the ranges of a joint, or the boxes of the tool, do not meet.
        """
        joints = {
            name: _tighter(name, limits, other.joints[name]) if name in other.joints else limits
            for name, limits in self.joints.items()
        }
        return LimitsInForce(joints, _tighter_tool(self.tool, other.tool))

    def first_run(self, has_tool: bool = False) -> LimitsInForce:
        """A quarter of each velocity, and of the tool 0.25 m/s at most.

        `has_tool`: the arm's model names a tool, whose speed is bounded then also where nothing else bounds it.
        """
        joints = {
            name: replace(limits, velocity=FIRST_RUN_SPEED * limits.velocity)
            for name, limits in self.joints.items()
        }
        slow = ToolLimits(FIRST_RUN_TOOL_SPEED, ANYWHERE)
        return LimitsInForce(joints, _tighter_tool(self.tool, slow) if has_tool or self.tool else None)

    def applied(self, contract: Contract) -> Contract:
        """The contract with these limits instead of its own: for gate and session. Its digest is another."""
        deployment = replace(contract.deployment, limits=dict(self.joints), tool=self.tool)
        return replace(contract, deployment=deployment)

    def values(self) -> dict[str, str]:
        """Every limit as text by `JOINT.KIND`, and `tool.KIND`; numbers as Python writes them, unrounded."""
        kinds = ("lower", "upper", *CEILINGS)
        found = {
            f"{name}.{kind}": _number(_value(limits, kind))
            for name, limits in self.joints.items()
            for kind in kinds
        }
        if self.tool is not None:
            lower, upper = self.tool.box
            found["tool.speed"] = _number(self.tool.speed)
            found["tool.box_lower"] = " ".join(map(_number, lower))
            found["tool.box_upper"] = " ".join(map(_number, upper))
        return found

    @property
    def digest(self) -> str:
        """The first 12 hex digits of the sha256 of the sorted lines `KEY=VALUE` of `values`, newlines between them."""
        text = "\n".join(sorted(f"{key}={value}" for key, value in self.values().items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def lines(self, width: int = 0) -> list[str]:
        """The table that people read: a line a joint, one for the tool; names fill at least `width` letters."""
        width = max(width, *(len(name) for name in self.joints))
        found = [f"{name:<{width}}  {_joint_words(limits)}" for name, limits in self.joints.items()]
        return [*found, f"{'tool':<{width}}  {tool_words(self.tool)}"]


def tool_words(tool: ToolLimits | None) -> str:
    """A tool's bounds for people."""
    if tool is None:
        return "not limited"
    if tool.box == ANYWHERE:
        return f"{tool.speed:g} m/s, anywhere"
    box = ", ".join(f"{low:g} to {high:g}" for low, high in zip(*tool.box, strict=True))
    return f"{tool.speed:g} m/s, in the box {box} m"


def _joint_words(limits: JointLimits) -> str:
    moving = ", ".join(f"{_value(limits, kind):g} {unit}" for kind, unit in UNITS.items())
    return (
        f"{limits.lower:g} to {limits.upper:g} rad, {moving}; may stand off by {limits.start_error:g} at a start, "
        f"{limits.tracking_error:g} in motion"
    )


def _number(value: float) -> str:
    return repr(value + 0.0)  # without the sign of zero: equal limits have equal texts


def _value(limits: JointLimits, kind: str) -> float:
    return float(vars(limits)[kind])


def _tighter(joint: str, ours: JointLimits, theirs: JointLimits) -> JointLimits:
    lower, upper = max(ours.lower, theirs.lower), min(ours.upper, theirs.upper)
    if not lower < upper:
        raise DisjointLimitsError(f"joint '{joint}'", (ours.lower, ours.upper), (theirs.lower, theirs.upper))
    return JointLimits(
        lower=lower,
        upper=upper,
        **{kind: min(_value(ours, kind), _value(theirs, kind)) for kind in CEILINGS},
    )


def _tighter_tool(ours: ToolLimits | None, theirs: ToolLimits | None) -> ToolLimits | None:
    if ours is None or theirs is None:
        return ours or theirs
    sides = list(zip(*ours.box, *theirs.box, strict=True))
    for axis, (low, high, other_low, other_high) in zip("xyz", sides, strict=True):
        if not max(low, other_low) < min(high, other_high):
            raise DisjointLimitsError(f"the tool along {axis}", (low, high), (other_low, other_high))
    lower_x, lower_y, lower_z = (max(low, other) for low, _, other, _ in sides)
    upper_x, upper_y, upper_z = (min(high, other) for _, high, _, other in sides)
    box = ((lower_x, lower_y, lower_z), (upper_x, upper_y, upper_z))
    return ToolLimits(min(ours.speed, theirs.speed), box)
