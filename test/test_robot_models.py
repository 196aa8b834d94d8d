"""The small kinematic models in config/robots say the same as the simulated robots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("dm_control", reason="needs dm_control: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

pytestmark = pytest.mark.sim

ROBOTS = Path(__file__).parents[1] / "config" / "robots"
SAME_M = 1e-6  # the models round their offsets to eight digits
POSES = 200


def _kinematics(name: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(ROBOTS / name))


def _tool(
    model: mujoco.MjModel, data: mujoco.MjData, places: np.ndarray, site: int, positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Position (3,) m and rotation (9,) of a site at these joint positions."""
    data.qpos[places] = positions
    mujoco.mj_kinematics(model, data)
    return data.site_xpos[site].copy(), data.site_xmat[site].copy()


def _assert_same_tool(ours: mujoco.MjModel, theirs: tuple, mount: np.ndarray) -> None:
    """Compares our only site with theirs (model, data, joint places, site) over random joints."""
    random, data = np.random.default_rng(0), mujoco.MjData(ours)
    for positions in random.uniform(-np.pi, np.pi, (POSES, 6)):
        here, turned = _tool(ours, data, np.arange(6), 0, positions)
        there, turned_there = _tool(*theirs, positions)
        np.testing.assert_allclose(here, there - mount, atol=SAME_M, rtol=0)
        np.testing.assert_allclose(turned, turned_there, atol=SAME_M, rtol=0)


def test_the_ur5e_model_puts_the_pinch_point_where_the_simulated_robot_has_it() -> None:
    from qgf_sim.manipulation import TOOL_SITE, ManipulationSimulation

    simulation = ManipulationSimulation("cube-single", 1)
    simulation.reset(0)
    model, data = simulation.scene.model, simulation.scene.data
    places = model.jnt_qposadr[simulation.scene._arm_joint_ids]
    theirs = (model, data, places, model.site(TOOL_SITE).id)
    _assert_same_tool(_kinematics("ur5e_2f85.xml"), theirs, np.zeros(3))


def test_the_jaco_model_puts_the_pinch_point_where_the_simulated_robot_has_it() -> None:
    from qgf_sim.reach import ReachSimulation

    simulation = ReachSimulation()
    simulation.reset(0)
    theirs = (simulation.model, simulation.data, simulation.dofs[:6], simulation.tool)
    _assert_same_tool(_kinematics("jaco.xml"), theirs, simulation.model.body("jaco_arm/").pos)


@pytest.mark.parametrize("name", sorted(path.name for path in ROBOTS.glob("*.xml")))
def test_a_model_has_the_joints_of_the_contract_that_names_it(name: str) -> None:
    from qgf_ros.contract.load import load_contract

    joints = [_kinematics(name).joint(index).name for index in range(_kinematics(name).njnt)]
    contracts = [load_contract(path) for path in sorted((ROBOTS.parent / "contracts").glob("*.yaml"))]
    users = [contract for contract in contracts if contract.model_path == (ROBOTS / name).resolve()]
    assert users, f"no contract in config/contracts uses {name}"
    assert all(set(joints) <= set(contract.interface.joints) for contract in users)
