"""The one gate through which actions become joint commands: player, action space and limiter, one tick at a
time.

Collection, evaluation and the command node call this class and no other, so that a policy learns what the
robot will really do. It knows no clock and no ROS: time comes in, a command goes out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.chunk_player import ChunkPlayer, Due
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.control.seams import SeamWatch
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, JointReading, Rung, Seam
from qgf_ros.errors import ChunkRefused, MotionRefused, ObservationRefused

MAX_TILT_RAD = 0.1  # of the tool at the start: what the first action would straighten


class CommandGate:
    """State: the last command, the chunk in play, whether it runs. `reset` comes first. One thread."""

    def __init__(self, contract: Contract, kinematics: Kinematics | None) -> None:
        self._contract = contract
        self._joints = contract.interface.joints
        self.action_space = ActionSpace(contract, kinematics)
        self.player = ChunkPlayer(contract)
        limits, tick_s = contract.deployment.limits, contract.tick_ns * 1e-9
        self.limiter = JointLimiter(self._joints, limits, tick_s)
        arm = self._joints if kinematics is None else kinematics.joints
        places = [place for place, joint in enumerate(self._joints) if joint in arm]
        self._seams = SeamWatch(JointLimiter(self._joints, limits, tick_s), places, contract.ticks_per_action)
        self._targets: FloatArray = np.zeros(len(self._joints))
        self._kinematics = kinematics
        self._tick = 0
        self._is_reset = False
        self._running = False
        self._hold_reason = "not started"

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
        for joint, limits in self._contract.deployment.limits.items():
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

    def tick(self, stamp_ns: int, measured: Mapping[str, float]) -> JointCommand:
        """The command for this tick, given the measured joint positions by name (rad).

        Raises:
            MotionRefused: reason `not_reset`, before a `reset`: where the arm stands is not known.
            LimiterError: as for `JointLimiter.brake`.
        """
        if not self._is_reset:
            raise MotionRefused(
                "not_reset", "The joints have not been read yet: reset the command node first."
            )
        clipped, rung = 0, Rung.HOLD
        if self._running:
            rung = Rung.CHUNK if self.player.is_fresh else Rung.TAIL
            due = self.player.advance(stamp_ns)
            if due is not None:
                clipped += self._begin(due, measured)
            motion, outside = self.limiter.step(self._targets)
            clipped += outside
        else:
            motion = self.limiter.brake()
            self._targets = motion.positions
        self._tick += 1
        return self._command(stamp_ns, motion, rung, clipped, self._seams.note(motion))

    def last_command(self, stamp_ns: int) -> JointCommand:
        """The state of the command without advancing it: what is observed before the first tick."""
        return self._command(stamp_ns, self.limiter.state, Rung.HOLD, 0, None)

    def _begin(self, due: Due, measured: Mapping[str, float]) -> int:
        if due.is_seam:
            going_on = self._targets if due.instead_of is None else self._aim(due.instead_of, measured)[0]
            self._seams.begin(self.limiter.state, going_on)
        self._targets, clipped = self._aim(due.action, measured)
        return clipped

    def _aim(self, action: FloatArray, measured: Mapping[str, float]) -> tuple[FloatArray, int]:
        """Targets (J,) of an action from the present command, rad, and how much of it could not be had."""
        target = self.action_space.target(action, self._named(self.limiter.state.positions), measured)
        positions = np.array([target.positions[joint] for joint in self._joints])
        return positions, target.clipped + (not target.reachable)

    def _named(self, positions: FloatArray) -> dict[str, float]:
        return dict(zip(self._joints, positions.tolist(), strict=True))

    def _command(
        self, stamp_ns: int, motion: Motion, rung: Rung, clipped: int, seam: Seam | None
    ) -> JointCommand:
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
            clipped=clipped,
            begun=self.player.begun,
            seam=seam,
        )
