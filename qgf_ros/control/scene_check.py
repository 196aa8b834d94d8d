"""Is a declared scene one in which looking ahead can find anything: this arm, whole, with shapes that may touch?

A look-ahead that is there and sees nothing is worse than none: nobody would know. Ours; docs/adr/0026-look-ahead.md.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np

from qgf_ros.contract.schema import Contract, Kinematics
from qgf_ros.datatypes import BoolArray, FloatArray
from qgf_ros.errors import ContractError
from qgf_ros.mujoco_model import FURTHEST_M, load_model

AWAY_M, AWAY_RAD = 0.005, 0.02  # of the tool's site: what a scene drawn from nominal link lengths may be off
PLACES = 8  # joint positions at which both models are compared, drawn from the whole ranges with a fixed seed


def check_scene(contract: Contract, scene: mujoco.MjModel) -> None:
    """Returns where the contract's scene moves every joint of its arm, stands as its arm does, and has shapes that MuJoCo tests.

    The arm is the kinematic model; without one it is every joint of the contract, and there is nothing to compare it with.

    Raises:
        ContractError: a joint is missing or strange, the tool stands elsewhere than in the kinematic model, or no pair of shapes
            could ever touch.
    """
    path, kinematics = contract.model_path, contract.interface.kinematics
    arm = None if path is None else load_model(path)
    _check_joints(contract, scene, contract.interface.joints if arm is None else _joints(arm))
    if arm is not None and kinematics is not None:
        _check_tool(contract, scene, arm, kinematics)
    if not _tests_a_pair(scene):
        accepted = "some pair of shapes of which a joint moves one must be able to touch (contype, conaffinity, exclude, flag)"
        raise ContractError(contract.path, f"in the scene {_name(contract)} nothing can touch", accepted)


def _check_joints(contract: Contract, scene: mujoco.MjModel, arm: tuple[str, ...]) -> None:
    named, found = contract.interface.joints, _joints(scene)
    strange = [joint for joint in found if joint not in named]
    if strange or scene.nq != len(found) or not found:
        problem = (
            f"the scene {_name(contract)} moves {', '.join(strange) or 'nothing, or by ball and free joints'}"
        )
        raise ContractError(contract.path, problem, f"its hinges and slides must be among {', '.join(named)}")
    if lacking := [joint for joint in arm if joint not in found]:
        problem = f"the scene {_name(contract)} lacks {', '.join(lacking)}"
        raise ContractError(contract.path, problem, f"it must move every joint of the arm: {', '.join(arm)}")


def _check_tool(
    contract: Contract, scene: mujoco.MjModel, arm: mujoco.MjModel, kinematics: Kinematics
) -> None:
    tool, scene_name = kinematics.tool, _name(contract)
    if tool not in [scene.site(index).name for index in range(scene.nsite)]:
        accepted = f"give it the tool's site as in {kinematics.model}, so that both arms can be compared"
        raise ContractError(contract.path, f"the scene {scene_name} has no site '{tool}'", accepted)
    for positions in _places(contract):
        place, attitude = _tool(scene, tool, positions)
        expected, expected_attitude = _tool(arm, tool, positions)
        away_m = float(np.linalg.norm(place - expected))
        cosine = (np.trace(attitude.T @ expected_attitude) - 1.0) / 2.0
        away_rad = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
        if away_m > AWAY_M or away_rad > AWAY_RAD:
            model = contract.model_path.name if contract.model_path is not None else kinematics.model
            problem = f"'{tool}' of the scene {scene_name} stands {away_m:.3g} m and {away_rad:.3g} rad from that of {model}"
            accepted = f"at equal joint positions at most {AWAY_M:g} m and {AWAY_RAD:g} rad are allowed: is it the same arm, placed alike?"
            raise ContractError(contract.path, problem, accepted)


def _places(contract: Contract) -> list[dict[str, float]]:
    """Joint positions within the contract's ranges, rad or m by name."""
    limits = contract.deployment.limits
    lower, upper = np.array([(limits[joint].lower, limits[joint].upper) for joint in limits]).T
    drawn = np.random.default_rng(0).uniform(lower, upper, (PLACES, len(limits)))
    return [dict(zip(limits, row.tolist(), strict=True)) for row in drawn]


def _tool(model: mujoco.MjModel, tool: str, positions: dict[str, float]) -> tuple[FloatArray, FloatArray]:
    """Where the site stands, (3,) m, and its attitude (3, 3), in the model's world."""
    data = mujoco.MjData(model)
    data.qpos[:] = [positions[joint] for joint in _joints(model)]
    mujoco.mj_kinematics(model, data)
    site = data.site(tool)
    return site.xpos.copy(), site.xmat.reshape(3, 3).copy()


def _tests_a_pair(scene: mujoco.MjModel) -> bool:
    """Whether MuJoCo looks at any pair of shapes of which a joint moves one.

    MuJoCo itself is asked, with every shape a ball so large that whatever it looks at touches: its rules are many.
    """
    large = copy.copy(scene)
    large.geom_type[:] = mujoco.mjtGeom.mjGEOM_SPHERE
    large.geom_size[:] = large.geom_rbound[:] = 2 * FURTHEST_M
    large.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE  # it knows the shapes' true sizes
    data = mujoco.MjData(large)
    mujoco.mj_kinematics(large, data)
    mujoco.mj_collision(large, data)
    is_moved: BoolArray = scene.body_weldid[scene.geom_bodyid] != 0
    return any(is_moved[contact.geom].any() for contact in data.contact)


def _joints(model: mujoco.MjModel) -> tuple[str, ...]:
    return tuple(model.joint(index).name for index in range(model.njnt))


def _name(contract: Contract) -> str:
    return "" if contract.scene_path is None else contract.scene_path.name
