"""The arm's kinematics for looking ahead: the same answers as `Kinematics`, by Newton's method, in a fraction of the time.

Commands are made with `Kinematics`, which every policy learnt through. What is only foreseen and checked may take this one.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np

from qgf_ros.control.kinematics import TOLERANCE, Kinematics
from qgf_ros.datatypes import FloatArray

ITERATIONS = 6
NEAR = (
    1e-3  # m and rad: from here one more step ends far within `TOLERANCE`, since the error is squared by it
)
DAMPING = 1e-8  # of the least squares: m2 and rad2


class QuickKinematics:
    """The arm's model with scratch data of its own. One thread."""

    def __init__(self, exact: Kinematics) -> None:
        """Of the same model; `exact` is asked where Newton's method comes to no end."""
        self._exact = exact
        self.joints = exact.joints
        self._model, self._site = exact.model, exact.site
        self._data = mujoco.MjData(self._model)
        is_limited = self._model.jnt_limited.astype(bool)
        self._lower = np.where(is_limited, self._model.jnt_range[:, 0], -np.inf)
        self._upper = np.where(is_limited, self._model.jnt_range[:, 1], np.inf)
        self._upright, self._back = exact.nominal_quat_wxyz, np.zeros(4)
        mujoco.mju_negQuat(self._back, self._upright)
        self._jacobian: FloatArray = np.zeros((6, len(self.joints)))
        self._damping: FloatArray = DAMPING * np.eye(6)
        self._quat, self._turned, self._wanted, self._error = (
            np.zeros(4),
            np.zeros(4),
            np.zeros(4),
            np.zeros(6),
        )

    def tool_motion(self, positions: FloatArray, velocities: FloatArray) -> tuple[FloatArray, float]:
        """Tool position (3,) m and speed m/s of the arm's joints at `positions` with `velocities` (n,), in model order."""
        self._place(positions)
        return self._data.site_xpos[self._site].copy(), float(np.linalg.norm(self._jacobian[:3] @ velocities))

    def levers(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Tool position (3,) m of the arm's joints at `positions` (n,), and how far it moves with each, m/rad (n,)."""
        self._place(positions)
        return self._data.site_xpos[self._site].copy(), np.linalg.norm(self._jacobian[:3], axis=0)

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """As `Kinematics.tool`."""
        data = self._data
        data.qpos[:] = [positions[joint] for joint in self.joints]
        mujoco.mj_kinematics(self._model, data)
        mujoco.mju_mat2Quat(self._quat, data.site_xmat[self._site])
        mujoco.mju_mulQuat(self._turned, self._quat, self._back)
        w, x, y, z = self._turned.tolist()
        return data.site_xpos[self._site].copy(), float(
            np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
        )

    def solve(
        self, position: FloatArray, yaw: float, start: Mapping[str, float]
    ) -> tuple[dict[str, float], float]:
        """As `Kinematics.solve`, which is asked where Newton's method comes to no end."""
        mujoco.mju_mulQuat(
            self._wanted, np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]), self._upright
        )
        found = np.array([start[joint] for joint in self.joints])
        for _ in range(ITERATIONS):
            error = self._twist_to(position, found)
            size = float(np.sqrt(error @ error))
            if size < TOLERANCE:
                return dict(zip(self.joints, found.tolist(), strict=True)), size
            jacobian = self._jacobian
            weights = np.linalg.solve(jacobian @ jacobian.T + self._damping, error)
            moved = found + jacobian.T @ weights
            found = np.clip(moved, self._lower, self._upper)
            if size < NEAR and (found == moved).all():
                return dict(zip(self.joints, found.tolist(), strict=True)), size * size
        return self._exact.solve(position, yaw, start)

    def _twist_to(self, position: FloatArray, joints: FloatArray) -> FloatArray:
        """From the tool at `joints` to the wanted pose: (6,) m and rad in the base frame."""
        self._place(joints)
        mujoco.mju_mat2Quat(self._quat, self._data.site_xmat[self._site])
        mujoco.mju_negQuat(self._quat, self._quat)
        mujoco.mju_mulQuat(self._turned, self._wanted, self._quat)
        mujoco.mju_quat2Vel(self._error[3:], self._turned, 1.0)
        self._error[:3] = position - self._data.site_xpos[self._site]
        return self._error

    def _place(self, joints: FloatArray) -> None:
        self._data.qpos[:] = joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_jacSite(self._model, self._data, self._jacobian[:3], self._jacobian[3:], self._site)
