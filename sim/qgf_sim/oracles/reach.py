"""A demonstrator for the Jaco's reach: damped least squares from the hand's error to joint set-points."""

from __future__ import annotations

import mujoco
import numpy as np
import numpy.typing as npt

from qgf_sim.reach import ARM, ReachSimulation

ATTITUDE_WEIGHT_M = 0.1  # a radian of tilt counts as much as this distance: reaching comes first
DAMPING_M = 0.05  # of the least squares: bounds the joints' motion near singular poses
ARRIVED_M = 0.03  # from the point aimed at
DWELL = 4  # control periods at the point aimed at before the plan counts as done
JOINT_STEP_RAD = 0.1  # how far ahead of the present set-points a wish may lie
NOISE_MEMORY = 0.9  # correlation of the noise from one control period to the next: about half a second
TOOL_STEP_M = 0.08
WANDER = 0.7  # in free play, the share of aims that are not the target


class ReachOracle:
    """Leads the tool to the target with the hand pointing down, then (`renew`) to another.

    In free play it mostly aims at other points and comes to the target now and then: data in which what to do must be
    told from what was done.

    `noise` is a fraction of `JOINT_STEP_RAD`: standard deviation of a slowly wandering push on every joint. `slowness`
    above 1 shortens the steps.
    """

    def __init__(self, simulation: ReachSimulation, slowness: float = 1.0, noise: float = 0.1) -> None:
        self._simulation = simulation
        self._step_rad = JOINT_STEP_RAD / slowness
        self._noise = noise
        self._scratch = mujoco.MjData(simulation.model)
        self._push = np.zeros(len(ARM))
        self._attitude = np.eye(3)
        self._at_aim = 0
        self._aim: npt.NDArray[np.float64] | None = None  # None: the target

    @property
    def done(self) -> bool:
        """True when the tool has been at the point aimed at for a while."""
        return self._at_aim >= DWELL

    def reset(self) -> None:
        """Begins a plan from the present state: the hand keeps its present attitude."""
        self._attitude = self._simulation.data.site_xmat[self._simulation.tool].reshape(3, 3).copy()
        self._push = self._simulation.random.normal(size=len(ARM))
        self._take_aim()

    def renew(self) -> None:
        """Draws a new target where the last was aimed at, and a new aim."""
        if self._aim is None:
            self._simulation.set_target(self._simulation.random_target())
        self._take_aim()

    def wish(self) -> dict[str, float]:
        """Joint positions (rad) wanted one control period from now."""
        at_aim = float(np.linalg.norm(self._way(self._simulation.data))) <= ARRIVED_M
        self._at_aim = self._at_aim + 1 if at_aim else 0
        fresh = self._simulation.random.normal(size=len(ARM))
        self._push = NOISE_MEMORY * self._push + np.sqrt(1.0 - NOISE_MEMORY**2) * fresh
        change = self._towards_aim() + self._noise * self._step_rad * self._push
        change *= min(1.0, self._step_rad / float(np.max(np.abs(change))))
        wanted = self._simulation.set_points[: len(ARM)] + change
        return dict(zip(ARM, wanted.tolist(), strict=True))

    def _take_aim(self) -> None:
        elsewhere = self._simulation.plays and self._simulation.random.uniform() < WANDER
        self._aim = self._simulation.random_target() if elsewhere else None
        self._at_aim = 0

    def _way(self, data: mujoco.MjData) -> npt.NDArray[np.float64]:
        """From the tool to the point aimed at (3,) m."""
        goal = self._simulation.target_position() if self._aim is None else self._aim
        return np.asarray(goal + self._simulation.mount() - data.site_xpos[self._simulation.tool])

    def _towards_aim(self) -> npt.NDArray[np.float64]:
        """The change of the arm's set-points (6,) rad: J' (J J' + damping^2)^-1 error, weighted, at the set-points."""
        simulation, model, data = self._simulation, self._simulation.model, self._scratch
        data.qpos[:] = simulation.data.qpos
        data.qpos[simulation.dofs] = simulation.set_points
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        way = self._way(data)
        way = way * min(1.0, TOOL_STEP_M / max(float(np.linalg.norm(way)), 1e-9))
        tilt = _rotation_vector(self._attitude @ data.site_xmat[simulation.tool].reshape(3, 3).T)
        moves, turns = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacSite(model, data, moves, turns, simulation.tool)
        arm = simulation.dofs[: len(ARM)]
        jacobian = np.vstack([moves[:, arm], ATTITUDE_WEIGHT_M * turns[:, arm]])
        error = np.concatenate([way, ATTITUDE_WEIGHT_M * tilt])
        return np.asarray(
            jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + DAMPING_M**2 * np.eye(6), error)
        )


def _rotation_vector(rotation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Axis times angle (3,) rad of a rotation matrix (3, 3)."""
    quat_wxyz, vector = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quat_wxyz, rotation.reshape(9))
    mujoco.mju_quat2Vel(vector, quat_wxyz, 1.0)
    return vector
