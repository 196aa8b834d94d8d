"""Whether a hold brakes, an emergency stop is obeyed in time, and a stop stays until a reset."""

from __future__ import annotations

import math

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import Rung
from qgf_ros.verify.bounds import Bounds
from qgf_ros.verify.motion import REST, Before, Found, command_of
from qgf_ros.verify.stop import Stop, shortest_stop
from qgf_ros.verify.violation import What

BRAKING = (Rung.HOLD.value, Rung.STOP.value)
NO_STOP = ("limiter", "exception")  # reasons of a stop that could not even be computed
WAY = 1e-6  # rad, rad/s: a stop that is planned anew every tick
SPARE_TICKS = 2  # the tick at which it begins, and the one that its end falls into


class BrakeWatch:
    """State: the stop that each joint has to make since the hold began, and for how many ticks it has.

    The bound is the shortest stop itself: from the state at which the hold began, each joint's way and speed stay within
    those of the shortest stop under the limits in force, and it rests when that does. Together with the tick before it that
    is v T + v^2 / 2a and what the bounded jerk adds.
    """

    def __init__(self, contract: Contract) -> None:
        self._joints, self._tick_s = contract.interface.joints, contract.tick_ns * 1e-9
        self.forget()

    def forget(self) -> None:
        """Nothing brakes."""
        self._stops: tuple[Stop, ...] = ()
        self._ticks = 0

    def check(self, certificate: Certificate, before: Before | None, bounds: Bounds) -> list[Found]:
        """This tick's command against the stop; `before` is the command of the tick before."""
        if certificate.rung not in BRAKING:
            self.forget()
            return []
        if not self._stops:
            state = before or command_of(certificate)
            self._stops = tuple(
                shortest_stop(q, v, a, limits.acceleration, limits.jerk)
                for q, v, a, limits in zip(
                    state.positions, state.velocities, state.accelerations, bounds.joints, strict=True
                )
            )
        self._ticks += 1
        found: list[Found] = []
        for place, (name, stop) in enumerate(zip(self._joints, self._stops, strict=True)):
            q, v = certificate.positions[place], certificate.velocities[place]
            if not stop.low - WAY <= q <= stop.high + WAY:
                found.append(
                    (
                        What.BRAKE,
                        name,
                        f"the way to rest leads from {stop.low:.9g} to {stop.high:.9g} rad",
                        f"{q:.9g} rad",
                    )
                )
            elif abs(v) > stop.speed + WAY:
                found.append(
                    (What.BRAKE, name, f"braking it may reach {stop.speed:.6g} rad/s", f"{v:.9g} rad/s")
                )
            elif abs(v) > REST and self._ticks > math.ceil(stop.seconds / self._tick_s) + SPARE_TICKS:
                found.append(
                    (
                        What.BRAKE,
                        name,
                        f"it can rest after {stop.seconds:.4g} s",
                        f"{v:.9g} rad/s after {self._ticks} ticks",
                    )
                )
        return found


def check_silence(certificate: Certificate, before: Before | None) -> list[Found]:
    """A tick without a command, after the command `before` if there was one: the arm rests, or no stop could be computed."""
    is_lost = certificate.rung == Rung.STOP.value and certificate.reason in NO_STOP
    if before is None or before.is_at_rest or is_lost:
        return []
    fastest = max(map(abs, before.velocities))
    said = f"none after {fastest:.6g} rad/s ({certificate.rung} {certificate.reason})"
    return [(What.SILENT, "", "a command that moves is followed by another", said)]


class LatchWatch:
    """State: whether the emergency stop is pressed and since how many ticks, whether a stop is latched and was said again."""

    def __init__(self, contract: Contract) -> None:
        self._most = contract.ticks_per_action
        self._pressed = self._is_owed = self._is_latched = self._is_unsaid = False
        self._ticks = 0

    def configure(self) -> None:
        """The node was configured anew: a latched stop stays, and the next tick says so, before anybody can reset it."""
        self._is_unsaid = self._is_latched

    def press(self, pressed: bool) -> None:
        """A word on the topic `emergency_stop`."""
        if pressed and not self._pressed:
            self._is_owed, self._ticks = True, 0
        self._pressed = pressed

    def call(self) -> None:
        """The service: to be obeyed once; a reset needs no release."""
        self._is_owed, self._ticks = True, 0

    def check(self, certificate: Certificate, ticks: int, has_begun_anew: bool) -> list[Found]:
        """This tick's rung; `ticks` that passed since the last one, `has_begun_anew` after a reset."""
        found: list[Found] = []
        is_stopped = certificate.rung == Rung.STOP.value
        if self._is_latched and not is_stopped and (self._is_unsaid or not has_begun_anew):
            found.append((What.LATCH, "", "a stop stays until a reset", f"rung {certificate.rung}"))
        self._is_latched, self._is_unsaid = is_stopped, False
        if is_stopped or (has_begun_anew and not self._pressed):
            self._is_owed = False
        elif self._is_owed or (self._pressed and certificate.rung not in BRAKING):
            self._ticks += ticks
            if self._ticks > self._most:
                expected = f"an emergency stop is obeyed within {self._most} ticks"
                found.append((What.EMERGENCY, "", expected, f"rung {certificate.rung} after {self._ticks}"))
        return found
