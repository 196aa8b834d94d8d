"""Whether joint states, clocks and surroundings can be trusted at this tick: one question over all that watches them."""

from __future__ import annotations

import numpy as np

from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.watch_clock import ClockState, ClockWatch, LookTime
from qgf_ros.control.watch_frozen import FrozenWatch
from qgf_ros.control.watch_tracking import TrackingWatch
from qgf_ros.datatypes import FloatArray, JointReading
from qgf_ros.errors import ObservationRefused


class Trust:
    """State: that of the watches, and what others object to. One thread."""

    def __init__(self, monitor: JointMonitor) -> None:
        self.monitor = monitor
        self._joints = monitor.contract.interface.joints
        self._frozen, self._tracking = FrozenWatch(monitor.contract), TrackingWatch(monitor.contract)
        self._clock, self._time = ClockWatch(), LookTime(monitor.contract.tick_ns)
        self._seen_ns = 0  # at the last `check_sensor`
        self._is_standing = False
        self._objections: dict[str, str] = {}
        limits = [monitor.contract.deployment.limits[joint] for joint in self._joints]
        self._watches_tracking = any(entry.watches_tracking for entry in limits)
        self._ran: dict[str, None] = {}  # names in order, each once

    def take_ran(self) -> tuple[str, ...]:
        """Names of the checks that ran since the last call."""
        ran, self._ran = tuple(self._ran), {}
        return ran

    def clear(self) -> None:
        """The command is placed anew: how it was followed before says nothing."""
        self._frozen.clear()
        self._tracking.clear()

    def object_to(self, reason: str, sentence: str) -> None:
        """Somebody else found a fault that lasts until `no_longer`."""
        self._objections[reason] = sentence

    def no_longer(self, reason: str) -> None:
        """The fault is gone; unknown ones are ignored."""
        self._objections.pop(reason, None)

    @property
    def clock_leaps(self) -> int:
        """How often the node's clock leapt, as `ClockWatch.leaps`."""
        return self._clock.leaps

    def look_at_clock(self, now_ns: int, steady_ns: int | None) -> ClockState:
        """What the node's clock did; when it went back, stamps are forgotten."""
        if steady_ns is not None:
            self._note("clock")
        state = self._clock.look(now_ns, steady_ns)
        self._is_standing = state is ClockState.STANDING
        if state is ClockState.BACK:
            self.monitor.forget_times()
            self.clear()
        return state

    def reading(self, now_ns: int) -> JointReading:
        """The joint states, where they are good and nobody objects to motion.

        Raises:
            ObservationRefused: reason `frozen`, one that was objected, or as for `JointMonitor.reading`.
        """
        for reason, sentence in self._objections.items():
            self.monitor.forget_future(now_ns)
            raise ObservationRefused(reason, sentence)
        self._note("joint_states", "units")
        reading = self.monitor.reading(now_ns)
        frozen = self._frozen.remaining(reading.positions)
        if frozen:
            raise ObservationRefused(
                "frozen", f"{self._named(frozen)} stays the same while its command moves."
            )
        return reading

    def reading_in_time(self, now_ns: int) -> JointReading:
        """As `reading`, at a tick. Raises ObservationRefused also with reason `time_stopped`."""
        if self._is_standing:
            self.monitor.forget_future(now_ns)
            raise ObservationRefused(
                "time_stopped", "The node's clock stands still: the simulation is paused or gone."
            )
        return self.reading(now_ns)

    def check_sensor(self, now_ns: int, commanded: FloatArray) -> None:
        """One tick with a good reading and the last command (J,), rad. Raises ObservationRefused, reason `frozen`."""
        if self._watches_tracking:
            self._note("frozen")
        self._seen_ns = self._time.look(now_ns)
        self._frozen.note(self._seen_ns, self.monitor.stamps_ns, self.monitor.positions, commanded)
        if self._frozen.frozen:
            frozen = self._named(self._frozen.frozen)
            raise ObservationRefused("frozen", f"{frozen} stays the same while its command moves.")

    def lost(self, commanded: FloatArray) -> str:
        """The tick of the last `check_sensor`: a sentence where a joint has been too far from its command for too long, else empty."""
        if self._watches_tracking:
            self._note("tracking")
        lost = self._tracking.lost(self._seen_ns, self.monitor.positions, commanded)
        if not lost:
            return ""
        away = np.abs(self.monitor.positions - commanded)[list(lost)].max()
        return f"{self._named(lost)} stood {away:.3f} from its command: something holds or moves the arm; call reset."

    def forget_tracking(self) -> None:
        """Nobody moves the arm by commands now."""
        self._tracking.clear()

    def _note(self, *checks: str) -> None:
        self._ran.update(dict.fromkeys(checks))

    def _named(self, places: tuple[int, ...]) -> str:
        return ", ".join(f"Joint '{self._joints[place]}'" for place in places)
