"""Watches the joint states: merges them by name, knows each joint's age, refuses what cannot be trusted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import ObservationRefused

FUTURE_TOLERANCE_NS = 50_000_000  # clocks of two computers on one network differ by less


class JointMonitor:
    """The newest position of every joint of the contract, whichever publisher and order it came in. One thread."""

    def __init__(self, contract: Contract) -> None:
        inputs = [entry.name for entry in contract.interface.inputs if entry.message is Message.JOINT_STATE]
        topics = [contract.deployment.inputs[name] for name in inputs]
        self._joints = contract.interface.joints
        self._topics = ", ".join(f"'{topic.topic}'" for topic in topics)
        self._max_age_s = min(topic.max_age_s for topic in topics)
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._positions: dict[str, float] = {}
        self._stamps: dict[str, int] = {}
        self._named: tuple[str, ...] = ()
        self._misshapen = ""
        self.newest_ns = 0

    def forget_times(self) -> None:
        """After the clock went back: what is known is old, and whatever comes next is newer."""
        self._stamps = dict.fromkeys(self._stamps, 0)
        self.newest_ns = 0

    def update(self, reading: JointReading) -> None:
        """Takes a message; joints that the contract does not name are left out."""
        self.newest_ns = max(self.newest_ns, reading.stamp_ns)
        self._named = reading.names
        self._misshapen = ""
        if len(reading.positions) != len(reading.names):
            self._misshapen = f"{len(reading.positions)} positions for {len(reading.names)} names"
            return
        if len(set(reading.names)) != len(reading.names):
            self._misshapen = f"a joint twice among the names {', '.join(reading.names)}"
            return
        for name, position in zip(reading.names, reading.positions.tolist(), strict=True):
            if name in self._joints and reading.stamp_ns >= self._stamps.get(name, 0):
                self._positions[name], self._stamps[name] = position, reading.stamp_ns

    def reading(self, now_ns: int) -> JointReading:
        """Every joint's newest position (rad), in the contract's order, at node time `now_ns`.

        Raises:
            ObservationRefused: reason `missing`, `shape`, `joint`, `not_finite`, `stale` or `future`.
        """
        if not self._named:
            raise ObservationRefused(
                "missing", f"Nothing arrived yet on {self._topics}: is its publisher running?"
            )
        if self._misshapen:
            raise ObservationRefused(
                "shape", f"The joint states on {self._topics} have {self._misshapen}; one each is needed."
            )
        self._refuse(
            "joint",
            lambda joint: joint not in self._positions,
            f"did not come: the joint states name {', '.join(self._named)}",
        )
        self._refuse(
            "not_finite",
            lambda joint: not np.isfinite(self._positions[joint]),
            "came with a position that is not finite",
        )
        oldest_ns = now_ns - round(self._max_age_s * 1e9)
        self._refuse(
            "stale",
            lambda joint: self._stamps[joint] < oldest_ns,
            f"came last more than {self._max_age_s:g} s ago",
        )
        self._refuse(
            "future",
            lambda joint: self._stamps[joint] > now_ns + FUTURE_TOLERANCE_NS,
            "bears a stamp in the future: check the clocks",
        )
        positions = np.array([self._positions[joint] for joint in self._joints])
        return JointReading(self.newest_ns, self._joints, positions, np.zeros(0), np.zeros(0))

    def _refuse(self, reason: str, is_bad: Callable[[str], bool], fault: str) -> None:
        bad = [joint for joint in self._joints if is_bad(joint)]
        if bad:
            raise ObservationRefused(reason, f"On {self._topics}, {', '.join(bad)} {fault}.")
