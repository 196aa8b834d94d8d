"""Which limits bound this robot now: contract, robot_description and whether a person has confirmed full speed."""

from __future__ import annotations

from qgf_ros.contract.schema import Contract
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.nodes.robot_description import read_description


class RobotLimits:
    """State: the newest description, and whether full speed is confirmed. What holds is for others to ask and apply."""

    def __init__(self, contract: Contract, is_confirmed: bool) -> None:
        self._own = LimitsInForce.of(contract)
        self._joints = contract.interface.joints
        self._has_tool = contract.interface.kinematics is not None
        self._description: str | None = None
        self.is_confirmed = is_confirmed
        self.full = self._own  # when full speed is confirmed
        self.said = "no robot_description has come: the contract's limits stand alone"

    def describe(self, xml: str) -> None:
        """Takes the robot's description; an empty one is none.

        Raises:
            RobotDescriptionError, DisjointLimitsError: it cannot be used; what held before stays.
        """
        if not xml or xml == self._description:
            return
        described = read_description(xml, self._joints)
        self.full = self._own.tightened(described.limits)
        self._description = xml
        change = "changes nothing" if self.full == self._own else "tightens the contract's limits"
        ignored = f"; ignored: {'; '.join(described.ignored)}" if described.ignored else ""
        self.said = f"robot_description {change}{ignored}"

    @property
    def wanted(self) -> LimitsInForce:
        """What shall hold now."""
        return self.full if self.is_confirmed else self.full.first_run(self._has_tool)

    @property
    def speed_words(self) -> str:
        """Whether the arm may run at full speed, for people."""
        if self.is_confirmed:
            return "full speed is confirmed by the parameter full_speed_confirmed"
        return (
            "first run at reduced speed: a quarter of the velocity limits, until full_speed_confirmed is set"
        )
