"""Which joint states were there, so that a certificate's ages can be checked. Keeps the newest few of each joint."""

from __future__ import annotations

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import JointReading
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

KEPT = 64  # stamps a joint: an eighth of a second of the fastest drivers
FUTURE_NS = 50_000_000  # clocks of two computers on one network differ by less
NEVER_NS = 2**63
LONGEST_S = 1e10  # centuries: what is longer counts as none at all
NEAR = 16  # readings looked at for a placed command
ALIKE = 4  # readings of one stamp: which of them was used a recording cannot tell

Positions = tuple[float, ...]


class JointAges:
    """State: the newest stamps of each joint, with its positions. `lag_ns`: how much newer a reading may be than the one used."""

    def __init__(self, contract: Contract, lag_ns: int) -> None:
        self._joints = contract.interface.joints
        inputs = [entry.name for entry in contract.interface.inputs if entry.message is Message.JOINT_STATE]
        self._max_age_ns = round(min(contract.deployment.inputs[name].max_age_s for name in inputs) * 1e9)
        self._lag_ns = lag_ns
        self._known: dict[str, dict[int, Positions]] = {joint: {} for joint in self._joints}  # by stamp
        self._first_ns: dict[str, int] = {}
        self._latest_ns = 0  # of all stamps

    def take(self, reading: JointReading) -> None:
        """A message of joint states came; one that is misshapen gives no positions."""
        if is_misshapen(reading):
            return
        self._latest_ns = max(self._latest_ns, reading.stamp_ns)
        for name, position in zip(reading.names, reading.positions.tolist(), strict=True):
            if name in self._known:
                known = self._known[name]
                self._first_ns.setdefault(name, reading.stamp_ns)
                known[reading.stamp_ns] = (*known.pop(reading.stamp_ns, ()), position)[-ALIKE:]
                if len(known) > KEPT:
                    del known[next(iter(known))]

    def near(self, place: int, position: float, allowed: float) -> bool:
        """Whether one of the last readings of the joint was within `allowed` of the position."""
        known = list(self._known[self._joints[place]].values())[-NEAR:]
        return any(abs(measured - position) <= allowed for alike in known for measured in alike)

    def used(self, ages_s: tuple[float, ...], stamp_ns: int) -> list[tuple[int, Positions]]:
        """The stamp of each joint's reading that was used at `stamp_ns`, and the positions that bear it; none where it is not known."""
        found = []
        for name, used_ns in zip(self._joints, used_stamps(ages_s, stamp_ns), strict=True):
            found.append((used_ns, self._known[name].get(used_ns, ())))
        return found

    def check(self, ages_s: tuple[float, ...], stamp_ns: int, moves: bool, begins: bool) -> list[Found]:
        """Ages (J,) stated at `stamp_ns`; where chunks are played (`moves`) they must be young, and the newest.

        While the recording `begins`, and as long as nothing is played, they may be from before it; while nothing is played,
        also older than what is kept here, or from the future: that is why it holds.
        """
        self._forget_future(stamp_ns)
        found: list[Found] = []
        for name, age_s in zip(self._joints, ages_s, strict=True):
            if not abs(age_s) < LONGEST_S:
                age_ns, used_ns, is_known = 10**18, NEVER_NS, not moves  # none has come so far
            else:
                age_ns = round(age_s * 1e9)
                used_ns = stamp_ns - age_ns  # 0: forgotten after the clock went back
                is_known = used_ns in self._known[name] or (age_ns == 0 and self._is_ahead(name, stamp_ns))
                is_known = is_known or (not moves and used_ns == 0)
                if not is_known and (begins or not moves) and self._is_before(name, used_ns):
                    continue
                if not is_known and not moves and self._is_forgotten(name, used_ns, stamp_ns):
                    continue
            if moves and not -FUTURE_NS <= age_ns <= self._max_age_ns:
                expected = f"{self._max_age_ns * 1e-9:g} s are allowed where chunks are played"
                found.append((What.STALE, name, expected, f"{age_s:.9g} s"))
            if not is_known:
                found.append((What.AGE, name, self._what_had_come(name, stamp_ns, used_ns), f"{age_s:.9g} s"))
            elif moves and age_ns - self._newest_age_ns(name, stamp_ns) > self._lag_ns:
                expected = f"one of {self._newest_age_ns(name, stamp_ns) * 1e-9:.9g} s had come"
                found.append((What.AGE, name, expected, f"{age_s:.9g} s"))
        return found

    def _forget_future(self, stamp_ns: int) -> None:
        """What bears a stamp too far ahead is refused, and forgotten: it is not used once its time has come."""
        latest_ns = stamp_ns + FUTURE_NS
        if self._latest_ns <= latest_ns:
            return
        for name, known in self._known.items():
            self._known[name] = {stamp: position for stamp, position in known.items() if stamp <= latest_ns}
        self._latest_ns = latest_ns

    def reach(self, ages_s: tuple[float, ...], stamp_ns: int) -> bool:
        """Whether the joint states used at `stamp_ns` may be known: a recorder can begin after the first of them."""
        used = [stamp_ns - round(age_s * 1e9) for age_s in ages_s if abs(age_s) < LONGEST_S]
        return not any(map(self._is_before, self._joints, used))

    def _what_had_come(self, name: str, stamp_ns: int, used_ns: int) -> str:
        """In place of the reading that should bear the stamp `used_ns`."""
        words = "no joint state of that stamp had come"
        known = self._known[name]
        if not known:
            return words
        nearest = min(known, key=lambda stamp: abs(stamp - used_ns))
        ages = [f"{(stamp_ns - stamp) * 1e-9:.9g}" for stamp in (nearest, max(known), min(known))]
        return f"{words}: {len(known)} are known, the nearest of {ages[0]} s, the newest {ages[1]}, the oldest {ages[2]}"

    def _is_before(self, name: str, used_ns: int) -> bool:
        return name not in self._first_ns or used_ns < self._first_ns[name]

    def _newest_age_ns(self, name: str, stamp_ns: int) -> int:
        """The age of the newest reading that is not from the future."""
        known = self._known[name]
        newest = max(known)
        if newest > stamp_ns + FUTURE_NS:
            newest = max((stamp for stamp in known if stamp <= stamp_ns + FUTURE_NS), default=newest)
        return max(stamp_ns - newest, 0)

    def _is_forgotten(self, name: str, used_ns: int, stamp_ns: int) -> bool:
        """Older than all that are kept, since when none came that could be used; or so far ahead that it was not kept."""
        return used_ns < min(self._known[name], default=NEVER_NS) or used_ns > stamp_ns + FUTURE_NS

    def _is_ahead(self, name: str, stamp_ns: int) -> bool:
        """Whether a reading bears a stamp that lies ahead by less than clocks may differ: its age counts as 0."""
        return any(0 <= stamp - stamp_ns <= FUTURE_NS for stamp in self._known[name])


def used_stamps(ages_s: tuple[float, ...], stamp_ns: int) -> list[int]:
    """The stamps (J,) of readings of these ages (J,) at `stamp_ns`; NEVER_NS where there was none."""
    return [stamp_ns - round(age_s * 1e9) if abs(age_s) < LONGEST_S else NEVER_NS for age_s in ages_s]


def is_misshapen(reading: JointReading) -> bool:
    """Whether a message cannot be understood: names and positions differ in number, or a joint is named twice."""
    return len(reading.positions) != len(reading.names) or len(set(reading.names)) != len(reading.names)
