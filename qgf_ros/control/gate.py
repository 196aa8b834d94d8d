"""The one gate through which actions become joint commands: player, action space and limiter, one tick at a
time.

Collection, evaluation and the command node call this class and no other, so that a policy learns what the
robot will really do. It knows no clock and no ROS: time comes in, a command goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.chunk_player import ChunkPlayer, Due
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.path_speed import PathSpeed, Wish, caps
from qgf_ros.control.seams import SeamWatch
from qgf_ros.datatypes import (
    ActionChunk,
    Finding,
    FloatArray,
    JointCommand,
    JointReading,
    Rung,
    Seam,
    Verdict,
)
from qgf_ros.errors import ChunkRefused, MotionRefused, ObservationRefused

AT_REST = 1e-9  # rad/s and rad/s2: rounding of the limiter's last sample
MAX_TILT_RAD = 0.1  # of the tool at the start: what the first action would straighten


@dataclass(frozen=True)
class Played:
    """What one tick did: the motion, where it came from, how fast the path went on, what was found."""

    motion: Motion
    rung: Rung
    speed: float = 1.0
    findings: tuple[Finding, ...] = ()


class CommandGate:
    """State: the last command, the chunk in play, whether it runs. `reset` comes first. One thread."""

    def __init__(self, contract: Contract, kinematics: Kinematics | None) -> None:
        self._contract = contract
        self._joints = contract.interface.joints
        self.action_space = ActionSpace(contract, kinematics)
        self.player = ChunkPlayer(contract)
        self._kinematics = kinematics
        moved = self._joints if kinematics is None else kinematics.joints
        self._arm = np.array([joint in moved for joint in self._joints])
        self._path_speed = PathSpeed(contract.tick_ns * 1e-9)
        self._take(LimitsInForce.of(contract))
        self._targets: FloatArray = np.zeros(len(self._joints))
        self._tick = 0
        self._is_reset = False
        self._running = False
        self._hold_reason = "not started"

    def _take(self, limits: LimitsInForce) -> None:
        tick_s = self._contract.tick_ns * 1e-9
        self.limits = limits
        self.limiter = JointLimiter(self._joints, limits.joints, tick_s)
        self._velocities = np.array([limits.joints[joint].velocity for joint in self._joints])
        self._seams = SeamWatch(
            JointLimiter(self._joints, limits.joints, tick_s),
            np.flatnonzero(self._arm).tolist(),
            self._contract.ticks_per_action,
        )

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
        if self._is_reset and not self.is_at_rest:
            raise MotionRefused("moving", "Limits change only while the arm is at rest: stop it first.")
        before, at = self.limits, self.limiter.state
        self._take(limits)
        if self._is_reset:
            try:
                self.limiter.reset(at.positions)
            except ObservationRefused:
                self._take(before)
                self.limiter.go_on_from(at)
                raise
            self._targets = self.limiter.state.positions
            self.hold("limits changed")

    def reset(self, measured: JointReading) -> None:
        """Begins at rest at the measured positions, holding.

        Raises:
            ObservationRefused: reason `joint`, `shape` or `not_finite` as for `measured`, or `limits` where a
            joint
                stands outside its limits; the gate stays as it was.
        """
        positions = np.array([self.measured(measured)[joint] for joint in self._joints])
        self.limiter.reset(positions)
        self._targets = self.limiter.state.positions
        self._tick = 0
        self._is_reset = True
        self.hold("not started")

    def start(self) -> None:
        """From now on chunks are played; until one comes the arm stays where it is.

        Raises:
            MotionRefused: reason `not_reset` before a `reset`; `tilted` where the tool leans by more than
                `MAX_TILT_RAD`, since the first action would swing it upright whatever it asks for.
        """
        if not self._is_reset:
            raise MotionRefused(
                "not_reset", "The joints have not been read yet: reset the command node first."
            )
        self._check_tilt()
        self._running = True
        self._forget()

    def _check_tilt(self) -> None:
        if self._kinematics is None or not self.action_space.uses_tool:
            return
        tilt = self._kinematics.tilt(self._named(self.limiter.state.positions))
        if tilt > MAX_TILT_RAD:
            sentence = (
                f"The tool leans {np.degrees(tilt):.1f} degrees from the attitude that actions keep; "
                f"bring it within {np.degrees(MAX_TILT_RAD):.1f} degrees by the robot's own means before starting."
            )
            raise MotionRefused("tilted", sentence)

    def check_near(self, measured: Mapping[str, float]) -> None:
        """Returns where the arm (rad, by name) stands at the command: what is sent next is then no jump.

        Raises:
            MotionRefused: reason `away`; a joint is further off than its `start_error`.
        """
        commanded = dict(zip(self._joints, self.limiter.state.positions.tolist(), strict=True))
        for joint, limits in self.limits.joints.items():
            error = abs(measured[joint] - commanded[joint])
            if error > limits.start_error:
                sentence = (
                    f"Joint '{joint}' stands {error:.3f} from the command; {limits.start_error:g} is allowed at a start. "
                    "Something else has moved or stopped the arm: call reset, which takes the measured pose as the command."
                )
                raise MotionRefused("away", sentence)

    def hold(self, reason: str) -> None:
        """From the next tick on, brake to rest and stay, whatever chunks come."""
        self._running = False
        self._hold_reason = reason
        self._forget()

    def _forget(self) -> None:
        self.player.clear()
        self._seams.clear()
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
            ChunkRefused: reason `not_running` while the gate holds, else as for `ChunkPlayer.load`.
        """
        if not self._running:
            raise ChunkRefused(
                "not_running", f"The robot holds ({self._hold_reason}): the chunk was not played."
            )
        self.player.load(chunk)

    def measured(self, reading: JointReading) -> dict[str, float]:
        """Joint positions by name (rad), for the joints of the contract.

        Raises:
            ObservationRefused: reason `joint`, `shape` or `not_finite`.
        """
        names, count = reading.names, len(reading.positions)
        if count != len(names) or len(set(names)) != len(names):
            sentence = f"The joint states have {count} positions for the names {', '.join(names) or 'none'}"
            raise ObservationRefused("shape", f"{sentence}; each joint needs one.")
        found = dict(zip(names, reading.positions.tolist(), strict=True))
        missing = [joint for joint in self._joints if joint not in found]
        if missing:
            sentence = f"The joint states lack {', '.join(missing)}: they name {', '.join(names) or 'none'}."
            raise ObservationRefused("joint", sentence)
        positions = {joint: found[joint] for joint in self._joints}
        if not np.isfinite(list(positions.values())).all():
            raise ObservationRefused("not_finite", "The joint states hold positions that are not finite.")
        return positions

    def tick(self, stamp_ns: int, measured: Mapping[str, float], scale: float = 1.0) -> JointCommand:
        """The command for this tick, given the measured joint positions by name (rad).

        `scale` in [0, 1] is how fast the path may be followed, from whoever watches over the robot; at 0 the arm brakes to
        rest and goes on from there when it rises again.

        Raises:
            MotionRefused: reason `not_reset`, before a `reset`: where the arm stands is not known.
            LimiterError: as for `JointLimiter.brake`.
        """
        if not self._is_reset:
            raise MotionRefused(
                "not_reset", "The joints have not been read yet: reset the command node first."
            )
        played = self._play(stamp_ns, measured, scale) if self._running else self._stop()
        self._tick += 1
        return self._command(stamp_ns, played, self._seams.note(played.motion))

    def _stop(self) -> Played:
        motion = self.limiter.brake()
        self._targets = motion.positions
        return Played(motion, Rung.HOLD)

    def _play(self, stamp_ns: int, measured: Mapping[str, float], scale: float) -> Played:
        rung = Rung.CHUNK if self.player.is_fresh else Rung.TAIL
        wishes = [Wish("scale", scale), Wish("chunk_speed", self.player.chunk_speed)]
        speed, found = self._path_speed.next(wishes)
        due = self.player.advance(stamp_ns, speed)
        if due is not None:
            found += self._begin(due, measured)
        if speed > 0.0:
            slowed = caps(speed, self._velocities, self._velocities, self._arm)
            motion, outside = self.limiter.step(self._targets, slowed)
        else:
            motion, outside = self.limiter.brake(), 0
        found += self._outside(outside)
        return Played(motion, rung, speed, found)

    def _outside(self, count: int) -> tuple[Finding, ...]:
        """A finding for each target beyond its joint's limits, and for a motion that could not be planned."""
        if not count:
            return ()
        limits = [self.limits.joints[joint] for joint in self._joints]
        there = [
            joint
            for joint, limit, target in zip(self._joints, limits, self._targets.tolist(), strict=True)
            if not limit.lower <= target <= limit.upper
        ]
        named = there + [""] * (count - len(there))
        return tuple(Finding(Verdict.CLAMP, "position" if joint else "no_plan", joint) for joint in named)

    def last_command(self, stamp_ns: int) -> JointCommand:
        """The state of the command without advancing it: what is observed before the first tick."""
        return self._command(stamp_ns, Played(self.limiter.state, Rung.HOLD), None)

    def _begin(self, due: Due, measured: Mapping[str, float]) -> tuple[Finding, ...]:
        if due.is_seam:
            going_on = self._targets if due.instead_of is None else self._aim(due.instead_of, measured)[0]
            self._seams.begin(self.limiter.state, going_on)
        self._targets, found = self._aim(due.action, measured)
        return found

    def _aim(
        self, action: FloatArray, measured: Mapping[str, float]
    ) -> tuple[FloatArray, tuple[Finding, ...]]:
        """Targets (J,) of an action from the present command, rad, and how much of it could not be had."""
        target = self.action_space.target(action, self._named(self.limiter.state.positions), measured)
        return np.array([target.positions[joint] for joint in self._joints]), target.findings

    def _named(self, positions: FloatArray) -> dict[str, float]:
        return dict(zip(self._joints, positions.tolist(), strict=True))

    def _command(self, stamp_ns: int, played: Played, seam: Seam | None) -> JointCommand:
        motion, rung = played.motion, played.rung
        return JointCommand(
            stamp_ns=stamp_ns,
            tick=self._tick,
            positions=motion.positions,
            velocities=motion.velocities,
            accelerations=motion.accelerations,
            rung=rung,
            reason=self._hold_reason if rung is Rung.HOLD else "",
            chunk_stamp_ns=self.player.chunk_stamp_ns,
            actions_left=self.player.actions_left,
            wants_chunk=self.wants_chunk,
            clipped=sum(finding.verdict is Verdict.CLAMP for finding in played.findings),
            begun=self.player.begun,
            seam=seam,
            speed=played.speed,
            findings=played.findings,
            source=self.player.source,
        )
