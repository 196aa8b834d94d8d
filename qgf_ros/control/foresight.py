"""Where what is about to be played leads, and whether it may: each chunk before it is played, and once more at another speed.

A chunk is refused where its way would touch something, or where it would come to rest with the tool outside its box. There the
guard would stop it for good. A chunk that only passes outside is let pass: the guard holds the tool at the edge until an action
leads in again. When the speed that the session allows changes, the way is looked at again, since it is another one; only for
what touches, since the guard keeps the box at every speed.
"""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Contract
from qgf_ros.control.chunk_check import CheckedChunk, ChunkCheck
from qgf_ros.control.chunk_player import ChunkPlayer, Upcoming
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.path_speed import STANDING, PathSpeed
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.control.roll_forward import Leg, RollForward
from qgf_ros.datatypes import ActionChunk, Finding, FloatArray
from qgf_ros.errors import ChunkRefused

MATERIAL = 0.2  # of the greater: where the allowed speed changes by more, the way is looked at again
OUTSIDE = 1e-3  # m: less than that is what a prediction errs by, and the guard keeps


class PathCheck(Protocol):
    """Looks at a predicted path: `control/look_ahead.py`."""

    def check(self, path: FloatArray, start: FloatArray) -> Finding | None:
        """What is wrong with going along `path` (P, J) from `start` (J,), rad; None where nothing is."""
        ...


class Foresight:
    """State: what is known of the chunk in play and of the one that waits, and for which speed that was looked at. One thread."""

    def __init__(
        self,
        contract: Contract,
        limits: LimitsInForce,
        kinematics: QuickKinematics | None,
        look_ahead: PathCheck | None,
        arm: npt.NDArray[np.bool_],
    ) -> None:
        """`arm` (J,) is True for joints that slow down with the path."""
        joints, tick_s = contract.interface.joints, contract.tick_ns * 1e-9
        self._kinematics, self._look_ahead, self._tool = kinematics, look_ahead, limits.tool
        self._ticks = contract.ticks_per_action
        self._velocities = np.array([limits.joints[joint].velocity for joint in joints])
        self._places = [] if kinematics is None else [joints.index(joint) for joint in kinematics.joints]
        self.chunk_check = ChunkCheck(contract, limits, kinematics)
        limiter = JointLimiter(joints, limits.joints, tick_s)
        self._roll = RollForward(limiter, self._velocities, arm, self.chunk_check.targets, tick_s)
        self.clear()

    def clear(self) -> None:
        """There are no chunks."""
        self._checked: dict[int, CheckedChunk] = {}  # by stamp
        self._looked_at = 1.0

    def of(self, player: ChunkPlayer) -> CheckedChunk | None:
        """What is known of the chunk in play; None while there is none, or where it was not looked at."""
        return self._checked.get(player.chunk_stamp_ns)

    def check(
        self,
        chunk: ActionChunk,
        player: ChunkPlayer,
        motion: Motion,
        targets: FloatArray,
        speed: PathSpeed,
        scale: float,
    ) -> CheckedChunk:
        """What is known of a chunk that may be loaded, from the last command `motion` on its way to `targets` (J,), rad.

        `speed` of the path now, and `scale`, what the session allows.

        Raises:
            ChunkRefused: as for `ChunkPlayer.upcoming` and `ChunkCheck.check`; reason `workspace`, or what the look-ahead finds.
        """
        upcoming = player.upcoming(chunk)
        checked = self.chunk_check.check(upcoming, motion, targets)
        if self._look_ahead is None and self._tool is None:
            return checked
        going = self._going_on(player, upcoming, scale)
        legs = [*going, *self._own(upcoming, checked, min(scale, chunk.speed))]
        way, start = checked.path, checked.start
        if speed.is_below_full or any(leg.speed < 1.0 for leg in legs):
            rolled = self._roll.path(legs, motion, targets, copy.copy(speed))
            begun = min(len(going), len(rolled) - 1)
            way, start = rolled[begun:], rolled[begun - 1] if begun else motion.positions
        self._look(way, start)
        if len(chunk.actions) > 1:
            self._check_box(way[-1], motion)
        return checked

    def keep(self, chunk: ActionChunk, checked: CheckedChunk, player: ChunkPlayer, scale: float) -> None:
        """The chunk was loaded."""
        in_play = player.chunk_stamp_ns
        self._checked = {stamp: known for stamp, known in self._checked.items() if stamp == in_play}
        self._checked[chunk.stamp_ns] = checked
        self._looked_at = scale

    def look_again(
        self, player: ChunkPlayer, motion: Motion, targets: FloatArray, speed: PathSpeed, scale: float
    ) -> Finding | None:
        """What the way that is left would touch, where `scale` is another than it was looked at for; None where nothing."""
        is_same = abs(scale - self._looked_at) <= MATERIAL * max(scale, self._looked_at)
        if is_same or self._look_ahead is None or player.is_done:
            return None
        self._looked_at = scale
        if scale < STANDING:
            return None  # nothing is played; when it goes on it is looked at
        waits, upcoming = player.waiting, player.left
        legs = self._going_on(player, upcoming, scale)
        known = None if waits is None else self._checked.get(waits.stamp_ns)
        if waits is not None and known is not None:
            legs += self._own(upcoming, known, min(scale, waits.speed))
        way = self._roll.path(legs, motion, targets, copy.copy(speed))
        return self._look_ahead.check(way, motion.positions)

    def _going_on(self, player: ChunkPlayer, upcoming: Upcoming, scale: float) -> list[Leg]:
        """What is still played of the chunk in play."""
        if player.is_done:
            return []
        known, index = self.of(player), player.begun
        legs = [self._leg(known, index, upcoming.ticks_left, None, min(scale, player.chunk_speed))]
        unbegun = index + (upcoming.ticks_left > 0.0)
        for place, action in enumerate(upcoming.committed, unbegun):
            legs.append(self._leg(known, place, float(self._ticks), action, min(scale, player.chunk_speed)))
        return legs

    def _own(self, upcoming: Upcoming, checked: CheckedChunk, most: float) -> list[Leg]:
        """The actions of a chunk, followed at `most` of full speed."""
        places = range(upcoming.first, len(upcoming.actions))
        ticks = float(self._ticks)
        return [self._leg(checked, place, ticks, upcoming.actions[place], most) for place in places]

    def _leg(
        self, known: CheckedChunk | None, place: int, ticks: float, action: FloatArray | None, most: float
    ) -> Leg:
        """What the gate will do while action `place` of a chunk is in force."""
        if known is None:
            return Leg(ticks, action, most, self._velocities)
        peaks = known.peaks[min(place, len(known.peaks) - 1)]
        return Leg(ticks, action, min(most, known.wish(place).speed), peaks)

    def _look(self, way: FloatArray, start: FloatArray) -> None:
        finding = None if self._look_ahead is None else self._look_ahead.check(way, start)
        if finding is not None:
            sentence = f"The chunk would lead to {finding.reason} ({finding.subject}); it was not played."
            raise ChunkRefused(finding.reason, sentence)

    def _check_box(self, end: FloatArray, motion: Motion) -> None:
        """Raises ChunkRefused where the tool would rest at `end` (J,) outside its box, and further out than it is."""
        if self._tool is None or self._kinematics is None:
            return
        here, _ = self._kinematics.levers(motion.positions[self._places])
        there, _ = self._kinematics.levers(end[self._places])
        sides = zip("xyz", here.tolist(), there.tolist(), *self._tool.box, strict=True)
        for axis, now, then, low, high in sides:
            if not min(low, now) - OUTSIDE <= then <= max(high, now) + OUTSIDE:
                found = f"{axis} {then:.3f} m, {low:g} to {high:g} are allowed"
                sentence = f"The chunk would end with the tool outside its box ({found}); it was not played."
                raise ChunkRefused("workspace", sentence)
