"""Checks a stream of certified commands as it comes: constant memory, no clock, no file.

In the order of sending, give it what the graph said: joint states, chunks, limits, the emergency stop; and each certificate with
the messages that left since the one before. What it answers are the violations. `verify/bag.py` does that for a recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.ages import JointAges
from qgf_ros.verify.bounds import Bounds, of_contract, read_bounds
from qgf_ros.verify.chunks import PLAYED, ChunkBook
from qgf_ros.verify.findings import FindingsWatch
from qgf_ros.verify.identity import check_identity, misshapen
from qgf_ros.verify.latches import BrakeWatch, LatchWatch, check_silence
from qgf_ros.verify.motion import Before, Found, check_joints, command_of
from qgf_ros.verify.pace import PaceWatch
from qgf_ros.verify.readings import ReadingWatch
from qgf_ros.verify.sent import Sent, SentCheck
from qgf_ros.verify.tool import ToolCheck
from qgf_ros.verify.violation import Violation, What

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
        self._tool = ToolCheck(contract) if contract.interface.kinematics is not None else None
        lag_ns = round(allowed.reading_lag_s * 1e9)
        self._ages, self._readings = JointAges(contract, lag_ns), ReadingWatch(contract, lag_ns)
        self._chunks = ChunkBook(contract, allowed.chunk_max_age_s)
        self._brake, self._latch = BrakeWatch(contract), LatchWatch(contract)
        self._sent, self._pace = SentCheck(contract), PaceWatch(contract.tick_ns)
        self._findings = FindingsWatch(self._tool is not None, self._tick_s)
        self._last: Certificate | None = None
        self._before: Before | None = None
        self._limits_digest = ""
        self.ticks = self._begun = 0  # in all, and those before everything was recorded

    # -- what came, in the order in which it was sent ----------------------------------------------------------------

    def joints(self, reading: JointReading) -> None:
        """A message of joint states, as the command node received it."""
        self._ages.take(reading)
        self._readings.take(reading)

    def chunk(self, chunk: ActionChunk) -> None:
        """A chunk, as the command node received it."""
        self._chunks.take(chunk)

    def emergency(self, pressed: bool) -> None:
        """A word on `emergency_stop`."""
        self._latch.press(pressed)

    def emergency_called(self) -> None:
        """The service `~/emergency_stop` was called."""
        self._latch.call()

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
        self,
        certificate: Certificate,
        stamp_ns: int,
        sent: Sequence[Sent] | None,
        executed: Before | None = None,
    ) -> list[Violation]:
        """A certificate stamped `stamp_ns` (0: an announcement), and what left on the command topics since the one before.

        `sent`: None while not all of it is recorded yet; the rest is checked all the same. `executed`: the command as the topic
        of that name says it, where it was recorded.
        """
        is_new = certificate.sequence == 1 and self._last is not None  # configured anew
        found = [] if is_new else self._check_sequence(certificate)
        if is_new:
            self._last = None
            self._forget()
            self._latch.configure()
        if stamp_ns == 0:
            found += self._check_announcement(certificate, sent)
        elif shape := misshapen(certificate, len(self._joints)):
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
        self._pace.forget()
        self._findings.forget()
        self._readings.forget()

    def _check_sequence(self, certificate: Certificate) -> list[Found]:
        if self._last is None or certificate.sequence == self._last.sequence + 1:
            return []
        return [(What.SEQUENCE, "", f"{self._last.sequence + 1} follows", str(certificate.sequence))]

    def _check_announcement(self, certificate: Certificate, sent: Sequence[Sent] | None) -> list[Found]:
        found = self._sent.uncertified(sent or ())
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

    def _check_tick(
        self, certificate: Certificate, stamp_ns: int, sent: Sequence[Sent] | None, executed: Before | None
    ) -> list[Found]:
        self.ticks += 1
        if sent is None:
            self._chunks.begin(stamp_ns)
            self._begun = self.ticks
        moves = certificate.rung in PLAYED
        missed, found = self._pace.check_counts(self._last, certificate, stamp_ns)
        found += check_identity(certificate, self._digest)
        bounds = self._bounds.get(certificate.limits, next(iter(self._bounds.values())))
        found += self._findings.check(certificate, bounds.tool is not None)
        if sent is not None:
            found += self._sent.check(certificate, sent, bounds)
        if sent and certificate.positions and self._tool is not None:
            found += self._tool.check_plans(certificate, self._sent.plans(sent), bounds)
        begins = self.ticks - self._begun <= BEGINNING
        found += self._ages.check(certificate.joint_ages_s, stamp_ns, moves, begins)
        found += self._chunks.check(certificate, stamp_ns, missed)
        if not certificate.positions:
            found += check_silence(certificate, self._before)
            self._before = None
            self._brake.forget()
            self._readings.forget()
            return found + self._latch.check(certificate, 1 + missed, False)
        has_begun_anew = certificate.tick == 1
        if has_begun_anew:
            if self._before is not None and not self._before.is_at_rest:
                found.append((What.TICK, "", "commands begin anew at rest only", "1 while the arm moves"))
            self._before = None
            self._brake.forget()
            self._readings.forget()
        found += self._readings.check(certificate, stamp_ns, moves, self._ages, self._before)
        found += self._latch.check(certificate, 1 + missed, has_begun_anew)
        found += self._check_motion(certificate, stamp_ns, executed, bounds)
        self._before = command_of(certificate)
        return found

    def _check_motion(
        self, certificate: Certificate, stamp_ns: int, executed: Before | None, bounds: Bounds
    ) -> list[Found]:
        found: list[Found] = []
        if certificate.limits not in self._bounds:
            known = "limits in force are published on ~/limits"
            found.append((What.LIMITS_UNKNOWN, "", known, certificate.limits or "none"))
        before = self._before
        if (
            self._limits_digest not in ("", certificate.limits)
            and before is not None
            and not before.is_at_rest
        ):
            found.append((What.LIMITS_CHANGED, "", "limits change at rest only", certificate.limits))
        if self._tool is not None and (before is None or certificate.limits != self._limits_digest):
            self._tool.forget()
        self._limits_digest = certificate.limits
        if executed is not None and executed != command_of(certificate):
            found.append((What.EXECUTED, "", "`executed` and the certificate say the same", "other values"))
        if before is None or (certificate.shadow and before.is_at_rest):
            before = None
            found += self._check_placed(certificate, stamp_ns)
        if before is not None:
            before = self._sent.stood(before, certificate.followed)
        seconds, is_cut = self._sent.seconds(certificate.followed), self.ticks == 1 and certificate.tick > 1
        found += check_joints(self._joints, bounds, certificate, before, seconds, is_cut)
        begun = (
            None if certificate.followed else before
        )  # controllers that go on have gone further than a stop by then
        found += self._brake.check(certificate, begun, bounds)
        return found + (self._tool.check(certificate, bounds) if self._tool is not None else [])

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

    def _violation(self, entry: Found, stamp_ns: int, sequence: int = 0) -> Violation:
        what, subject, expected, found = entry
        return Violation(what, stamp_ns, sequence, subject, expected, found)
