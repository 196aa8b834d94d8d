"""Demonstrators for the UR5e tasks: where the tool should go next, from the oracles that OGBench ships.

An oracle names an absolute wish (tool x, y, z, yaw and finger), so that any action space can ask for it.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from qgf_sim.manipulation import FINGER, FINGER_RANGE_RAD, ManipulationSimulation
from qgf_sim.oracles.goals import next_subgoal
from qgf_sim.simulation import FloatArray

SEGMENT_S = 0.4  # OGBench's own time between two keyframes of a plan
PACE = {"scene": 1.5}  # times that: where a limited arm that lags behind its plan would run into the drawer
STACKING = {
    "cube-single": 0.0,
    "cube-double": 0.25,
    "scene": 0.5,
}  # how often a random goal lies on another cube


class ManipulationOracle:
    """In free play: random goals for as long as it is asked (OGBench's `play` data). In a task: what leads to its goal.

    `slowness` stretches the plan's segments: 1 is OGBench's own 0.4 s, but 0.6 s in the scene with the drawer.
    """

    def __init__(self, simulation: ManipulationSimulation, slowness: float = 1.0, noise: float = 0.1) -> None:
        self._simulation = simulation
        self._scene: Any = simulation.scene
        self._oracles = _oracles(simulation, SEGMENT_S * PACE.get(simulation.name, 1.0) * slowness, noise)
        self._oracle: Any = None

    def reset(self) -> None:
        """Begins a plan from the present state."""
        info = self._info()
        kind = info.get("privileged/target_task")
        self._oracle = self._oracles[kind] if kind is not None else None
        if self._oracle is not None:
            self._oracle.reset(None, info)

    @property
    def done(self) -> bool:
        """True when the plan has ended, or none is needed."""
        return self._oracle is None or bool(self._oracle.done)

    def renew(self) -> None:
        """Draws a new random goal in free play, looks for what is still to do in a task, and plans for it."""
        if self._scene._mode == "data_collection":
            self._scene.set_new_target(return_info=False, p_stack=STACKING.get(self._simulation.name, 0.0))
        self.reset()

    def wish(self) -> dict[str, float]:
        """The tool position (m), yaw (rad) and finger (rad) wanted one control period from now."""
        info = self._info(with_goal=False)
        wanted = _pose(info)
        if self._oracle is not None:
            wanted = wanted + self._oracle.select_action(None, info) * self._scene.action_high
        return _named(wanted)

    def here(self) -> dict[str, float]:
        """The tool and the finger as they are, in the words of `wish`."""
        return _named(_pose(self._info(with_goal=False)))

    def _info(self, with_goal: bool = True) -> dict[str, Any]:
        mujoco.mj_rnePostConstraint(self._scene.model, self._scene.data)
        self._scene.pre_step()
        info: dict[str, Any] = self._scene.compute_ob_info()
        if with_goal and self._scene._mode == "task":
            subgoal = next_subgoal(self._scene, self._scene.np_random)
            info |= {} if subgoal is None else {**subgoal.aim, "privileged/target_task": subgoal.kind}
        return info


def _pose(info: dict[str, Any]) -> FloatArray:
    """Tool position (m), yaw (rad) and the gripper's share of closed (5,)."""
    proprio = (info["proprio/effector_yaw"][0], info["proprio/gripper_opening"][0])
    return np.array([*info["proprio/effector_pos"], *proprio])


def _named(pose: FloatArray) -> dict[str, float]:
    finger = float(np.clip(pose[4], 0, 1)) * FINGER_RANGE_RAD
    return {"x": pose[0], "y": pose[1], "z": pose[2], "yaw": pose[3], FINGER: finger}


def _oracles(simulation: ManipulationSimulation, segment_s: float, noise: float) -> dict[str, Any]:
    from ogbench.manipspace.oracles.plan.button_plan import ButtonPlanOracle
    from ogbench.manipspace.oracles.plan.cube_plan import CubePlanOracle
    from ogbench.manipspace.oracles.plan.drawer_plan import DrawerPlanOracle
    from ogbench.manipspace.oracles.plan.window_plan import WindowPlanOracle

    how: dict[str, Any] = {"env": simulation.scene, "segment_dt": segment_s, "noise": noise}
    puzzle = simulation.name.startswith("puzzle")
    return {
        "cube": CubePlanOracle(**how),
        "button": ButtonPlanOracle(gripper_always_closed=puzzle, **how),
        "drawer": DrawerPlanOracle(**how),
        "window": WindowPlanOracle(**how),
    }
