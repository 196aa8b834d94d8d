"""Turns one action, in physical units, into a target for every joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import TOOL_DIMENSIONS, Contract, Reference
from qgf_ros.control.kinematics import TOLERANCE
from qgf_ros.datatypes import Finding, FloatArray, Verdict

AXES = TOOL_DIMENSIONS[:3]
RANGE_TOLERANCE = 1e-9  # rounding of scale * value
UNREACHABLE = Finding(Verdict.CLAMP, "unreachable", "tool")


@dataclass(frozen=True)
class Target:
    """Joint positions to move to (rad, by name), how many components were clipped, and whether the tool gets
    there.

    Where it does not, the joints of the arm keep their commanded positions. `findings` name what was clipped: `range` of a
    dimension, `workspace` along an axis, `unreachable`.
    """

    positions: dict[str, float]
    clipped: int
    reachable: bool
    findings: tuple[Finding, ...] = ()


class ToolKinematics(Protocol):
    """What tool actions need of an arm: see `Kinematics`, whose words these are."""

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """Tool position (3,) in m and yaw in rad."""
        ...

    def solve(
        self, position: FloatArray, yaw: float, start: Mapping[str, float]
    ) -> tuple[dict[str, float], float]:
        """Joint positions for a tool position and yaw, and the error left."""
        ...


class ActionSpace:
    """The meaning of actions under a contract: deltas of the tool or of joints, or joint targets."""

    def __init__(self, contract: Contract, kinematics: ToolKinematics | None) -> None:
        self._action = contract.interface.action
        self._kinematics = kinematics
        self._range = ActionRange(self._action)
        self._low, self._high = self._range.centre - self._range.scale, self._range.centre + self._range.scale
        ranges = dict(zip(self._action.names, zip(self._low, self._high, strict=True), strict=True))
        self._back, self._forth = np.array([ranges.get(axis, (0.0, 0.0)) for axis in AXES]).T
        self.uses_tool = any(name in TOOL_DIMENSIONS for name in self._action.names)

    def target(
        self, action: FloatArray, commanded: Mapping[str, float], measured: Mapping[str, float]
    ) -> Target:
        """Joint targets for an action (A,), physical, given commanded and measured joint positions by name
        (rad).

        Components outside their range and tool positions outside the workspace are clipped and counted; a
        tool that stands outside comes back by no more than the range a step. Joints that the action does not
        move, and all joints of the arm if no joint positions reach the target, keep their commanded position.

        Raises:
            KeyError: a joint is absent from the positions.
        """
        bounded = self.bounded(action)
        found = _clamped("range", self._action.names, np.abs(bounded - action) > RANGE_TOLERANCE)
        values = dict(zip(self._action.names, bounded.tolist(), strict=True))
        base = measured if self._action.reference is Reference.MEASURED else commanded
        positions = dict(commanded)
        for name, value in values.items():
            if name not in TOOL_DIMENSIONS:
                positions[name] = (
                    value if self._action.reference is Reference.ABSOLUTE else base[name] + value
                )
        if not self.uses_tool or self._kinematics is None:
            return Target(positions, len(found), True, found)
        here, yaw = self._kinematics.tool(base)
        wanted = here + np.array([values.get(axis, 0.0) for axis in AXES])
        position = self._inside_workspace(wanted, here)
        found += _clamped("workspace", AXES, position != wanted)
        arm, error = self._kinematics.solve(position, yaw + values.get("yaw", 0.0), commanded)
        if error >= TOLERANCE:
            return Target(positions, len(found), False, (*found, UNREACHABLE))
        return Target(positions | arm, len(found), True, found)

    def bounded(self, action: FloatArray) -> FloatArray:
        """The action (A,), physical, each component in its range: what is played of it."""
        clipped: FloatArray = np.clip(action, self._low, self._high)
        return clipped

    def _inside_workspace(self, wanted: FloatArray, here: FloatArray) -> FloatArray:
        if self._action.workspace is None:
            return wanted
        inside = np.clip(wanted, *self._action.workspace)
        return np.clip(inside, here + self._back, here + self._forth)

    def delta_to(
        self, wanted: Mapping[str, float], commanded: Mapping[str, float], measured: Mapping[str, float]
    ) -> FloatArray:
        """The action (A,) in physical units that asks for `wanted`: tool x, y, z, yaw or joint positions by
        name.

        The inverse of `target` where nothing is clipped; what a demonstrator or a teleoperator calls. Clipped
        to the action's range; the yaw goes the short way round.

        Raises:
            KeyError: `wanted` lacks a dimension of the action, or the positions a joint.
        """
        base = measured if self._action.reference is Reference.MEASURED else commanded
        here = dict(base)
        if self.uses_tool and self._kinematics is not None:
            position, yaw = self._kinematics.tool(base)
            here |= dict(zip(TOOL_DIMENSIONS, (*position.tolist(), yaw), strict=True))
        absolute = self._action.reference is Reference.ABSOLUTE
        delta = [wanted[name] - (0.0 if absolute else here[name]) for name in self._action.names]
        if "yaw" in self._action.names:
            place = self._action.names.index("yaw")
            delta[place] = float((delta[place] + np.pi) % (2 * np.pi) - np.pi)
        return self.bounded(np.array(delta))

    def physical(self, values: FloatArray) -> FloatArray:
        """Policy actions (..., A) in [-1, 1] as physical values."""
        return self._range.physical(values)

    def normalised(self, physical: FloatArray) -> FloatArray:
        """Physical actions (..., A) as a policy's values in [-1, 1]."""
        return self._range.normalised(physical)


def _clamped(reason: str, names: Sequence[str], where: npt.NDArray[np.bool_]) -> tuple[Finding, ...]:
    return tuple(
        Finding(Verdict.CLAMP, reason, name) for name, is_so in zip(names, where, strict=True) if is_so
    )
