"""What the command node decides each tick: may the arm move, how fast, is a chunk wanted, which one is taken. No clock, no ROS.

What follows from a fault (the codes: `reasons.py`, docs/safety.md):

* slow: the path is followed more slowly (first run, first motion, the controller's own speed); at 0 the arm waits on its path.
* hold: joint states, clock or surroundings cannot be trusted: brake within the limits and hold. If all is well again within
  `resume_within_s`, chunks are asked for anew; otherwise, and after a clock that leapt or a malformed chunk (its sender is
  broken), the arm holds until it is started again.
  After ticks that were not served for more than a control period (`stalled`) the arm is not on its chunk's path any more: it
  brakes to rest, and another chunk is asked for. So it does where a person is in command and does not answer (`teleop_silent`).
* stop: latched until `begin`. After an emergency stop, lost tracking or a failure of our own the arm brakes from the last
  command and stays there under commands. Only where the limiter cannot plan nothing more is sent.
* silence: an arm that stands elsewhere than it was commanded to rest is sent nothing until `begin`, which takes that pose.
* a chunk that is refused otherwise is not played. The arm ends at rest at its last target, and may ask for another.
"""

from __future__ import annotations

from dataclasses import replace

from qgf_ros.control.chunk_request import IGNORED, MALFORMED, UNSAFE
from qgf_ros.control.limits import Motion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.outcome import Tick as Tick
from qgf_ros.control.session_base import SessionBase
from qgf_ros.control.session_base import SessionConfig as SessionConfig
from qgf_ros.control.settling import UNSETTLED
from qgf_ros.control.watch_clock import ClockState
from qgf_ros.datatypes import ActionChunk, JointCommand
from qgf_ros.errors import ChunkRefused, LimiterError, MotionRefused, NotReadyError, ObservationRefused

AWAY = "away"


class CommandSession(SessionBase):
    """The command node without ROS: begin, start, chunks, ticks. What stops it and what it says of itself: `SessionBase`. One thread."""

    # -- what the operator and others ask for --------------------------------------------------------------------------

    def begin(
        self, now_ns: int, limits: LimitsInForce | None = None, stops: int | None = None
    ) -> JointCommand:
        """Begins at rest at the measured positions, holding, under other `limits` if any are given; clears a latched stop.

        `stops`: what the property of that name was when this was asked for, if that was earlier.

        Raises, and all stays as it was:
            ObservationRefused: the joint states cannot be trusted now, or a joint stands outside its limits.
            MotionRefused: other limits are given while the command moves.
            NotReadyError: the emergency stop is still pressed, or a stop was latched since this was asked for.
        """
        self._may.latch.check_may_open(self.stops if stops is None else stops)
        self._monitor.forgive_leap()
        reading = self._trust.reading_to_begin(now_ns, self._gate.limiter.state.positions, self._pauses)
        self._gate.reset(reading, limits)
        self.clear()
        self._trust.forgive_frozen()
        self._may.latch.open()
        self._may.is_placed = True
        return self._gate.last_command(reading.stamp_ns)

    def start(self, now_ns: int) -> Tick:
        """From now on chunks are asked for and played; the first from observations no older than the joints now known.

        Raises:
            NotReadyError: stopped and latched, or no command has been placed yet.
            ObservationRefused: the joint states cannot be trusted now.
            MotionRefused: the arm stands where actions cannot begin, or, if so configured, where no data are.
        """
        if self._may.latch.reason:
            raise NotReadyError(f"The arm was stopped ({self._may.latch.reason}); call reset first.")
        if not self._may.is_placed:
            raise NotReadyError("The node is not active, or no joint states have come yet.")
        if self._may.away:
            raise MotionRefused(AWAY, self._may.away)
        reading = self._trust.reading(now_ns)
        if self._config.shadow:
            self._gate.reset(reading)
        measured = self._gate.measured(reading)
        self._gate.check_near(measured)
        self._speed.begin(measured, now_ns)
        self._gate.start()
        self._may.start()
        self._request.wanted_from_ns = max(self._monitor.newest_ns, self._request.not_before_ns)
        return self._outcome(self._gate.last_command(now_ns))

    # -- chunks --------------------------------------------------------------------------------------------------------

    def offer(self, chunk: ActionChunk, now_ns: int) -> None:
        """Takes a chunk that came at `now_ns`.

        Raises:
            ChunkRefused: reason `not_in_command`, `unwanted`, `outdated`, `stale`, `future`, or as for `CommandGate.load`; see
                the module's text for what follows. The reason also stands in the next tick.
        """
        try:
            self._request.check(chunk, now_ns, self.wants_chunk)
            if self._config.shadow and self._gate.is_at_rest:
                self._place_virtual(now_ns)
            self._gate.load(chunk)
        except ChunkRefused as error:
            if error.reason not in IGNORED:
                self._request.wanted_from_ns = now_ns + (self._period_ns if error.reason in UNSAFE else 0)
            self.refuse(error)
            raise
        self._request.wanted_from_ns, self._may.fault = 0, ""

    def refuse(self, error: ChunkRefused) -> None:
        """Notes that a chunk was refused, here or on the way, for the next tick; holds if its sender is broken."""
        reason = f"chunk_{error.reason}"
        self._outcomes.refuse(reason)
        self._may.fault = str(error)
        if error.reason in MALFORMED:
            self.stop(reason)

    def _place_virtual(self, now_ns: int) -> None:
        """Shadow: somebody else moves the arm; from rest, the command begins where the arm is now."""
        try:
            self._gate.reset(self._trust.reading(now_ns))
            self._gate.start()
        except (ObservationRefused, MotionRefused) as error:
            raise ChunkRefused("not_running", f"The chunk was not played: {error}") from error

    # -- ticks that were not served ------------------------------------------------------------------------------------

    def miss(self, ticks: int) -> None:
        """So many ticks passed without a command: it goes on where the controllers are by now.

        After more than their plans bridge the arm is not on the chunk's path any more: the next tick holds (`stalled`), and
        once the arm rests another chunk is asked for.
        """
        if not ticks or not self._may.is_placed:
            return
        self._gate.unattended.follow(ticks)
        if self._gate.unattended.is_stall(ticks):
            self._pause("stalled", f"{ticks} ticks passed without a command: busy computer.")

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def look(self, now_ns: int, steady_ns: int | None = None) -> dict[str, float]:
        """Checks clock, surroundings and joint states: holds if they cannot be trusted, resumes after a short break.

        Returns the measured positions by name, rad; empty where they cannot be trusted. `steady_ns`: a clock that never
        leaps, to compare the node's with; None in lockstep.
        """
        clock = self._trust.look_at_clock(now_ns, steady_ns)
        if clock in (ClockState.BACK, ClockState.AHEAD):
            self.stop("clock")
            self._request.not_before_ns = 0 if clock is ClockState.BACK else now_ns
        try:
            reading = self._trust.reading_in_time(now_ns)
            if not self._may.is_placed and not self._may.latch.reason:
                if steady_ns is not None:
                    self._trust.check_settled()
                self._gate.reset(reading)
                self._may.is_placed = True
        except ObservationRefused as error:
            if error.reason != UNSETTLED:
                self._trust.unsettle()
            return self._break_off(error, now_ns)
        if self._may.recover():
            self._go_on()
        return self._gate.measured(reading)

    def tick(self, now_ns: int, steady_ns: int | None = None) -> Tick:
        """The command for this tick, or none where nothing may be sent. `steady_ns` as for `look`."""
        self._slowed = ()
        before = self._gate.limiter.state
        try:
            command = self._next(now_ns, steady_ns)
        except Exception as error:  # whatever failed: the arm must be braked, and somebody must hear of it
            command = self._brake_from(before, now_ns, error)
        if command is not None and command.wants_chunk and not self._request.wanted_from_ns:
            self._request.wanted_from_ns = now_ns + 1
        return self._outcome(command)

    def _next(self, now_ns: int, steady_ns: int | None) -> JointCommand | None:
        measured = self.look(now_ns, steady_ns)
        if not self._may.is_placed or self._may.latch.is_silent:
            return None
        if measured and not self._config.shadow and not self._may.away:
            measured = self._watch_motion(now_ns, measured)
        if self._may.away:
            return None
        share, self._slowed = self._speed.next(measured, now_ns)
        if touched := self._gate.look_again(share):
            sentence = (
                f"At another speed the chunk in play would lead to {touched.reason} ({touched.subject})."
            )
            self._pause(touched.reason, sentence)
            measured = self._break_off(ObservationRefused(touched.reason, sentence), now_ns)
        if self._gate.is_running and not self._gate.is_at_rest and (silent := self._request.silence(now_ns)):
            self._pause("teleop_silent", silent)
            measured = self._break_off(ObservationRefused("teleop_silent", silent), now_ns)
        if self._gate.is_running and self._speed.stood_s(share, now_ns) > self._config.chunk_max_age_s:
            self._go_on()  # with another chunk: the one in play is from before the arm stood
        command = self._gate.tick(now_ns, measured, share)
        if self._gate.is_at_rest:
            self._end_pauses()
        return command

    def _watch_motion(self, now_ns: int, measured: dict[str, float]) -> dict[str, float]:
        """Whether sensor and arm follow the command; the measured positions, or none where the sensor does not."""
        commanded = self._gate.limiter.state.positions
        try:
            self._trust.check_sensor(now_ns, commanded)
        except ObservationRefused as error:
            return self._break_off(error, now_ns)
        if not self._may.is_started and self._gate.is_at_rest:
            self._may.away = self._trust.away(commanded)
        elif lost := self._trust.lost(commanded):
            self._stop_for_good("tracking", lost)
        return measured

    def _break_off(self, error: ObservationRefused, now_ns: int) -> dict[str, float]:
        """Holds at this tick for what cannot be trusted; no positions are."""
        self._may.suffer(error, now_ns)
        self._hold()
        return {}

    def _brake_from(self, before: Motion, now_ns: int, error: Exception) -> JointCommand | None:
        """This tick's command after a failure: braking from the last one; none where not even that can be computed."""
        self._outcomes.counts["failed:exception"] += 1
        is_silent = isinstance(error, LimiterError)
        if not is_silent:
            self.fail(f"{type(error).__name__}: {error}")
            self._gate.limiter.go_on_from(before)
            try:
                return self._gate.tick(now_ns, {}) if self._may.is_placed else None
            except Exception as again:
                error = again
        self._stop_for_good("limiter", str(error))
        self._may.latch.is_silent = True
        return None

    def _outcome(self, command: JointCommand | None) -> Tick:
        latched, wanted_ns = self._may.latch.reason, self._request.wanted_from_ns
        leaps, ran = self._trust.clock_leaps, self._trust.take_ran()
        silenced = (AWAY,) if self._may.away else ()
        holding = AWAY if self._may.away else self._may.reason
        tick = self._outcomes.tick(command, latched, holding, wanted_ns, self._slowed, leaps, ran, silenced)
        return replace(tick, in_command=self.in_command)

    def _go_on(self) -> None:
        if not self._may.is_started:
            self._hold()
            return
        try:
            self._gate.start()
        except MotionRefused as error:
            self._may.fault = str(error)
            self.stop(error.reason)
