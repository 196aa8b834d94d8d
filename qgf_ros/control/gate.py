"""The one gate through which actions become joint commands: player, action space and limiter, one tick at a
time.

Collection, evaluation and the command node call this class and no other, so that a policy learns what the
robot will really do. It knows no clock and no ROS: time comes in, a command goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.chunk_check import CheckedChunk
from qgf_ros.control.chunk_player import ChunkPlayer, Due
from qgf_ros.control.foresight import Foresight, PathCheck
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits import JointLimiter
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.mover import Mover
from qgf_ros.control.path_speed import PathSpeed, Wish
from qgf_ros.control.placing import MAX_TILT_RAD as MAX_TILT_RAD
from qgf_ros.control.placing import check_near, check_tilt, measured_positions
from qgf_ros.control.played import Played
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.control.seams import SeamWatch
from qgf_ros.control.unattended import Unattended, places_that_go_on
from qgf_ros.datatypes import (
    ActionChunk,
    BegunAction,
    Finding,
    FloatArray,
    JointCommand,
    JointReading,
    Rung,
    Seam,
    Sender,
)
from qgf_ros.errors import ChunkRefused, MotionRefused, ObservationRefused

AT_REST = 1e-9  # rad/s and rad/s2: rounding of the limiter's last sample


class CommandGate:
    """State: the last command, the chunk in play, whether it runs. `reset` comes first. One thread."""

    def __init__(
        self, contract: Contract, kinematics: Kinematics | None, look_ahead: PathCheck | None = None
    ) -> None:
        """`look_ahead` refuses chunks by where they would lead; without one nothing is looked at but limits."""
        self._contract = contract
        self._joints = contract.interface.joints
        self._kinematics, self._look_ahead = kinematics, look_ahead
        self._quick = None if kinematics is None else QuickKinematics(kinematics)
        self.action_space = ActionSpace(contract, kinematics)
        self.player = ChunkPlayer(contract)
        moved = self._joints if kinematics is None else kinematics.joints
        self._arm = np.array([joint in moved for joint in self._joints])
        self._path_speed = PathSpeed(contract.tick_ns * 1e-9)
        self._take(LimitsInForce.of(contract))
        self._targets: FloatArray = np.zeros(len(self._joints))
        self._tick, self._scale = 0, 1.0
        self._is_reset = self._running = False
        self._hold_reason = "not started"

    def _take(self, limits: LimitsInForce) -> None:
        tick_s, ticks = self._contract.tick_ns * 1e-9, self._contract.ticks_per_action
        self.limits = limits
        self._mover = Mover(self._joints, limits, tick_s, self._arm, self._quick)
        self.limiter = self._mover.limiter
        follow = places_that_go_on(self._contract)
        self.unattended = Unattended(self.limiter, self._mover.stops, ticks, follow, self._mover.guard)
        self._foresight = Foresight(self._contract, limits, self._quick, self._look_ahead, self._arm)
        other = JointLimiter(self._joints, limits.joints, tick_s)
        self._seams = SeamWatch(other, np.flatnonzero(self._arm).tolist(), ticks)

    @property
    def is_at_rest(self) -> bool:
        """True when the command stands still."""
        motion = self.limiter.state
        return bool(np.abs([motion.velocities, motion.accelerations]).max() < AT_REST)

    def apply(self, limits: LimitsInForce) -> None:
        """Takes limits (of every joint of the contract, and of the tool) instead of those in force; holds.

        Raises:
            MotionRefused: reason `moving`: the command is not at rest; under other limits its stop was not proven.
            ObservationRefused: reason `limits`: the command stands outside them; those in force stay.
        """
        self._exchange(limits, self.limiter.state.positions if self._is_reset else None)
        if self._is_reset:
            self._targets = self.limiter.state.positions
            self.hold("limits changed")

    def _exchange(self, limits: LimitsInForce, positions: FloatArray | None) -> None:
        """Takes other limits, with the command at rest at `positions` (J,) under them. Raises as `apply`."""
        if self._is_reset and not self.is_at_rest:
            raise MotionRefused("moving", "Limits change only while the arm is at rest: stop it first.")
        before, at = self.limits, self.limiter.state
        self._take(limits)
        if positions is None:
            return
        try:
            self.limiter.reset(positions)
        except ObservationRefused:
            self._take(before)
            self.limiter.go_on_from(at)
            raise

    def reset(self, measured: JointReading, limits: LimitsInForce | None = None) -> None:
        """Begins at rest at the measured positions, holding; under other `limits` if any are given.

        Raises:
            MotionRefused: as for `apply`, where limits are given.
            ObservationRefused: reason `joint`, `shape` or `not_finite` as for `measured`, or `limits` where a joint stands
                outside its limits; the gate stays as it was.
        """
        positions = np.array([self.measured(measured)[joint] for joint in self._joints])
        if limits is None:
            self.limiter.reset(positions)
        else:
            self._exchange(limits, positions)
        self._targets = self.limiter.state.positions
        self._tick = 0
        self._is_reset = True
        self.hold("not started")

    def start(self) -> None:
        """From now on chunks are played; until one comes the arm stays where it is.

        Raises:
            MotionRefused: reason `not_reset` before a `reset`; `tilted` as for `check_tilt`.
        """
        self._check_reset()
        if self._kinematics is not None and self.action_space.uses_tool:
            check_tilt(self._kinematics, self._named(self.limiter.state.positions))
        self._running = True
        self._forget()

    def _check_reset(self) -> None:
        if not self._is_reset:
            raise MotionRefused(
                "not_reset", "The joints have not been read yet: reset the command node first."
            )

    def check_near(self, measured: Mapping[str, float]) -> None:
        """As `placing.check_near`, of the last command under the limits in force."""
        check_near(measured, self._named(self.limiter.state.positions), self.limits.joints)

    def hold(self, reason: str) -> None:
        """From the next tick on, brake to rest and stay, whatever chunks come."""
        self._running = False
        self._hold_reason = reason
        self._forget()

    def drop_chunks(self, sender: Sender) -> None:
        """Forgets all chunks for those of `sender`: until one comes the arm goes on to the target it has, at the path's speed."""
        self.player.ask(sender)
        self._drop()

    def _drop(self) -> None:
        self.player.clear()
        self._seams.clear()
        self._foresight.clear()

    def _forget(self) -> None:
        self._drop()
        self._path_speed.clear()

    @property
    def is_running(self) -> bool:
        """True while chunks are played."""
        return self._running

    @property
    def wants_chunk(self) -> bool:
        """True when the next chunk is due and has not come."""
        return self._running and self.player.wants_chunk

    def load(self, chunk: ActionChunk) -> None:
        """Takes a chunk, which is played when its time has come.

        Raises:
            ChunkRefused: reason `not_running` while the gate holds, else as for `ChunkPlayer.load` and `Foresight.check`.
        """
        if not self._running:
            raise ChunkRefused(
                "not_running", f"The robot holds ({self._hold_reason}): the chunk was not played."
            )
        now = self.limiter.state, self._targets, self._path_speed, self._scale
        checked = self._foresight.check(chunk, self.player, *now)
        self.player.load(chunk)
        self._foresight.keep(chunk, checked, self.player, self._scale)

    def look_again(self, scale: float) -> Finding | None:
        """What the path in play would touch, where it may now be followed at another `scale` than it was looked at for."""
        now = self.limiter.state, self._targets, self._path_speed, scale
        return self._foresight.look_again(self.player, *now)

    @property
    def checked(self) -> CheckedChunk | None:
        """What is known of the chunk in play; None while there is none."""
        return self._foresight.of(self.player)

    def measured(self, reading: JointReading) -> dict[str, float]:
        """Joint positions by name (rad), for the joints of the contract. Raises as `measured_positions`."""
        return measured_positions(reading, self._joints)

    def tick(self, stamp_ns: int, measured: Mapping[str, float], scale: float = 1.0) -> JointCommand:
        """The command for this tick, given the measured joint positions by name (rad).

        `scale` in [0, 1] is how fast the path may be followed, from whoever watches over the robot; at 0 the arm brakes to
        rest and goes on from there when it rises again.

        Raises:
            MotionRefused: reason `not_reset`, before a `reset`: where the arm stands is not known.
            LimiterError: as for `JointLimiter.brake`.
        """
        self._check_reset()
        self._scale = scale
        played = self._play(stamp_ns, measured, scale) if self._running else self._stop()
        self._tick += 1
        return self._command(stamp_ns, played, self._seams.note(played.motion))

    def last_command(self, stamp_ns: int) -> JointCommand:
        """The state of the command without advancing it: what is observed before the first tick."""
        return self._command(stamp_ns, Played(self.limiter.state, Rung.HOLD), None)

    def _stop(self) -> Played:
        motion = self.limiter.brake()
        self._targets = motion.positions
        return Played(motion, Rung.HOLD)

    def _play(self, stamp_ns: int, measured: Mapping[str, float], scale: float) -> Played:
        rung = Rung.CHUNK if self.player.is_fresh else Rung.TAIL
        checked, index = self.checked, self.player.begun
        wishes = [Wish("scale", scale), Wish("chunk_speed", self.player.chunk_speed)]
        peaks = self._mover.velocities
        if checked is not None:
            wishes.append(checked.wish(index))
            peaks = checked.peaks[min(index, len(checked.peaks) - 1)]
        speed, slowed = self._path_speed.next(wishes)
        due = self.player.advance(stamp_ns, speed)
        clamped = () if due is None else self._begin(due, measured)
        motion, more = self._mover.step(self._targets, speed, peaks)
        began = None if due is None else BegunAction(self.action_space.bounded(due.action), due.number)
        return Played(motion, rung, speed, (*slowed, *clamped, *more), began)

    def _begin(self, due: Due, measured: Mapping[str, float]) -> Sequence[Finding]:
        if due.is_seam:
            going_on = self._targets if due.instead_of is None else self._aim(due.instead_of, measured)[0]
            self._seams.begin(self.limiter.state, going_on)
        self._targets, found = self._aim(due.action, measured)
        return found

    def _aim(self, action: FloatArray, measured: Mapping[str, float]) -> tuple[FloatArray, Sequence[Finding]]:
        """Targets (J,) of an action from the present command, rad, and what of it could not be had."""
        target = self.action_space.target(action, self._named(self.limiter.state.positions), measured)
        return np.array([target.positions[joint] for joint in self._joints]), target.findings

    def _named(self, positions: FloatArray) -> dict[str, float]:
        return dict(zip(self._joints, positions.tolist(), strict=True))

    def _command(self, stamp_ns: int, played: Played, seam: Seam | None) -> JointCommand:
        return played.command(stamp_ns, self._tick, self.player, self.wants_chunk, self._hold_reason, seam)
