"""When a fault strikes: the moments of an episode that matter, and how a loop is brought there."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np

from qgf_ros.datatypes import FloatArray, JointCommand, Rung, Sender
from qgf_ros.errors import PhaseNotReachedError
from qgf_ros.evaluate.session_loop import Served, SessionLoop

START_TICK = 10  # the robot stands, and its joint states have agreed for long enough to command it
LONGEST_WAIT_TICKS = 1000
FAST = 1.0  # rad/s of any joint of the arm
SETTLED_TICKS = 25  # past the first chunk
CLOSING = 0.5  # rad/s of the fingers
CLOSED = 0.3  # rad: the fingers are about the cube
STEERED = 0.5  # rad/s of any joint of the arm: a person goes more slowly than a policy


class Phase(Enum):
    """A moment of an episode."""

    HOLDING = "holding"  # active, and not started
    FAST = "reaching fast"
    MID_CHUNK = "mid-chunk"  # within an action in the middle of a chunk
    SEAM = "at a seam"  # at the tick after which another chunk is in play
    GRASPING = "grasping"  # the fingers close about the cube
    STEERED = "steered"  # a person has taken over, and moves the arm
    BRAKING = "braking"  # a stop was asked for, and the arm still moves


class Approach:
    """State: the last command, to find seams. One thread."""

    def __init__(self, loop: SessionLoop, after_tick: Callable[[], None] = lambda: None) -> None:
        """`after_tick` is called after each."""
        self._loop, self._after_tick = loop, after_tick
        joints = loop.contract.interface.joints
        self._is_finger = np.array(["finger" in joint for joint in joints])
        self._before: JointCommand | None = None

    def run(self, phase: Phase) -> list[Served]:
        """Serves ticks until the next one lies in the phase; what they gave.

        Raises:
            PhaseNotReachedError: it never does.
        """
        loop, served = self._loop, [self._tick() for _ in range(START_TICK)]
        if phase is Phase.HOLDING:
            return served
        loop.start()
        served += self._until(Phase.FAST if phase is Phase.STEERED else phase)
        if phase is Phase.STEERED:
            loop.session.hand_over(Sender.TELEOP)
            served += self._until(phase)
        if phase is Phase.BRAKING:
            loop.stop()
            served += [self._tick(), self._tick()]
        return served

    def _until(self, phase: Phase) -> list[Served]:
        served = []
        for count in range(LONGEST_WAIT_TICKS):
            self._before = self._loop.command
            served.append(self._tick())
            if count >= SETTLED_TICKS and self._is_reached(phase):
                return served
        raise PhaseNotReachedError(phase.value, LONGEST_WAIT_TICKS)

    def _tick(self) -> Served:
        served = self._loop.tick()
        self._after_tick()
        return served

    def _is_reached(self, phase: Phase) -> bool:
        command = self._loop.command
        if command is None or command.rung is not Rung.CHUNK:
            return False
        arm, finger = self._speeds(command)
        if phase is Phase.STEERED:
            return Sender.of(command.source) is Sender.TELEOP and arm > STEERED
        if phase is Phase.GRASPING:
            closed = command.positions[self._is_finger]
            return finger > CLOSING and bool((closed > CLOSED).all())
        if phase is Phase.SEAM:
            before = self._before
            return before is not None and before.chunk_stamp_ns != command.chunk_stamp_ns
        if phase is Phase.MID_CHUNK:
            return command.begun == 2 and self._before is not None and self._before.begun == 2
        return arm > FAST

    def _speeds(self, command: JointCommand) -> tuple[float, float]:
        """Of the arm's fastest joint, and of the fingers closing, rad/s."""
        velocities: FloatArray = command.velocities
        fingers = velocities[self._is_finger]
        return float(np.abs(velocities[~self._is_finger]).max()), float(fingers.min(initial=np.inf))
