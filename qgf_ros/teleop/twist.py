"""A velocity of the tool, as space mice and MoveIt Servo's clients send it: `geometry_msgs/TwistStamped`, m/s and rad/s."""

from __future__ import annotations

from collections.abc import Sequence

from qgf_ros.contract.schema import TOOL_DIMENSIONS, Contract
from qgf_ros.errors import InvalidSetting
from qgf_ros.teleop.speed import beyond_dead_zone
from qgf_ros.teleop.steer import Steer


class Twist:
    """Keeps nothing but the contract's numbers: the most that an action may move the tool, m and rad, and its period."""

    def __init__(self, contract: Contract) -> None:
        """Raises InvalidSetting where the contract's actions move no tool."""
        action, self._period_s = contract.interface.action, contract.interface.control_period_s
        self._most = {entry.name: entry.scale for entry in action.dimensions if entry.name in TOOL_DIMENSIONS}
        if not self._most:
            found = ", ".join(action.names)
            raise InvalidSetting(
                "The action", found, "one that moves the tool, or steered by keys or a gamepad"
            )

    def read(self, linear: Sequence[float], angular: Sequence[float], is_held: bool) -> Steer:
        """How `linear` (x, y, z, m/s) and `angular` (x, y, z, rad/s; of which only z, the yaw) steer; what is too fast is bounded.

        The tool moves as far in one action as it would at this velocity in a control period.
        """
        asked = dict(zip(TOOL_DIMENSIONS, (*linear, angular[2]), strict=True))
        shares = {
            name: beyond_dead_zone(asked[name] * self._period_s / most, 0.0)
            for name, most in self._most.items()
        }
        return Steer(shares, is_held)
