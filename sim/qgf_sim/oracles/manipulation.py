"""Demonstrators: where the tool should go next, from the oracles that OGBench ships.

An oracle names an absolute wish (tool x, y, z, yaw and finger), so that any action space can ask for it.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from qgf_sim.manipulation import FINGER, FINGER_RANGE_RAD, ManipulationSimulation


class CubeOracle:
    """Moves cubes to random places for as long as it is asked (OGBench's `play` data), or to the task's goal.

    `slowness` stretches the plan's segments: 1 is OGBench's own 0.4 s, which assumes joints that jump.
    """

    def __init__(self, simulation: ManipulationSimulation, slowness: float = 1.0, noise: float = 0.1) -> None:
        from ogbench.manipspace.oracles.plan.cube_plan import CubePlanOracle

        self._simulation = simulation
        self._scene: Any = simulation.scene
        self._oracle = CubePlanOracle(env=self._scene, segment_dt=0.4 * slowness, noise=noise)

    def reset(self) -> None:
        """Begins a plan from the present state."""
        info = self._info()
        self._oracle.reset(None, info)

    @property
    def done(self) -> bool:
        """True when the plan has ended."""
        return bool(self._oracle.done)

    def renew(self) -> None:
        """Draws a new random goal and plans for it."""
        self._scene.set_new_target(return_info=False, p_stack=0.0)
        self.reset()

    def wish(self) -> dict[str, float]:
        """The tool position (m), yaw (rad) and finger (rad) wanted one control period from now."""
        info = self._info()
        relative = self._oracle.select_action(None, info)
        high = self._scene.action_high
        absolute = np.array(
            [
                *info["proprio/effector_pos"],
                info["proprio/effector_yaw"][0],
                info["proprio/gripper_opening"][0],
            ]
        )
        wanted = absolute + relative * high
        return {
            "x": wanted[0],
            "y": wanted[1],
            "z": wanted[2],
            "yaw": wanted[3],
            FINGER: float(np.clip(wanted[4], 0, 1)) * FINGER_RANGE_RAD,
        }

    def _info(self) -> dict[str, Any]:
        mujoco.mj_rnePostConstraint(self._scene.model, self._scene.data)
        self._scene.pre_step()
        info: dict[str, Any] = self._scene.compute_ob_info()
        if self._scene._mode == "task":
            goal = self._simulation.poses()["goal"]
            info |= {
                "privileged/target_block": 0,
                "privileged/target_block_pos": goal.position,
                "privileged/target_block_yaw": np.zeros(1),
            }
        return info
