"""Checks a stream of certified commands as it comes: constant memory, no clock, no file.

In the order of sending, give it what the graph said: joint states, chunks, limits, the emergency stop; and each certificate with
the messages that left since the one before. What it answers are the violations. `verify/bag.py` does that for a recording.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qgf_ros.certificate import REASONS, Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, JointReading, Rung, Verdict
from qgf_ros.verify.ages import JointAges
from qgf_ros.verify.bounds import Bounds, of_contract, read_bounds
from qgf_ros.verify.chunks import PLAYED, ChunkBook
from qgf_ros.verify.latches import BrakeWatch, LatchWatch
from qgf_ros.verify.motion import MARGIN, Before, Found, check_joints, command_of
from qgf_ros.verify.pace import PaceWatch
from qgf_ros.verify.sent import Sent, SentCheck
from qgf_ros.verify.tool import BoxWatch, Tool
from qgf_ros.verify.violation import Violation, What

VERDICTS = tuple(verdict.value for verdict in Verdict)
KEPT_LIMITS = 16
BEGINNING = 25  # ticks: what they were made from may have come before the recording began


@dataclass(frozen=True)
class Allowance:
    """What the contract does not say. `chunk_max_age_s`: the command node's parameter. `reading_lag_s`: a joint state may be so
    much newer than the one that was used (0 where readings are given at the very tick that takes them).
    """

    chunk_max_age_s: float = 0.5
    reading_lag_s: float = 0.0


class Verifier:
    """State: what came since the certificate before, and what must follow from it. One thread."""

    def __init__(self, contract: Contract, allowance: Allowance | None = None) -> None:
        """Raises UnreadableFileError where the contract's model cannot be read."""
        allowed = allowance or Allowance()
        self._contract, self._joints = contract, contract.interface.joints
        self._digest, self._tick_s = contract.digest, contract.tick_ns * 1e-9
        ours = of_contract(contract)
        self._bounds: dict[str, Bounds] = {ours.digest: ours}
        self._tool = Tool(contract) if contract.interface.kinematics is not None else None
        self._box = BoxWatch()
        self._ages = JointAges(contract, round(allowed.reading_lag_s * 1e9))
        self._chunks = ChunkBook(contract, allowed.chunk_max_age_s)
        self._brake, self._latch = BrakeWatch(contract), LatchWatch(contract)
        self._sent, self._pace = SentCheck(contract), PaceWatch(contract.tick_ns)
        self._last: Certificate | None = None
        self._before: Before | None = None
        self._limits_digest = ""
        self.ticks = 0

    # -- what came, in the order in which it was sent ----------------------------------------------------------------

    def joints(self, reading: JointReading) -> None:
        """A message of joint states, as the command node received it."""
        self._ages.take(reading)

    def chunk(self, chunk: ActionChunk) -> None:
        """A chunk, as the command node received it."""
        self._chunks.take(chunk)

    def emergency(self, pressed: bool) -> None:
        """A word on `emergency_stop`; also True when the service was called, False when it was released."""
        self._latch.press(pressed)

    def limits(self, stated: Mapping[str, str]) -> list[Violation]:
        """The limits in force as `~/limits` states them: values by key.

        Raises:
            UnreadableCertificate: they are not those of this contract's joints.
        """
        bounds = read_bounds(stated, self._contract)
        self._bounds[bounds.digest] = bounds
        if len(self._bounds) > KEPT_LIMITS:
            del self._bounds[next(iter(self._bounds))]
        weaker = bounds.weaker_than(self._contract)
        return [
            self._violation(
                (What.LIMITS_WEAKER, "", "they may only be tighter than the contract's", ", ".join(weaker)), 0
            )
        ] * bool(weaker)

    def tick(
        self, certificate: Certificate, stamp_ns: int, sent: Sequence[Sent], executed: Before | None = None
    ) -> list[Violation]:
        """A certificate stamped `stamp_ns` (0: an announcement), and what left on the command topics since the one before.

        `executed`: the command as the topic of that name says it, where it was recorded.
        """
        self._is_new = certificate.sequence == 1 and self._last is not None  # configured anew
        found = self._check_sequence(certificate)
        if self._is_new:
            self._forget()
        if stamp_ns == 0:
            found += self._check_announcement(certificate, sent)
        elif shape := self._misshapen(certificate):
            found += shape
            self._forget()
        else:
            found += self._check_tick(certificate, stamp_ns, sent, executed)
        self._last = certificate
        return [self._violation(entry, stamp_ns, certificate.sequence) for entry in found]

    # -- checks ------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._before = None
        self._chunks.forget()
        self._brake.forget()
        self._latch.forget()
        self._pace.forget()

    def _check_sequence(self, certificate: Certificate) -> list[Found]:
        if self._last is None or self._is_new or certificate.sequence == self._last.sequence + 1:
            return []
        return [(What.SEQUENCE, "", f"{self._last.sequence + 1} follows", str(certificate.sequence))]

    def _check_announcement(self, certificate: Certificate, sent: Sequence[Sent]) -> list[Found]:
        found = self._sent.uncertified(sent)
        if certificate.commands:
            found.append(
                (
                    What.COMMAND_MISSING,
                    "",
                    "an announcement belongs to no command",
                    f"{certificate.commands} commands",
                )
            )
        self._chunks.announce(certificate)
        return found

    def _misshapen(self, certificate: Certificate) -> list[Found]:
        """Vectors of the wrong length or not finite: nothing further can be computed."""
        count = len(certificate.positions)
        vectors = (
            certificate.velocities,
            certificate.accelerations,
            certificate.margin_position,
            certificate.margin_velocity,
            certificate.margin_acceleration,
            certificate.margin_jerk,
            certificate.margin_stop,
        )
        if count not in (0, len(self._joints)) or any(len(vector) != count for vector in vectors):
            return [
                (
                    What.NOT_FINITE,
                    "",
                    f"vectors have {len(self._joints)} values, or none",
                    f"{count} positions",
                )
            ]
        if len(certificate.joint_ages_s) != len(self._joints):
            return [(What.AGE, "", f"there are {len(self._joints)} ages", str(len(certificate.joint_ages_s)))]
        if not all(
            map(math.isfinite, certificate.positions + certificate.velocities + certificate.accelerations)
        ):
            return [(What.NOT_FINITE, "", "a command is finite", "a value that is not")]
        return []

    def _check_tick(
        self, certificate: Certificate, stamp_ns: int, sent: Sequence[Sent], executed: Before | None
    ) -> list[Found]:
        self.ticks += 1
        moves = certificate.rung in PLAYED
        missed, found = self._check_pace(certificate, stamp_ns)
        found += self._check_identity(certificate)
        found += self._sent.check(certificate, sent)
        found += self._ages.check(certificate.joint_ages_s, stamp_ns, moves, self.ticks <= BEGINNING)
        found += self._chunks.check(certificate, stamp_ns, missed)
        if not certificate.positions:
            self._before = None
            self._brake.forget()
            return found + self._latch.check(certificate, 1 + missed, False)
        has_begun_anew = certificate.tick == 1
        if has_begun_anew:
            if self._before is not None and not self._before.is_at_rest:
                found.append((What.TICK, "", "commands begin anew at rest only", "1 while the arm moves"))
            self._before = None
            self._brake.forget()
        found += self._latch.check(certificate, 1 + missed, has_begun_anew)
        found += self._check_motion(certificate, stamp_ns, executed)
        self._before = command_of(certificate)
        return found

    def _check_pace(self, certificate: Certificate, stamp_ns: int) -> tuple[int, list[Found]]:
        last = self._last
        missed = certificate.missed - last.missed if last is not None else 0
        if missed < 0 or certificate.tick <= 1:
            self._pace.forget()
            missed = 0
        found = self._pace.check(stamp_ns, missed)
        if last is not None and last.tick and certificate.tick not in (0, 1, last.tick + 1):
            found.append(
                (What.TICK, "", f"{last.tick + 1} follows, or 1 after a reset", str(certificate.tick))
            )
        return missed, found

    def _check_identity(self, certificate: Certificate) -> list[Found]:
        found: list[Found] = []
        if certificate.contract != self._digest:
            found.append(
                (
                    What.CONTRACT,
                    "",
                    f"the contract is {self._digest[:12]}",
                    certificate.contract[:12] or "none",
                )
            )
        if not 0.0 <= certificate.speed <= 1.0:
            found.append((What.SPEED, "", "a path's speed is 0 to 1", f"{certificate.speed:g}"))
        if certificate.shadow and certificate.commands:
            found.append(
                (What.SHADOW, "", "in shadow mode nothing is sent", f"{certificate.commands} commands")
            )
        for text in certificate.findings:
            verdict, _, rest = text.partition(":")
            if verdict not in VERDICTS or rest.partition(":")[0] not in REASONS:
                found.append((What.FINDING, text, "verdict and reason are those of this version", "another"))
        if certificate.rung not in (rung.value for rung in Rung):
            found.append((What.FINDING, "rung", "chunk, tail, hold or stop", certificate.rung))
        return found

    def _check_motion(self, certificate: Certificate, stamp_ns: int, executed: Before | None) -> list[Found]:
        bounds = self._bounds.get(certificate.limits)
        if bounds is None:
            bounds = self._bounds[next(iter(self._bounds))]
            found: list[Found] = [
                (
                    What.LIMITS_UNKNOWN,
                    "",
                    "limits in force are published on ~/limits",
                    certificate.limits or "none",
                )
            ]
        else:
            found = []
        before = self._before
        if (
            self._limits_digest not in ("", certificate.limits)
            and before is not None
            and not before.is_at_rest
        ):
            found.append((What.LIMITS_CHANGED, "", "limits change at rest only", certificate.limits))
        if before is None or certificate.limits != self._limits_digest:
            self._box.forget()
        self._limits_digest = certificate.limits
        if executed is not None and executed != command_of(certificate):
            found.append((What.EXECUTED, "", "`executed` and the certificate say the same", "other values"))
        if before is None or (certificate.shadow and before.is_at_rest):
            before = None
            found += self._check_placed(certificate, stamp_ns)
        seconds, is_cut = self._sent.seconds(certificate.followed), self.ticks == 1 and certificate.tick > 1
        found += check_joints(self._joints, bounds, certificate, before, seconds, is_cut)
        found += self._brake.check(certificate, before, bounds)
        return found + self._check_tool(certificate, bounds)

    def _check_placed(self, certificate: Certificate, stamp_ns: int) -> list[Found]:
        """Where the joints were measured, as near as a start allows."""
        if self.ticks == 1 or not self._ages.reach(certificate.joint_ages_s, stamp_ns):
            return []  # the recording begins here
        limits = self._contract.deployment.limits
        return [
            (What.PLACED, name, f"within {limits[name].start_error:g} of the measured", f"{q:.6g} rad")
            for place, (name, q) in enumerate(zip(self._joints, certificate.positions, strict=True))
            if not self._ages.near(place, q, limits[name].start_error)
        ]

    def _check_tool(self, certificate: Certificate, bounds: Bounds) -> list[Found]:
        if self._tool is None:
            return []
        motion = self._tool.motion(certificate.positions, certificate.velocities)
        found: list[Found] = []
        if len(certificate.tool) != 4 or any(
            abs(a - b) > MARGIN for a, b in zip(certificate.tool, motion, strict=True)
        ):
            right = " ".join(f"{value:.6g}" for value in motion)
            found.append(
                (
                    What.TOOL,
                    "",
                    f"the joints put it at {right}",
                    " ".join(f"{value:.6g}" for value in certificate.tool),
                )
            )
        if bounds.tool is None:
            return found
        (low, high), place, speed = bounds.tool.box, motion[:3], motion[3]
        inside = min(min(x - a, b - x) for x, a, b in zip(place, low, high, strict=True))
        spare = bounds.tool.speed - speed
        if not self._box.allows(place, bounds.tool.box):
            found.append((What.TOOL_BOX, "", f"the box is {low} to {high} m", _places(place)))
        if spare < -MARGIN:
            found.append((What.TOOL_SPEED, "", f"{bounds.tool.speed:g} m/s are allowed", f"{speed:.6g} m/s"))
        stated = certificate.margin_tool
        if len(stated) != 2 or not (_same(stated[0], inside) and _same(stated[1], spare)):
            found.append(
                (What.MARGIN, "tool", f"it follows as {inside:.6g} {spare:.6g}", " ".join(map(str, stated)))
            )
        return found

    def _violation(self, entry: Found, stamp_ns: int, sequence: int = 0) -> Violation:
        what, subject, expected, found = entry
        return Violation(what, stamp_ns, sequence, subject, expected, found)


def _places(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6g}" for value in values)


def _same(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= MARGIN
