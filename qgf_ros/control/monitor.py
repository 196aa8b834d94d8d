"""Watches the joint states: merges them by name, knows each joint's age, refuses what cannot be trusted."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.watch_units import UnitsWatch
from qgf_ros.datatypes import BoolArray, FloatArray, IntArray, JointReading
from qgf_ros.errors import ObservationRefused
from qgf_ros.seen import Seen

FUTURE_TOLERANCE_NS = 50_000_000  # clocks of two computers on one network differ by less
NEVER_NS = -1


class JointMonitor:
    """The newest position of every joint of the contract, whichever publisher and order it came in. One thread."""

    def __init__(self, contract: Contract, seen: Seen | None = None) -> None:
        """`seen`: where the joints stood in the data, if that is known.

        Raises:
            InvalidSetting: `seen` lacks a joint of the contract.
        """
        inputs = [entry.name for entry in contract.interface.inputs if entry.message is Message.JOINT_STATE]
        topics = [contract.deployment.inputs[name] for name in inputs]
        self.contract = contract
        self._joints = contract.interface.joints
        self._places = {joint: place for place, joint in enumerate(self._joints)}
        self._topics = ", ".join(f"'{topic.topic}'" for topic in topics)
        self._max_age_s = min(topic.max_age_s for topic in topics)
        if seen is not None:
            seen.check_joints(self._joints)
        self.seen = seen
        self._units = UnitsWatch(contract, seen)
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.positions: FloatArray = np.full(len(self._joints), np.nan)  # (J,) rad, in the contract's order
        self.stamps_ns: IntArray = np.full(len(self._joints), NEVER_NS, np.int64)
        self._named: tuple[str, ...] = ()
        self._misshapen = ""
        self._came_ns = (
            self.stamps_ns
        )  # (J,) when it came at the latest: a clock that is ahead makes none younger
        self._outliers: BoolArray = np.zeros(len(self._joints), np.bool_)
        self._leapt: BoolArray = np.zeros(len(self._joints), np.bool_)  # since somebody looked
        self._has_looked = True
        self._units.clear()
        self.newest_ns = 0

    def forget_times(self) -> None:
        """After the clock leapt: what is known is old, and whatever comes next is newer."""
        self.stamps_ns, self._came_ns = np.minimum(self.stamps_ns, 0), np.minimum(self._came_ns, 0)
        self._units.clear()
        self.newest_ns = 0

    def forgive_leap(self) -> None:
        """The command begins anew: it does not matter how the joints came to where they are."""
        self._leapt = np.zeros(len(self._joints), np.bool_)

    def update(self, reading: JointReading, now_ns: int | None = None) -> None:
        """Takes a message; joints that the contract does not name are left out, and a message of none is ignored.

        `now_ns`: the node time at which it is taken, at the first tick after it came; None: at its stamp.
        """
        if not reading.names and not len(reading.positions):
            return
        self.newest_ns = max(self.newest_ns, reading.stamp_ns)
        self._named = reading.names
        self._misshapen = ""
        if len(reading.positions) != len(reading.names):
            self._misshapen = f"{len(reading.positions)} positions for {len(reading.names)} names"
            return
        if len(set(reading.names)) != len(reading.names):
            self._misshapen = f"a joint twice among the names {', '.join(reading.names)}"
            return
        positions, stamps_ns, came_ns = self.positions.copy(), self.stamps_ns.copy(), self._came_ns.copy()
        stamp_ns = reading.stamp_ns
        arrival_ns = stamp_ns if now_ns is None or stamp_ns <= now_ns else now_ns - self.contract.tick_ns
        for name, position in zip(reading.names, reading.positions.tolist(), strict=True):
            place = self._places.get(name)
            if place is not None and stamp_ns >= stamps_ns[place]:
                positions[place], stamps_ns[place], came_ns[place] = position, stamp_ns, arrival_ns
        self.positions, self.stamps_ns, self._came_ns = positions, stamps_ns, came_ns
        self._outliers = self._units.out_of_range(positions) & (stamps_ns != NEVER_NS)
        leapt = self._units.leaps(stamps_ns, positions)
        self._leapt, self._has_looked = leapt if self._has_looked else leapt | self._leapt, False

    def ages_s(self, now_ns: int) -> FloatArray:
        """Age (J,) of each joint's position at node time `now_ns`, s; infinite where none has come."""
        ages: FloatArray = np.where(self.stamps_ns == NEVER_NS, np.inf, (now_ns - self.stamps_ns) * 1e-9)
        return ages

    def forget_future(self, now_ns: int) -> BoolArray:
        """Forgets stamps further ahead than clocks may differ, which would keep out the true ones that follow.

        Returns which joints (J,) bore one. Called at every tick, whatever else is wrong: a stamp that waited for its time
        would make an old position look new.
        """
        latest_ns = now_ns + FUTURE_TOLERANCE_NS
        is_future: BoolArray = self.stamps_ns > latest_ns
        if self.newest_ns > latest_ns:
            self.stamps_ns = np.where(is_future, 0, self.stamps_ns)
            self._came_ns = np.where(is_future, 0, self._came_ns)
            self._units.clear()
            self.newest_ns = int(max(self.stamps_ns.max(), 0))
        return is_future

    def reading(self, now_ns: int) -> JointReading:
        """Every joint's newest position (rad), in the contract's order, at node time `now_ns`.

        A stamp in the future is refused and then forgotten, as `forget_future` does.

        Raises:
            ObservationRefused: reason `missing`, `shape`, `joint`, `not_finite`, `stale`, `future` or `units`.
        """
        is_future = self.forget_future(now_ns)
        if not self._named:
            raise ObservationRefused(
                "missing", f"Nothing arrived yet on {self._topics}: is its publisher running?"
            )
        if self._misshapen:
            raise ObservationRefused(
                "shape", f"The joint states on {self._topics} have {self._misshapen}; one each is needed."
            )
        named = f"did not come: the joint states name {', '.join(self._named)}"
        self._refuse("joint", self.stamps_ns == NEVER_NS, named)
        self._refuse("not_finite", ~np.isfinite(self.positions), "came with a position that is not finite")
        self._refuse("future", is_future, "bears a stamp in the future: check the clocks")
        oldest_ns = now_ns - round(self._max_age_s * 1e9)
        self._refuse("stale", self._came_ns < oldest_ns, f"came last more than {self._max_age_s:g} s ago")
        self._has_looked = True
        outliers = self._outliers | self._leapt
        found = ", ".join(f"{position:.4g}" for position in self.positions[outliers])
        fault = f"came as {found}, where it cannot be: other units, or another joint's?"
        self._refuse("units", outliers, fault)
        return JointReading(self.newest_ns, self._joints, self.positions, np.zeros(0), np.zeros(0))

    def _refuse(self, reason: str, is_bad: BoolArray, fault: str) -> None:
        if is_bad.any():
            bad = [joint for joint, is_one in zip(self._joints, is_bad.tolist(), strict=True) if is_one]
            raise ObservationRefused(reason, f"On {self._topics}, {', '.join(bad)} {fault}.")
