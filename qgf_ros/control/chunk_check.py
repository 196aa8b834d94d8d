"""Looks at a whole chunk before it is played: where it would lead the arm, how fast, and what of it cannot be had. Ours.

The arm is rolled forward through what is still to be executed of the chunk in play and then through the chunk, action by action,
as the gate would do it at full speed, but without velocity limits: where a velocity would be passed, the path is slowed down
instead of bent. What comes of it is a prediction; the limits are kept by the limiter and the tool guard at every tick.

A chunk of one action is no path: its sender (a demonstrator, a teleoperator) sends the next one a period later. It is neither
slowed down nor refused as unreachable, but clamped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import ruckig

from qgf_ros.contract.schema import Contract
from qgf_ros.control.action_space import UNREACHABLE, ActionSpace
from qgf_ros.control.chunk_player import Upcoming
from qgf_ros.control.limits import Motion
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.path_speed import Wish
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.datatypes import Finding, FloatArray
from qgf_ros.errors import ChunkRefused

FREE = 10.0  # times the velocity limits: a bound that Ruckig needs, and no path comes to
LOOKS = (1 / 3, 2 / 3, 1.0)  # of an action's period: when velocities are looked at
TOOL_SHARE = 0.95  # of the tool's speed: what the path is slowed down to, so that the guard need not step in
FULL = Wish("velocity", 1.0)


@dataclass(frozen=True)
class CheckedChunk:
    """What is known of a chunk before it is played, by the index of its actions; those before `first` are skipped.

    `path` (P, J): where the arm would be at full speed, from `start` (J,), at the end of each action from `first` on, and at last
    at rest, rad. `peaks` (H, J): the highest velocities on the way, rad/s. `needs`: for each action the speed that keeps the limits, and why. `findings` on
    all actions: what would be clipped.
    """

    first: int
    start: FloatArray
    path: FloatArray
    peaks: FloatArray
    needs: tuple[Wish, ...]
    findings: tuple[Finding, ...]

    def wish(self, index: int) -> Wish:
        """The speed that action `index` and the next need: slowing down takes time."""
        return min(self.needs[index : index + 2], key=lambda need: need.speed, default=FULL)


class ChunkCheck:
    """State: scratch data only. One thread."""

    def __init__(
        self,
        contract: Contract,
        limits: LimitsInForce,
        kinematics: QuickKinematics | None,
    ) -> None:
        self._joints = joints = contract.interface.joints
        self._kinematics = kinematics
        self._space = ActionSpace(contract, kinematics)
        self._period_s, self._tick_s = contract.interface.control_period_s, contract.tick_ns * 1e-9
        arm = joints if kinematics is None else kinematics.joints
        self._arm = [joints.index(joint) for joint in arm]
        self._tool_speed = None if limits.tool is None or kinematics is None else limits.tool.speed
        self._lower = np.array([limits.joints[joint].lower for joint in joints])
        self._upper = np.array([limits.joints[joint].upper for joint in joints])
        self._velocities = np.array([limits.joints[joint].velocity for joint in joints])
        self._generator, self._trajectory = ruckig.Ruckig(len(joints)), ruckig.Trajectory(len(joints))
        self._input = ruckig.InputParameter(len(joints))
        self._input.synchronization = ruckig.Synchronization.No
        free = np.where(np.isin(np.arange(len(joints)), self._arm), FREE, 1.0)  # a gripper is never slowed
        self._input.max_velocity = (free * self._velocities).tolist()
        self._input.max_acceleration = [limits.joints[joint].acceleration for joint in joints]
        self._input.max_jerk = [limits.joints[joint].jerk for joint in joints]

    def check(self, upcoming: Upcoming, motion: Motion, targets: FloatArray) -> CheckedChunk:
        """What would become of a chunk, from the last command `motion` on its way to `targets` (J,), rad.

        Raises:
            ChunkRefused: reason `unreachable`: no joint positions bring the tool where the first action wants it.
        """
        motion = self._go(motion, targets, upcoming.ticks_left * self._tick_s)[-1]
        for action in upcoming.committed:
            motion = self._go(motion, self._aim(action, motion)[0], self._period_s)[-1]
        start, is_path = motion.positions, len(upcoming.actions) > 1
        path: list[FloatArray] = []
        found: list[Finding] = []
        needs: list[Wish] = []
        peaks = np.zeros((len(upcoming.actions), len(self._joints)))
        for index, action in enumerate(upcoming.actions):
            if index < upcoming.first:
                needs.append(FULL)
                continue
            targets, clipped = self._aim(action, motion)
            if index == upcoming.first and UNREACHABLE in clipped and is_path:
                sentence = "No joint positions bring the tool where the chunk's first action wants it; it was not played."
                raise ChunkRefused("unreachable", sentence)
            looks = self._go(motion, targets, self._period_s)
            peaks[index] = np.abs([look.velocities for look in looks]).max(axis=0)
            needs.append(self._need(peaks[index], looks) if is_path else FULL)
            found += clipped
            motion = looks[-1]
            path.append(motion.positions)
        return CheckedChunk(
            upcoming.first, start, np.array([*path, targets]), peaks, tuple(needs), tuple(found)
        )

    def targets(self, action: FloatArray, motion: Motion) -> FloatArray:
        """Targets (J,) of an action from the commanded `motion`, rad, inside the position limits."""
        return self._aim(action, motion)[0]

    def _aim(self, action: FloatArray, motion: Motion) -> tuple[FloatArray, tuple[Finding, ...]]:
        named: Mapping[str, float] = dict(zip(self._joints, motion.positions.tolist(), strict=True))
        target = self._space.target(action, named, named)
        positions = np.array([target.positions[joint] for joint in self._joints])
        return np.clip(positions, self._lower, self._upper), target.findings

    def _go(self, motion: Motion, targets: FloatArray, seconds: float) -> list[Motion]:
        """Samples on the way from `motion` to `targets`, the last after so many seconds."""
        self._input.current_position = motion.positions.tolist()
        self._input.current_velocity = motion.velocities.tolist()
        self._input.current_acceleration = motion.accelerations.tolist()
        self._input.target_position = targets.tolist()
        try:
            self._generator.calculate(self._input, self._trajectory)
        except ruckig.RuckigError:  # the limiter brakes there; a prediction stays where it is
            return [motion] * len(LOOKS)
        samples = [self._trajectory.at_time(look * seconds) for look in LOOKS]
        return [Motion(*map(np.array, sample[:3])) for sample in samples]

    def _need(self, peaks: FloatArray, looks: list[Motion]) -> Wish:
        shares = self._velocities[self._arm] / np.maximum(peaks[self._arm], 1e-9)
        place = int(shares.argmin())
        need = Wish("velocity", min(float(shares[place]), 1.0), self._joints[self._arm[place]])
        if self._tool_speed is None or self._kinematics is None:
            return need
        arm = self._arm
        motions = (self._kinematics.tool_motion(look.positions[arm], look.velocities[arm]) for look in looks)
        fastest = max(speed for _, speed in motions)
        share = TOOL_SHARE * self._tool_speed / max(fastest, 1e-9)
        return need if share >= min(need.speed, 1.0) else Wish("tool_speed", share, "tool")
