"""Whether the joint states that motion was based on could be trusted: shape, numbers, a sensor that stands, an arm that does not follow.

Which reading a tick used is told by its certificate's ages. Judged is a run of ticks that play chunks, each by itself: what was
watched before it makes the command node stop earlier, never later. Ours; the rules are those of docs/safety.md.
"""

from __future__ import annotations

import math
from collections import deque

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointReading
from qgf_ros.verify.ages import JointAges, Positions, is_misshapen
from qgf_ros.verify.motion import Before, Found
from qgf_ros.verify.violation import What

WATCH_S = 0.1  # so long a sensor may stand, or a joint be away
LATE_S = 0.2  # an arm follows late: compared is with all its commands of this time
LONGEST = 2  # ticks that a pause counts as: while none is served nobody looks
MOVED = 0.02  # rad or m: a command that moved by so much from anywhere moved by half of it from where the watch began
PAUSED = 1e-6  # rad or m a tick: a command that moves by less stands


class ReadingWatch:
    """State: since when each joint stands or is away in this run of played ticks, and the commands of the last `LATE_S`."""

    def __init__(self, contract: Contract, lag_ns: int) -> None:
        """`lag_ns`: a message may have come so much earlier than the tick that took it."""
        self._joints, self._lag_ns = contract.interface.joints, lag_ns
        limits = [contract.deployment.limits[joint] for joint in self._joints]
        self._allowed = [limit.tracking_error for limit in limits]
        self._is_free = [limit.watches_tracking for limit in limits]
        self._longest_ns = LONGEST * contract.tick_ns
        self._is_misshapen = False
        self._misshapen_ns: int | None = None  # the first tick that found the newest message so
        self.forget()

    def forget(self) -> None:
        """The command was placed anew."""
        self._commands: deque[tuple[int, Positions]] = deque()
        self._command: Positions = ()  # the one before the last
        self._seen_ns = self._tick_ns = 0  # time that ticks looked at; stamp of the last tick
        self._end_run()

    def _end_run(self) -> None:
        """The next tick that plays begins a run."""
        count = len(self._joints)
        self._positions: list[float] = [math.nan] * count  # differ from every position
        self._since: list[tuple[int, int]] = [(0, 0)] * count  # by stamps, by the ticks that looked
        self._from: list[float] = [0.0] * count
        self._moved: list[float] = [0.0] * count
        self._near_ns: list[int] | None = None

    def take(self, reading: JointReading) -> None:
        """A message of joint states came; one of no joint says nothing."""
        if reading.names or len(reading.positions):
            self._is_misshapen = is_misshapen(reading)
            self._misshapen_ns = self._misshapen_ns if self._is_misshapen else None

    def check(
        self, certificate: Certificate, stamp_ns: int, moves: bool, ages: JointAges, before: Before | None
    ) -> list[Found]:
        """A tick; where it plays chunks (`moves`) all must be well. `before`: the command before it, with which it was compared."""
        found = self._check_shape(stamp_ns, moves)
        passed_ns = min(max(stamp_ns - self._tick_ns, 0), self._longest_ns)
        self._tick_ns = stamp_ns
        if before is None or certificate.followed or not moves:
            self._end_run()
        if before is not None:
            self._seen_ns += passed_ns if moves else 0  # a longer memory of commands excuses more
            if moves or not self._commands or self._commands[-1][1] != before.positions:
                self._commands.append((self._seen_ns, before.positions))
            while self._seen_ns - self._commands[0][0] > LATE_S * 1e9:
                self._commands.popleft()
        last, self._command = self._command, before.positions if before is not None else ()
        if not moves or certificate.shadow or before is None:
            return found
        used = ages.used(certificate.joint_ages_s, stamp_ns)
        found += [
            (What.READING, name, "a position is finite", "not where chunks are played")
            for name, (_, positions) in zip(self._joints, used, strict=True)
            if positions and not any(map(math.isfinite, positions))
        ]
        return found + self._check_following(used, certificate) + self._check_frozen(used, before, last)

    def _check_shape(self, stamp_ns: int, moves: bool) -> list[Found]:
        if not self._is_misshapen:
            return []
        self._misshapen_ns = stamp_ns if self._misshapen_ns is None else self._misshapen_ns
        if not moves or stamp_ns - self._misshapen_ns < self._lag_ns:
            return []
        expected = "each joint has one name and one position in a message"
        return [(What.READING, "", expected, "another number where chunks are played")]

    def _check_following(self, used: list[tuple[int, Positions]], certificate: Certificate) -> list[Found]:
        near_ns = self._near_ns or [self._seen_ns] * len(self._joints)
        found: list[Found] = []
        for place, (name, (_, positions)) in enumerate(zip(self._joints, used, strict=True)):
            if self._is_near(place, positions, certificate):
                near_ns[place] = self._seen_ns
            elif self._seen_ns - near_ns[place] >= WATCH_S * 1e9:
                expected = f"{WATCH_S:g} s further than {self._allowed[place]:g} from its commands it is no longer moved"
                found.append((What.TRACKING, name, expected, f"{positions[-1]:.6g} measured"))
        self._near_ns = near_ns
        return found

    def _is_near(self, place: int, positions: Positions, certificate: Certificate) -> bool:
        """Whether a joint may have been near one of its commands of the last `LATE_S`, as far as they are known."""
        allowed = self._allowed[place]
        if not positions or abs(positions[-1] - certificate.positions[place]) <= allowed:
            return True
        ways = [command[place] for _, command in self._commands]
        low, high = min(ways) - allowed, max(ways) + allowed
        return any(low <= position <= high for position in positions)

    def _check_frozen(
        self, used: list[tuple[int, Positions]], before: Before, last: Positions
    ) -> list[Found]:
        found: list[Found] = []
        for place, (name, (used_ns, positions)) in enumerate(zip(self._joints, used, strict=True)):
            command = before.positions[place]
            has_paused = not last or abs(command - last[place]) < PAUSED
            if len(positions) != 1 or positions[0] != self._positions[place] or has_paused:
                self._positions[place] = positions[0] if len(positions) == 1 else math.nan
                self._since[place], self._from[place] = (used_ns, self._seen_ns), command
                self._moved[place] = 0.0
                continue
            self._moved[place] = max(self._moved[place], abs(command - self._from[place]))
            since_ns, seen_ns = self._since[place]
            stood_ns = min(used_ns - since_ns, self._seen_ns - seen_ns)
            if self._is_free[place] and stood_ns >= WATCH_S * 1e9 and self._moved[place] > MOVED:
                expected = f"a sensor that stands for {WATCH_S:g} s while its command moves is not believed"
                found.append((What.FROZEN, name, expected, f"{positions[0]:.9g} for {stood_ns * 1e-9:.3g} s"))
        return found
