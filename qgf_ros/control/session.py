"""What the command node decides each tick: may the arm move, is a chunk wanted, which one is taken. No clock, no ROS.

Refusals and their consequences:

* joint states that lack a joint, are not finite, stale or misshapen: brake within the limits and hold. If they are well
  again within `resume_within_s`, chunks are asked for anew; otherwise the arm holds until it is started again.
* a clock that goes back, as when a simulator begins anew: brake, and hold until started again.
* a malformed chunk (names, shape, not finite): its sender is broken; brake, and hold until started again.
* a chunk that is stale, late, repeated, outdated or was not asked for: not played. The arm ends at rest at its last target;
  after a stale or late one another is asked for.
* the limiter cannot plan: nothing more is sent; latched until `begin`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qgf_ros.control.gate import CommandGate
from qgf_ros.control.monitor import FUTURE_TOLERANCE_NS, JointMonitor
from qgf_ros.datatypes import ActionChunk, JointCommand, Rung
from qgf_ros.errors import ChunkRefused, LimiterError, MotionRefused, NotReadyError, ObservationRefused

AT_REST = 1e-9  # rad/s and rad/s2: rounding of the limiter's last sample
MALFORMED = ("names", "shape", "not_finite")
TOO_OLD = ("stale", "late")


@dataclass(frozen=True)
class SessionConfig:
    """How old a chunk's observation may be when it comes, and how long a break in the joint states may last, s."""

    chunk_max_age_s: float = 0.5
    resume_within_s: float = 0.5


@dataclass(frozen=True)
class Tick:
    """One tick's outcome. Without a command nothing may be sent. `refused` is the reason code of a chunk not taken."""

    command: JointCommand | None
    rung: Rung
    reason: str
    refused: str
    wanted_from_ns: int


class CommandSession:
    """State: the gate, whether the operator wants motion, what is wrong at present. One thread."""

    def __init__(self, gate: CommandGate, monitor: JointMonitor, config: SessionConfig) -> None:
        self._gate = gate
        self._monitor = monitor
        self._config = config
        self._not_before_ns = 0  # chunks from observations before the last hold are never played
        self.clear()

    def clear(self) -> None:
        """Forgets the robot: nothing is sent before `begin`, or a tick with good joint states, places the command anew."""
        self._is_placed = self._is_started = False
        self._stop_reason = self._hold_reason = "not started"
        self._latched = ""
        self._refused_since_ns: int | None = None
        self._refused = ""
        self._wanted_from_ns = 0
        self._looked_ns = 0
        self.sentence = ""

    def begin(self, now_ns: int) -> JointCommand:
        """Begins at rest at the measured positions, holding; clears a latched stop.

        Raises:
            ObservationRefused: the joint states cannot be trusted now.
        """
        reading = self._monitor.reading(now_ns)
        self.clear()
        self._gate.reset(reading)
        self._is_placed = True
        return self._gate.last_command(reading.stamp_ns)

    def start(self, now_ns: int) -> Tick:
        """From now on chunks are asked for and played; the first from observations no older than the joints now known.

        Raises:
            NotReadyError: stopped and latched, or no command has been placed yet.
            ObservationRefused: the joint states cannot be trusted now.
            MotionRefused: the arm stands where actions cannot begin.
        """
        if self._latched:
            raise NotReadyError(f"The arm was stopped ({self._latched}); call reset first.")
        if not self._is_placed:
            raise NotReadyError("The node is not active, or no joint states have come yet.")
        self._gate.check_near(self._gate.measured(self._monitor.reading(now_ns)))
        self._gate.start()
        self._is_started, self._refused_since_ns, self.sentence = True, None, ""
        self._wanted_from_ns = max(self._monitor.newest_ns, self._not_before_ns)
        return self._outcome(self._gate.last_command(now_ns))

    def stop(self, reason: str) -> None:
        """Brakes to rest from the next tick on and holds until started."""
        self._is_started, self._stop_reason = False, reason
        self._hold(reason)

    @property
    def wants_chunk(self) -> bool:
        """True when the next chunk is due and has not come."""
        return self._is_placed and self._gate.wants_chunk

    def needs_chunk(self, stamp_ns: int) -> bool:
        """Lockstep: whether tick `stamp_ns` waits for a chunk, which readings of that tick could give."""
        return self.wants_chunk and 0 < self._wanted_from_ns <= stamp_ns

    @property
    def is_at_rest(self) -> bool:
        """True when the command stands still, or there is none: not yet, or no more."""
        motion = self._gate.limiter.state
        is_still = bool(np.abs([motion.velocities, motion.accelerations]).max() < AT_REST)
        return is_still or not self._is_placed or bool(self._latched)

    @property
    def is_well(self) -> bool:
        """True unless something was refused and has not been made good; `sentence` says what."""
        return not self.sentence and not self._latched and self._refused_since_ns is None

    def offer(self, chunk: ActionChunk, now_ns: int) -> None:
        """Takes a chunk that came at `now_ns`.

        Raises:
            ChunkRefused: reason `unwanted`, `outdated`, `stale`, `future`, `names`, `shape`, `not_finite`, `repeated` or
                `late`; see the module's text for what follows. The reason also stands in the next tick.
        """
        try:
            self._check_time(chunk, now_ns)
            self._gate.load(chunk)
        except ChunkRefused as error:
            if error.reason in TOO_OLD:
                self._wanted_from_ns = now_ns
            self.refuse(error)
            raise
        self._wanted_from_ns, self.sentence = 0, ""

    def refuse(self, error: ChunkRefused) -> None:
        """Notes that a chunk was refused, here or on the way, for the next tick; holds if its sender is broken."""
        self._refused, self.sentence = f"chunk_{error.reason}", str(error)
        if error.reason in MALFORMED:
            self.stop(self._refused)

    def _check_time(self, chunk: ActionChunk, now_ns: int) -> None:
        age_s = (now_ns - chunk.stamp_ns) * 1e-9
        if not self.wants_chunk or not self._wanted_from_ns:
            raise ChunkRefused("unwanted", "A chunk came that was not asked for; it was not played.")
        if chunk.stamp_ns < self._wanted_from_ns:
            raise ChunkRefused(
                "outdated", "The chunk's observation is older than the request; it was not played."
            )
        if age_s > self._config.chunk_max_age_s:
            allowed = f"{self._config.chunk_max_age_s:g} s"
            raise ChunkRefused(
                "stale",
                f"The chunk's observation is {age_s:.3f} s old, {allowed} are allowed; another is asked for.",
            )
        if chunk.stamp_ns > now_ns + FUTURE_TOLERANCE_NS:
            raise ChunkRefused(
                "future", f"The chunk's observation lies {-age_s:.3f} s in the future: check the clocks."
            )

    def look(self, now_ns: int) -> dict[str, float]:
        """Checks the joint states: holds if they cannot be trusted, resumes after a short break; the measured positions."""
        self._check_clock(now_ns)
        try:
            reading = self._monitor.reading(now_ns)
            if not self._is_placed and not self._latched:
                self._gate.reset(reading)
                self._is_placed = True
        except ObservationRefused as error:
            self._break(error, now_ns)
            return {}
        if self._refused_since_ns is not None:
            self._mend()
        return self._gate.measured(reading)

    def _check_clock(self, now_ns: int) -> None:
        if now_ns < self._looked_ns - FUTURE_TOLERANCE_NS:
            self._monitor.forget_times()
            self.stop("clock")
            self._not_before_ns = 0
        self._looked_ns = now_ns

    def tick(self, now_ns: int) -> Tick:
        """The command for this tick, or none where nothing may be sent."""
        measured = self.look(now_ns)
        if self._latched or not self._is_placed:
            return self._outcome(None)
        try:
            command = self._gate.tick(now_ns, measured)
        except LimiterError as error:
            self._latched, self.sentence = "limiter", str(error)
            self.stop("limiter")
            return self._outcome(None)
        if command.wants_chunk and not self._wanted_from_ns:
            self._wanted_from_ns = now_ns + 1
        return self._outcome(command)

    def _outcome(self, command: JointCommand | None) -> Tick:
        refused, self._refused = self._refused, ""
        if command is None:
            return Tick(
                None,
                Rung.STOP if self._latched else Rung.HOLD,
                self._latched or self._hold_reason,
                refused,
                0,
            )
        return Tick(
            command, command.rung, command.reason, refused, self._wanted_from_ns if command.wants_chunk else 0
        )

    def _hold(self, reason: str) -> None:
        if self._gate.is_running:
            self._not_before_ns = self._monitor.newest_ns + 1
        self._hold_reason, self._wanted_from_ns = reason, 0
        self._gate.hold(reason)

    def _break(self, error: ObservationRefused, now_ns: int) -> None:
        self.sentence = str(error)
        if self._refused_since_ns is None:
            self._refused_since_ns = now_ns
        if self._is_started and (now_ns - self._refused_since_ns) * 1e-9 > self._config.resume_within_s:
            self._is_started, self._stop_reason = False, error.reason
        self._hold(error.reason)

    def _mend(self) -> None:
        self._refused_since_ns, self.sentence = None, ""
        if not self._is_started:
            self._hold(self._stop_reason)
            return
        try:
            self._gate.start()
        except MotionRefused as error:
            self.sentence = str(error)
            self.stop(error.reason)
