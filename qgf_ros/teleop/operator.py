"""A person's steering as chunks of the contract's actions: what a policy's proposer is for a policy.

A chunk has as many actions as are played before the next one takes over, and no more: where none follows the arm rests at its last
target. So whoever lets go, or is lost, stops it without anybody's word.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qgf_ros.contract.schema import TOOL_DIMENSIONS, Contract, Dimension, Reference
from qgf_ros.datatypes import ActionChunk, FloatArray, JointReading, Sender
from qgf_ros.errors import InvalidSetting
from qgf_ros.inference.demand import Demand
from qgf_ros.teleop.steer import Press, Steer

FADE = 0.5  # of what the last action asked for: as little as the next may, so that the arm comes to rest ahead of where it is
LEAST = 0.02  # below this share it is nothing
CLOSE_ENOUGH = 0.005  # of a gripper's range: it has arrived, or is held open by what it holds
RESEND_S = 0.1  # an unanswered wish is answered again after this time: the chunk was lost
NOBODY = Steer({}, is_held=False)


class Teleoperator:
    """State: how the person steers and since when, where the gripper shall be, which wish was answered. One thread."""

    def __init__(self, contract: Contract, gripper: str, max_age_s: float) -> None:
        """`gripper`: the dimension that a press opens and closes, empty for none; `max_age_s`: steering that is older is none.

        Raises:
            InvalidSetting: the gripper is no joint among the action's dimensions.
        """
        action, joints = contract.interface.action, contract.interface.joints
        if gripper and (gripper not in action.names or gripper not in joints):
            accepted = f"one of {', '.join(name for name in action.names if name in joints)}, or empty"
            raise InvalidSetting("The gripper", gripper, accepted)
        self._action, self._joints = action, joints
        self._length = min(contract.interface.chunk_length, contract.deployment.chunks.delay + 1)
        self._limits, self._period_s = contract.deployment.limits, contract.interface.control_period_s
        self._gripper, self._max_age_s = gripper, max_age_s
        self._gripper_at: float | None = None  # where it shall be, rad; None: where it is
        self._steer, self._steered_s = NOBODY, float("-inf")
        self._shares: dict[str, float] = {}  # of the last action; empty: nobody steered
        self._answered_ns, self._sent_s = 0, float("-inf")

    # -- what the person says ------------------------------------------------------------------------------------------

    def steer(self, steer: Steer, now_s: float) -> None:
        """They steer so from now on. `now_s` here and below is of a steady clock."""
        self._steer, self._steered_s = steer, now_s

    def press(self, press: Press, commanded: JointReading) -> None:
        """The gripper closes, to its upper limit, or opens; by `Press.GRIPPER` the one that it is further from. Others do nothing here."""
        if not self._gripper or press not in (Press.GRIPPER, Press.OPEN, Press.CLOSE):
            return
        limits = self._limits[self._gripper]
        now = (
            _named(commanded).get(self._gripper, limits.lower)
            if self._gripper_at is None
            else self._gripper_at
        )
        closes = press is Press.CLOSE or (press is Press.GRIPPER and now < (limits.lower + limits.upper) / 2)
        self._gripper_at = limits.upper if closes else limits.lower

    def let_go(self) -> None:
        """Nothing is steered any more, and the gripper stays where it is: somebody else was in command."""
        self._steer, self._gripper_at = NOBODY, None

    def is_steering(self, now_s: float) -> bool:
        """Whether the person means what their device says, and says it now."""
        return self._steer.is_held and now_s - self._steered_s <= self._max_age_s

    # -- what the command node asks ------------------------------------------------------------------------------------

    def answer(
        self, demand: Demand, measured: JointReading, commanded: JointReading, now_s: float
    ) -> ActionChunk | None:
        """The chunk that a wish asks for; None where nobody steers, or it was answered, or the joints are older than it asks for.

        A stick that is let go fades. An action that asks at once for no motion would be a target that the arm passes: it would swing
        back.

        Raises:
            KeyError: the readings lack a joint of the action.
        """
        is_open = demand.wants_chunk and (
            demand.wanted_from_ns != self._answered_ns or now_s - self._sent_s >= RESEND_S
        )
        if not self.is_steering(now_s):
            self._shares = {}
            return None
        if not is_open or measured.stamp_ns < demand.wanted_from_ns:
            return None
        self._shares = {name: self._faded(name) for name in self._action.names}
        base = _named(measured if self._action.reference is Reference.MEASURED else commanded)
        wanted = np.array([self._wanted(entry, base) for entry in self._action.dimensions])
        if not np.isfinite(wanted).all():  # the joints are not known: the command node holds by itself
            return None
        self._answered_ns, self._sent_s = demand.wanted_from_ns, now_s
        actions: FloatArray = np.tile(wanted, (self._length, 1))
        return ActionChunk(self._action.names, actions, measured.stamp_ns, source=Sender.TELEOP.value)

    def _wanted(self, dimension: Dimension, base: Mapping[str, float]) -> float:
        """One component of the action, inside its range, in its unit."""
        low, high = dimension.centre - dimension.scale, dimension.centre + dimension.scale
        rest = self._rest(dimension, base)
        if dimension.name == self._gripper:
            return float(np.clip(rest + self._gripper_way(base), low, high))
        return float(np.clip(rest + self._shares[dimension.name] * self._most(dimension), low, high))

    def _faded(self, name: str) -> float:
        """The share that the next action asks for: what is steered, but not less than the last one left over."""
        share = float(np.clip(self._steer.shares.get(name, 0.0), -1.0, 1.0))
        left = FADE * self._shares.get(name, 0.0)
        if abs(left) > LEAST and share * left >= 0.0:
            return max(share, left) if left > 0.0 else min(share, left)
        return share

    def _gripper_way(self, base: Mapping[str, float]) -> float:
        if self._gripper_at is None:
            return 0.0
        limits, way = self._limits[self._gripper], self._gripper_at - base[self._gripper]
        return way if abs(way) > CLOSE_ENOUGH * (limits.upper - limits.lower) else 0.0

    def _rest(self, dimension: Dimension, base: Mapping[str, float]) -> float:
        """The component that asks for no motion."""
        return base[dimension.name] if self._is_target(dimension) else 0.0

    def _most(self, dimension: Dimension) -> float:
        """The most that one action moves a dimension: its range where that is a delta, else what the joint's velocity allows."""
        is_target = self._is_target(dimension)
        return self._limits[dimension.name].velocity * self._period_s if is_target else dimension.scale

    def _is_target(self, dimension: Dimension) -> bool:
        is_joint = dimension.name not in TOOL_DIMENSIONS
        return is_joint and self._action.reference is Reference.ABSOLUTE


def _named(reading: JointReading) -> dict[str, float]:
    return dict(zip(reading.names, reading.positions.tolist(), strict=False))
