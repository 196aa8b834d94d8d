"""What a session is made of, what anybody may ask it, and the calls that stop or slow the arm, from whatever state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from qgf_ros.control.allowed_speed import AllowedSpeed
from qgf_ros.control.chunk_request import ChunkRequest
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.latch import EMERGENCY
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.outcome import Outcomes
from qgf_ros.control.permission import Permission
from qgf_ros.control.trust import Trust
from qgf_ros.datatypes import Finding, Sender
from qgf_ros.errors import NotReadyError


@dataclass(frozen=True)
class SessionConfig:
    """How old a chunk's observation may be when it comes, and how long a break in the joint states may last, s.

    `first_motion`: what follows where motion is started away from the data. `full_speed_confirmed`: a person has said that
    full speed is safe here. `shadow`: nothing is sent to the robot, which someone else may move; the command is virtual.
    `in_command`: whose chunks are taken at first.
    """

    chunk_max_age_s: float = 0.5
    resume_within_s: float = 0.5
    first_motion: FirstMotion = FirstMotion.SLOW
    full_speed_confirmed: bool = False
    shadow: bool = False
    in_command: Sender = Sender.POLICY


class SessionBase:
    """State: the gate, and whether the arm may move (`Permission`), how fast (`AllowedSpeed`), with which chunk. One thread."""

    def __init__(self, gate: CommandGate, monitor: JointMonitor, config: SessionConfig) -> None:
        self._gate, self._monitor, self._config = gate, monitor, config
        self._trust = Trust(monitor)
        self._may = Permission(config.resume_within_s)
        self._speed = AllowedSpeed(monitor, config.first_motion, config.full_speed_confirmed)
        self._request = ChunkRequest(config.chunk_max_age_s, config.in_command)
        gate.drop_chunks(config.in_command)
        self._period_ns = round(monitor.contract.interface.control_period_s * 1e9)
        self._outcomes = Outcomes()
        self._slowed: tuple[Finding, ...] = ()  # why this tick is slow
        self._pauses: set[str] = set()  # reasons of holds that end at rest

    def clear(self) -> None:
        """Forgets the robot: nothing is sent before `begin`, or a tick with good joint states, places the command anew.

        A latched stop stays, and only `begin` places the command then.
        """
        self._may.clear()
        self._trust.clear()
        self._end_pauses()
        self._request.wanted_from_ns = 0

    # -- who is in command ---------------------------------------------------------------------------------------------

    @property
    def in_command(self) -> Sender:
        """Whose chunks are taken."""
        return self._request.in_command

    def check_sender(self, sender: Sender) -> None:
        """Returns where the sender is in command. Raises ChunkRefused, reason `not_in_command`."""
        self._request.check_sender(sender)

    def hand_over(self, to: Sender) -> None:
        """From now on chunks are asked of this one. Whether the arm may move stays as it is.

        What is left of the other's chunks is dropped: the arm goes on to the target that it has, within the limits as ever, and
        rests there unless a chunk comes in time. Nothing changes where this one is in command already.
        """
        if to is not self.in_command:
            self._request.in_command, self._request.wanted_from_ns = to, 0
            self._gate.drop_chunks(to)

    # -- what stops and slows the arm ----------------------------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """Brakes to rest from the next tick on and holds until started."""
        self._may.stop(reason)
        self._hold()

    def emergency_stop(self, is_pressed: bool = False) -> None:
        """Brakes to rest from the next tick on, latched; `is_pressed`: no reset before `emergency_release`."""
        self._may.latch.is_pressed |= is_pressed
        self._stop_for_good(EMERGENCY, "The emergency stop was called: release it and call reset.")

    def emergency_release(self) -> None:
        """The emergency stop is no longer pressed: the stop stays, but may be reset."""
        self._may.latch.is_pressed = False

    def fail(self, sentence: str) -> None:
        """Something of ours failed: brakes to rest from the last command, latched."""
        self._stop_for_good("exception", f"The arm was stopped, call reset to go on: {sentence}")

    def suspend(self, reason: str, sentence: str) -> None:
        """Somebody found a fault outside (`second_publisher`, `qos`): holds until `unsuspend`, as with joint states in doubt."""
        self._trust.object_to(reason, sentence)

    def unsuspend(self, reason: str) -> None:
        """The fault is gone."""
        self._trust.no_longer(reason)

    def _pause(self, reason: str, sentence: str) -> None:
        """From the next look on holds, until the arm rests: then all is well again."""
        self._pauses.add(reason)
        self._trust.object_to(reason, sentence)

    def _end_pauses(self) -> None:
        for reason in self._pauses:
            self._trust.no_longer(reason)
        self._pauses.clear()

    def speed_scaling(self, percent: float, now_ns: int) -> None:
        """The controller says how fast it follows its commands, in percent."""
        self._speed.note_scaling(percent, now_ns)

    def confirm_full_speed(self, is_confirmed: bool) -> None:
        """A person says whether full speed is safe here. Raises NotReadyError while the arm moves."""
        if not self.is_at_rest:
            raise NotReadyError(
                "Full speed is confirmed, or no longer, while the arm is at rest: stop it first."
            )
        self._speed.is_confirmed = is_confirmed

    def take_latch_of(self, other: SessionBase) -> None:
        """Goes on with the latched stop and the counts of a session that this one replaces."""
        self._may.latch, self._outcomes = other._may.latch, other._outcomes

    def _stop_for_good(self, reason: str, sentence: str) -> None:
        self._may.latch.close(reason, sentence)
        self.stop(reason)

    def _hold(self) -> None:
        if self._gate.is_running:
            self._request.not_before_ns = self._monitor.newest_ns + 1
        self._request.wanted_from_ns = 0
        self._gate.hold(self._may.reason)

    # -- what anybody may ask ------------------------------------------------------------------------------------------

    @property
    def wants_chunk(self) -> bool:
        """True when the next chunk is due and has not come."""
        return self._may.is_placed and self._gate.wants_chunk

    def needs_chunk(self, stamp_ns: int) -> bool:
        """Lockstep: whether tick `stamp_ns` waits for a chunk, which readings of that tick could give. For a person none waits."""
        is_policys = self.in_command is Sender.POLICY
        return is_policys and self.wants_chunk and 0 < self._request.wanted_from_ns <= stamp_ns

    @property
    def is_at_rest(self) -> bool:
        """True when the command stands still, or there is none: not yet, or no more."""
        return not self._may.is_placed or self._may.latch.is_silent or self._gate.is_at_rest

    @property
    def seconds_to_stop(self) -> float:
        """How long a stop from the last command takes under the limits in force, s. Raises LimiterError as `Stops.samples`."""
        return 0.0 if self.is_at_rest else self._gate.unattended.stop_seconds

    @property
    def is_well(self) -> bool:
        """True unless something was refused and has not been made good; `sentence` says what."""
        return self._may.is_well

    @property
    def sentence(self) -> str:
        """What is wrong, for people; empty where nothing is."""
        return self._may.sentence

    @property
    def away(self) -> str:
        """Why nothing is sent though the arm was at rest, for people: it stands elsewhere. Empty where it does not."""
        return self._may.away

    @property
    def warning(self) -> str:
        """Why motion is slower than asked for, for people; empty where it is not."""
        return self._speed.sentence

    @property
    def counts(self) -> Counter[str]:
        """How often each finding began, by `verdict:reason`, chunks were refused, by `refused:reason`, and ticks `failed:exception`."""
        return self._outcomes.counts

    @property
    def stops(self) -> int:
        """How often a stop was latched so far: what a reset that waits for rest gives to `begin`."""
        return self._may.latch.closings

    @property
    def black_box_due(self) -> str:
        """The reason of a latched stop whose record has not been taken; empty where there is none."""
        return self._may.latch.black_box_due

    def take_black_box(self) -> str:
        """`black_box_due`, which is then no longer due."""
        reason, self._may.latch.black_box_due = self._may.latch.black_box_due, ""
        return reason
