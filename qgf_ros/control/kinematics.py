"""Forward and inverse kinematics of the arm in a contract, on MuJoCo and mink."""

from __future__ import annotations

from collections.abc import Mapping

import mink
import mujoco
import numpy as np
from pyquaternion import Quaternion

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import ContractError

MAX_ITERATIONS = 20
TOLERANCE = 1e-5  # m and rad together: an order below a cube's tolerance of contact
_SOLVER = "daqp"


class Kinematics:
    """The arm's model. Holds scratch data: use one instance per thread."""

    def __init__(self, contract: Contract) -> None:
        """Raises ContractError where the model lacks the tool site or has a joint that the contract does not name."""
        stated, path = contract.interface.kinematics, contract.model_path
        assert stated is not None and path is not None, "callers check that the contract has kinematics"
        self._model = mujoco.MjModel.from_xml_path(str(path))
        self.joints = tuple(self._model.joint(index).name for index in range(self._model.njnt))
        sites = [self._model.site(index).name for index in range(self._model.nsite)]
        if stated.tool not in sites:
            raise ContractError(contract.path, f"{path.name} has no site '{stated.tool}'", f"it has {', '.join(sites) or 'none'}")
        unknown = [joint for joint in self.joints if joint not in contract.interface.joints]
        if unknown:
            raise ContractError(contract.path, f"{path.name} moves {', '.join(unknown)}", "name these joints in interface.joints")
        self._tool = stated.tool
        self._nominal = Quaternion(np.array(stated.nominal_quat_wxyz)).normalised
        self._configuration = mink.Configuration(self._model)
        self._site = self._model.site(stated.tool).id
        self._task = mink.FrameTask(self._tool, "site", position_cost=1.0, orientation_cost=1.0, lm_damping=1e-6)
        self._limits = [mink.ConfigurationLimit(self._model)]

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """Tool position (3,) in m and yaw in rad, in the base frame.

        Raises:
            KeyError: `positions` lacks a joint of the model.
        """
        data = self._configuration.data
        data.qpos[:] = [positions[joint] for joint in self.joints]
        mujoco.mj_kinematics(self._model, data)
        attitude = Quaternion(matrix=data.site_xmat[self._site].reshape(3, 3), atol=1e-6, rtol=1e-6)
        return data.site_xpos[self._site].copy(), _yaw(attitude * self._nominal.inverse)

    def solve(self, position: FloatArray, yaw: float, start: Mapping[str, float]) -> tuple[dict[str, float], float]:
        """Joint positions that bring the tool to `position` (3,) m and `yaw` rad, from `start`, and the error left.

        The error is the norm of the tool's twist to the target (m and rad); above `TOLERANCE` where the target is out
        of reach, and then the positions are the nearest found.
        """
        attitude = Quaternion(axis=(0.0, 0.0, 1.0), angle=yaw) * self._nominal
        self._task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3(attitude.elements), position))
        self._configuration.update(np.array([start[joint] for joint in self.joints]))
        error = float(np.linalg.norm(self._task.compute_error(self._configuration)))
        for _ in range(MAX_ITERATIONS):
            if error < TOLERANCE:
                break
            velocity = mink.solve_ik(self._configuration, [self._task], 1.0, _SOLVER, damping=1e-9, limits=self._limits)
            self._configuration.integrate_inplace(velocity, 1.0)
            error = float(np.linalg.norm(self._task.compute_error(self._configuration)))
        return dict(zip(self.joints, self._configuration.q.tolist(), strict=True)), error


def _yaw(attitude: Quaternion) -> float:
    w, x, y, z = attitude.elements
    return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
