"""Limits in force as the graph states them: read, digested and compared with the contract's, by code of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from qgf_ros.contract.schema import Contract, JointLimits, ToolLimits
from qgf_ros.errors import UnreadableCertificate

KINDS = ("lower", "upper", "velocity", "acceleration", "jerk", "start_error", "tracking_error")


@dataclass(frozen=True)
class Bounds:
    """Limits of the joints in the contract's order, and of the tool where it has any."""

    joints: tuple[JointLimits, ...]
    tool: ToolLimits | None
    digest: str

    def weaker_than(self, contract: Contract) -> list[str]:
        """What of these is weaker than the contract's, in words; empty where nothing is."""
        found = []
        for name, ours in zip(contract.interface.joints, self.joints, strict=True):
            theirs = contract.deployment.limits[name]
            found += [
                f"{name}.{kind} {_of(ours, kind):g} (contract {_of(theirs, kind):g})"
                for kind in KINDS
                if (
                    _of(ours, kind) < _of(theirs, kind)
                    if kind == "lower"
                    else _of(ours, kind) > _of(theirs, kind)
                )
            ]
        return found + _weaker_tool(self.tool, contract.deployment.tool)


def of_contract(contract: Contract) -> Bounds:
    """The contract's own limits."""
    joints = tuple(contract.deployment.limits[joint] for joint in contract.interface.joints)
    return Bounds(joints, contract.deployment.tool, digest_of(texts(contract)))


def read_bounds(stated: Mapping[str, str], contract: Contract) -> Bounds:
    """The limits in a message on `~/limits`: its values by key.

    Raises:
        UnreadableCertificate: a key of a joint is missing, a value is no number, or there are keys beside them.
    """
    expected = [f"{joint}.{kind}" for joint in contract.interface.joints for kind in KINDS]
    tool = ["tool.speed", "tool.box_lower", "tool.box_upper"]
    has_tool = "tool.speed" in stated
    wrong = sorted(set(stated) ^ set(expected + tool * has_tool))
    if wrong:
        raise UnreadableCertificate(wrong[:4], "missing or unknown among the limits in force")
    try:
        joints = tuple(
            JointLimits(*(_number(stated[f"{joint}.{kind}"]) for kind in KINDS))
            for joint in contract.interface.joints
        )
        limits = (
            ToolLimits(_number(stated["tool.speed"]), (_corner(stated, "lower"), _corner(stated, "upper")))
            if has_tool
            else None
        )
    except ValueError as error:
        raise UnreadableCertificate(["limits"], str(error)) from error
    return Bounds(joints, limits, digest_of(stated))


def texts(contract: Contract) -> dict[str, str]:
    """The contract's limits as `~/limits` states them: numbers as Python writes them, zero without a sign."""
    limits, tool = contract.deployment.limits, contract.deployment.tool
    found = {
        f"{joint}.{kind}": repr(_of(limits[joint], kind) + 0.0)
        for joint in contract.interface.joints
        for kind in KINDS
    }
    if tool is not None:
        found["tool.speed"] = repr(float(tool.speed) + 0.0)
        for name, corner in zip(("lower", "upper"), tool.box, strict=True):
            found[f"tool.box_{name}"] = " ".join(repr(float(value) + 0.0) for value in corner)
    return found


def digest_of(stated: Mapping[str, str]) -> str:
    """The first 12 hex digits of the sha256 of the sorted lines `KEY=VALUE`."""
    text = "\n".join(sorted(f"{key}={value}" for key, value in stated.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _of(limits: JointLimits, kind: str) -> float:
    return float(vars(limits)[kind])


def _number(text: str) -> float:
    """Raises ValueError where the text is none; infinity is one: no bound."""
    value = float(text)
    if math.isnan(value):
        raise ValueError(f"'{text}' is no number")
    return value


def _corner(stated: Mapping[str, str], name: str) -> tuple[float, float, float]:
    x, y, z = map(_number, stated[f"tool.box_{name}"].split())
    return x, y, z


def _weaker_tool(ours: ToolLimits | None, theirs: ToolLimits | None) -> list[str]:
    if theirs is None:
        return []
    if ours is None:
        return ["the tool is not limited (the contract limits it)"]
    found = [f"tool.speed {ours.speed:g} (contract {theirs.speed:g})"] if ours.speed > theirs.speed else []
    (low, high), (their_low, their_high) = ours.box, theirs.box
    if any(a < b for a, b in zip(low, their_low, strict=True)) or any(
        a > b for a, b in zip(high, their_high, strict=True)
    ):
        found.append(f"tool.box {ours.box} (contract {theirs.box})")
    return found
