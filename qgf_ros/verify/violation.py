"""What can be wrong with a stream of certified commands: one name a kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

MOST_TOLD = 300  # letters of each text of a violation


class What(Enum):
    """Kinds of violations; the comment says what holds where there is none."""

    SEQUENCE = "sequence"  # certificates are counted without gaps, in order
    TICK = "tick"  # commands are counted without gaps; a count begins anew only at rest
    MISSING_TICK = "missing_tick"  # no tick is missing that `missed` does not count
    COMMAND_MISSING = "command_missing"  # as many messages left as the certificate says, on every output
    COMMAND_UNCERTIFIED = "command_uncertified"  # every message on a command topic has a certificate
    COMMAND_VALUE = "command_value"  # and with the same values
    PLAN = (
        "plan"  # a trajectory that was sent is a motion inside all limits, the tool's too, and ends at rest
    )
    EXECUTED = "executed"  # `executed` says the same
    NOT_FINITE = "not_finite"  # values are finite
    POSITION = "position"
    VELOCITY = "velocity"
    ACCELERATION = "acceleration"
    JERK = "jerk"
    CONSISTENT = "consistent"  # each state can be reached from the one before
    PLACED = "placed"  # the first command stands where the joint was measured, at rest
    MARGIN = "margin"  # margins are those that follow from the values
    STOP = "stop"  # a stop from here keeps the position limits
    TOOL = "tool"  # the tool's pose and speed are those of the joints
    TOOL_BOX = "tool_box"
    TOOL_SPEED = "tool_speed"
    AGE = "age"  # ages are those of joint states that were received
    STALE = "stale"  # no motion on joint states older than the contract allows
    READING = "reading"  # nor on those that make no sense: no number, a joint twice
    TRACKING = "tracking"  # nor while a joint stands away from its command
    FROZEN = "frozen"  # nor on a sensor that stands while its command moves
    CHUNK_UNKNOWN = "chunk_unknown"  # the chunk in play was received
    CHUNK_CHANGED = "chunk_changed"  # and is the one that was played
    CHUNK_OLD = "chunk_old"  # and was young enough when it was taken
    CHUNK_PLACE = "chunk_place"  # its actions are played in order, none twice
    CHECKPOINT = "checkpoint"  # one chunk has one source
    SENDER = "sender"  # which is in command, policy or person
    SPEED = "speed"  # of the path: 0 to 1, and below it only where a finding asks for less
    SILENT = "silent"  # commands end at rest, or where no stop could be computed
    BRAKE = "brake"  # after a hold or a stop the arm ends at rest within the bound
    EMERGENCY = "emergency"  # an emergency stop is obeyed within a control period
    LATCH = "latch"  # after a stop nothing moves before a reset
    CONTRACT = "contract"  # the certificate names this contract
    LIMITS_UNKNOWN = "limits_unknown"  # the limits in force are known
    LIMITS_WEAKER = "limits_weaker"  # and no weaker than the contract's
    LIMITS_CHANGED = "limits_changed"  # and change only at rest
    CHECKS = "checks"  # the checks that every command needs are among those that ran
    FINDING = "finding"  # findings, reasons and what was clipped are those of this version, and say the same
    SHADOW = "shadow"  # in shadow mode nothing is sent
    UNREADABLE = "unreadable"  # messages are what their type says
    INCOMPLETE = "incomplete"  # the recording holds what was sent


@dataclass(frozen=True)
class Violation:
    """One thing that does not hold: at which tick (stamp ns, certificate's number), about what, what had to be and what was."""

    what: What
    stamp_ns: int
    sequence: int
    subject: str
    expected: str
    found: str

    def shortened(self) -> Violation:
        """With as much of each text as a person reads: parts of it may be a whole message."""
        texts = {key: getattr(self, key)[:MOST_TOLD] for key in ("subject", "expected", "found")}
        return replace(self, **texts)

    def __str__(self) -> str:
        about = f" {self.subject}" if self.subject else ""
        return f"certificate {self.sequence}, {self.stamp_ns * 1e-9:.3f} s: {self.what.value}{about}: {self.found}; {self.expected}"
