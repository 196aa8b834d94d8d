"""Whether joint states, clocks and surroundings can be trusted at this tick: one question over all that watches them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.settling import Settling
from qgf_ros.control.watch_away import AwayWatch
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
        self._away, self._settling = AwayWatch(monitor.contract), Settling(monitor.contract)
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
        """The command is placed anew: how it was followed before says nothing. A frozen sensor stays so until it changes."""
        self._frozen.clear()
        self._tracking.clear()
        self._away.clear()
        self._settling.clear()

    def forgive_frozen(self) -> None:
        """The command was placed where the sensors say, after `reading_to_begin`."""
        self._frozen.forgive()

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
        reading = self._undisputed(now_ns)
        self._refuse_frozen(self._frozen.remaining(reading.positions))
        return reading

    def reading_to_begin(self, now_ns: int, commanded: FloatArray, over: Collection[str]) -> JointReading:
        """As `reading`, to place the command there instead of at the last one (J,), rad: a frozen sensor may say so where
        it is no leap. `over`: objections that end with that.
        """
        reading = self._undisputed(now_ns, over)
        is_near = self._away.near(reading.positions, commanded)
        frozen = self._frozen.remaining(reading.positions)
        self._refuse_frozen(tuple(place for place in frozen if not is_near[place]))
        return reading

    def _undisputed(self, now_ns: int, over: Collection[str] = ()) -> JointReading:
        for reason, sentence in self._objections.items():
            if reason not in over:
                self.monitor.forget_future(now_ns)
                raise ObservationRefused(reason, sentence)
        self._note("joint_states", "units")
        return self.monitor.reading(now_ns)

    def _refuse_frozen(self, places: tuple[int, ...]) -> None:
        if places:
            sentence = f"{self._named(places)} stays the same while its command moves."
            raise ObservationRefused("frozen", sentence)

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
        self._refuse_frozen(self._frozen.frozen)

    def lost(self, commanded: FloatArray) -> str:
        """The tick of the last `check_sensor`: a sentence where a joint has been too far from its command for too long, else empty."""
        if self._watches_tracking:
            self._note("tracking")
        self._away.clear()
        lost = self._tracking.lost(self._seen_ns, self.monitor.positions, commanded)
        if not lost:
            return ""
        away = np.abs(self.monitor.positions - commanded)[list(lost)].max()
        return f"{self._named(lost)} stood {away:.3f} from its command: something holds or moves the arm; call reset."

    def away(self, commanded: FloatArray) -> str:
        """As `lost`, where nobody wants motion and the command rests: a sentence where a joint has been elsewhere for too long."""
        self._tracking.clear()
        away = self._away.away(self._seen_ns, self.monitor.positions, commanded)
        if not away:
            return ""
        worst = np.abs(self.monitor.positions - commanded)[list(away)].max()
        sentence = (
            f"{self._named(away)} stands {worst:.3f} from the command, at rest: nothing is sent until reset"
        )
        return f"{sentence}, which takes the measured pose."

    def check_settled(self) -> None:
        """A tick with a good reading, before the command has a place. Raises ObservationRefused, reason `unsettled`."""
        self._settling.check(self.monitor.stamps_ns, self.monitor.positions)

    def unsettle(self) -> None:
        """A tick without a good reading."""
        self._settling.clear()

    def _note(self, *checks: str) -> None:
        self._ran.update(dict.fromkeys(checks))

    def _named(self, places: tuple[int, ...]) -> str:
        return ", ".join(f"Joint '{self._joints[place]}'" for place in places)
