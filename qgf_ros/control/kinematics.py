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
from qgf_ros.mujoco_model import load_model

MAX_ITERATIONS = 20
TOLERANCE = 1e-5  # m and rad together: far below what an arm repeats
_SOLVER = "daqp"


class Kinematics:
    """The arm's model. Holds scratch data: use one instance per thread."""

    def __init__(self, contract: Contract) -> None:
        """Loads the model that the contract names.

        Raises:
            UnreadableFileError: the model is not one that MuJoCo reads.
            ContractError: it lacks the tool site, has a joint that the contract does not name, one that is
            neither
                hinge nor slide, or the contract's limits are wider than the model's.
        """
        stated, path = contract.interface.kinematics, contract.model_path
        assert stated is not None, "callers check that the contract has kinematics"
        assert path is not None
        self.model = load_model(path)
        self.joints = tuple(self.model.joint(index).name for index in range(self.model.njnt))
        _check_model(contract, self.model, stated.tool)
        self._tool = stated.tool
        self._nominal = Quaternion(np.array(stated.nominal_quat_wxyz)).normalised
        self._configuration = mink.Configuration(self.model)
        self.nominal_quat_wxyz: FloatArray = self._nominal.elements
        self.site = self.model.site(stated.tool).id
        self._task = mink.FrameTask(
            self._tool, "site", position_cost=1.0, orientation_cost=1.0, lm_damping=1e-6
        )
        self._limits = [mink.ConfigurationLimit(self.model)]

    def tool(self, positions: Mapping[str, float]) -> tuple[FloatArray, float]:
        """Tool position (3,) in m and yaw in rad, in the base frame.

        Raises:
            KeyError: `positions` lacks a joint of the model.
        """
        position, turned = self._tool_pose(positions)
        return position, _yaw(turned)

    def _tool_pose(self, positions: Mapping[str, float]) -> tuple[FloatArray, Quaternion]:
        data = self._configuration.data
        data.qpos[:] = [positions[joint] for joint in self.joints]
        mujoco.mj_kinematics(self.model, data)
        attitude = np.empty(4)
        mujoco.mju_mat2Quat(attitude, data.site_xmat[self.site])
        return data.site_xpos[self.site].copy(), Quaternion(attitude) * self._nominal.inverse

    def tilt(self, positions: Mapping[str, float]) -> float:
        """Angle in rad between the tool's attitude and the nearest that an action can ask for: nominal,
        turned by yaw.

        Raises:
            KeyError: `positions` lacks a joint of the model.
        """
        _, turned = self._tool_pose(positions)
        return float(np.arccos(np.clip(turned.rotation_matrix[2, 2], -1.0, 1.0)))

    def solve(
        self, position: FloatArray, yaw: float, start: Mapping[str, float]
    ) -> tuple[dict[str, float], float]:
        """Joint positions that bring the tool to `position` (3,) m and `yaw` rad, from `start`, and the error
        left.

        The error is the norm of the tool's twist to the target (m and rad). Above `TOLERANCE` the target is
        out of reach, and the positions are where the search ended, which may be far from `start`: not to be
        followed.

        Raises:
            KeyError: `start` lacks a joint of the model.
        """
        attitude = Quaternion(axis=(0.0, 0.0, 1.0), angle=yaw) * self._nominal
        self._task.set_target(mink.SE3.from_rotation_and_translation(mink.SO3(attitude.elements), position))
        self._configuration.update(np.array([start[joint] for joint in self.joints]))
        error = float(np.linalg.norm(self._task.compute_error(self._configuration)))
        for _ in range(MAX_ITERATIONS):
            if error < TOLERANCE:
                break
            velocity = mink.solve_ik(
                self._configuration, [self._task], 1.0, _SOLVER, damping=1e-9, limits=self._limits
            )
            self._configuration.integrate_inplace(velocity, 1.0)
            error = float(np.linalg.norm(self._task.compute_error(self._configuration)))
        return dict(zip(self.joints, self._configuration.q.tolist(), strict=True)), error


def kinematics_of(contract: Contract) -> Kinematics | None:
    """The arm's model, where the contract names one. Raises as `Kinematics`."""
    return Kinematics(contract) if contract.interface.kinematics is not None else None


def _check_model(contract: Contract, model: mujoco.MjModel, tool: str) -> None:
    path, name = contract.path, contract.interface.kinematics.model if contract.interface.kinematics else ""
    sites = [model.site(index).name for index in range(model.nsite)]
    if tool not in sites:
        raise ContractError(path, f"{name} has no site '{tool}'", f"it has {', '.join(sites) or 'none'}")
    hinge_or_slide = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    for index in range(model.njnt):
        joint = model.joint(index).name
        if joint not in contract.interface.joints:
            raise ContractError(
                path, f"{name} moves '{joint}'", "interface.joints must name every joint of it"
            )
        if model.jnt_type[index] not in hinge_or_slide:
            raise ContractError(path, f"'{joint}' of {name} is a ball or free joint", "use hinges and slides")
        limits, (lower, upper) = contract.deployment.limits[joint], model.jnt_range[index]
        if model.jnt_limited[index] and not (lower <= limits.lower and limits.upper <= upper):
            problem = f"the limits of '{joint}' are {limits.lower:g} to {limits.upper:g}"
            accepted = f"{name} allows {lower:g} to {upper:g}, and they may only be tighter"
            raise ContractError(path, problem, accepted)


def _yaw(attitude: Quaternion) -> float:
    w, x, y, z = attitude.elements
    return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
