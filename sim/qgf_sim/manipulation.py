"""The OGBench UR5e tasks with their own scenes and success tests, driven by joint set-points instead of their controller."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

from qgf_sim.payload import Payload
from qgf_sim.rendering import Camera
from qgf_sim.simulation import FloatArray, JointState, Pose

ARM = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
FINGER = "finger_joint"
FINGER_RANGE_RAD = 0.8
FRAME = "base_link"
MAX_STEPS = {"cube-single": 200, "cube-double": 500, "scene": 750, "puzzle-3x3": 500}
TOOL_SITE = "ur5e/robotiq/pinch"


class ManipulationSimulation:
    """One OGBench scene. `goal` 1 to 5 selects a task; None makes the free play in which data are collected."""

    joints: tuple[str, ...] = (*ARM, FINGER)
    control_period_s = 0.05

    def __init__(self, scene: str, goal: int | None) -> None:
        import ogbench.manipspace  # noqa: F401  registers the scenes with gymnasium

        self.name = scene
        self.task = f"{scene}-play" if goal is None else f"{scene}-task{goal}"
        self.max_steps = MAX_STEPS[scene] if goal is not None else 1001
        self._goal = goal
        mode: dict[str, Any] = {"mode": "data_collection"}
        if goal is not None:
            mode = {"mode": "task", "reward_task_id": goal}
        if not scene.startswith("puzzle"):
            mode["permute_blocks"] = False  # every cube has its own goal, as in OGBench's single tasks
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = gymnasium.make(f"{scene}-v0", terminate_at_goal=False, max_episode_steps=None, **mode)
        self.scene: Any = made.unwrapped
        self._buttons = int(getattr(self.scene, "_num_buttons", 0))
        self._camera: Camera | None = None
        self._payload: Payload | None = None

    @property
    def time_ns(self) -> int:
        """Simulated time since the reset."""
        return round(self.scene.data.time * 1e9)

    def reset(self, seed: int) -> None:
        """A new episode. What OGBench leaves over from its settling steps (time, controls, warm start) is cleared."""
        np.random.seed(seed % 2**32)  # the scenes and oracles of ogbench draw from numpy's global generator
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium's, about the precision of bounds that nobody uses
            self.scene.reset(seed=seed)
        model, data = self.scene.model, self.scene.data
        data.qvel[:] = 0.0
        data.qacc_warmstart[:] = 0.0
        data.act[:] = 0.0
        data.time = 0.0
        data.ctrl[self.scene._arm_actuator_ids] = data.qpos[self.scene._arm_joint_ids]
        data.ctrl[self.scene._gripper_actuator_ids] = 0.0
        mujoco.mj_forward(model, data)
        self.scene.pre_step()
        self.scene.post_step()

    def step(self, targets: Mapping[str, float], duration_ns: int) -> None:
        """Holds position set-points (rad) for a whole number of physics steps."""
        model, data = self.scene.model, self.scene.data
        data.ctrl[self.scene._arm_actuator_ids] = [targets[joint] for joint in ARM]
        data.ctrl[self.scene._gripper_actuator_ids] = 255.0 * np.clip(
            targets[FINGER] / FINGER_RANGE_RAD, 0.0, 1.0
        )
        if self._buttons:
            self.scene.pre_step()  # a button is pressed where its travel passes a threshold between two looks
        mujoco.mj_step(model, data, nstep=round(duration_ns * 1e-9 / model.opt.timestep))
        self.scene.post_step()

    def joint_state(self) -> JointState:
        """Arm and finger as a joint_state_broadcaster would publish them."""
        data, model = self.scene.data, self.scene.model
        finger = self.scene._gripper_opening_joint_id
        places = [*model.jnt_qposadr[self.scene._arm_joint_ids], model.jnt_qposadr[finger]]
        dofs = [*model.jnt_dofadr[self.scene._arm_joint_ids], model.jnt_dofadr[finger]]
        return JointState(
            self.joints, data.qpos[places].copy(), data.qvel[dofs].copy(), data.qfrc_actuator[dofs].copy()
        )

    def poses(self) -> dict[str, Pose]:
        """`cube` and `goal`, where it shall be; with several cubes `cube_0`, `goal_0`, `cube_1`, `goal_1`."""
        data, targets = self.scene.data, getattr(self.scene, "_cube_target_mocap_ids", [])
        found = {}
        for index, target in enumerate(targets):
            number, place = "" if len(targets) == 1 else f"_{index}", data.joint(f"object_joint_{index}").qpos
            found[f"cube{number}"] = Pose(FRAME, place[:3].copy(), place[3:].copy())
            found[f"goal{number}"] = Pose(
                FRAME, data.mocap_pos[target].copy(), data.mocap_quat[target].copy()
            )
        return found

    def goal(self) -> Pose | None:
        """The goal of a scene's only cube."""
        return self.poses().get("goal") if self._goal is not None else None

    def set_goal(self, position: FloatArray) -> None:
        """Moves the goal of a scene's only cube. Raises ValueError where there are several, or none, and in free play."""
        if self.goal() is None:
            raise ValueError(f"The task {self.task} has no single goal that could be moved.")
        data, [target] = self.scene.data, self.scene._cube_target_mocap_ids
        data.mocap_pos[target] = position
        mujoco.mj_forward(self.scene.model, data)
        self.scene.post_step()

    def scene_state(self) -> JointState | None:
        """What moves in the scene besides cubes, as perception would report it; None in a scene without such things.

        `button_N`: travel of a button, m; `lamp_N`: whether its light is on, 0 or 1; `drawer`, `window`: opening, m.
        """
        if not self._buttons:
            return None
        data, lamps = self.scene.data, np.asarray(self.scene._cur_button_states, np.float64)
        sliding = {f"button_{index}": f"buttonbox_joint_{index}" for index in range(self._buttons)}
        if self.name == "scene":
            sliding |= {"drawer": "drawer_slide", "window": "window_slide"}
        travels = [float(data.joint(joint).qpos[0]) for joint in sliding.values()]
        speeds = [float(data.joint(joint).qvel[0]) for joint in sliding.values()]
        names = (*sliding, *(f"lamp_{index}" for index in range(self._buttons)))
        still = np.zeros(self._buttons)
        return JointState(
            names, np.array([*travels, *lamps]), np.array([*speeds, *still]), np.zeros(len(names))
        )

    def reward(self) -> float:
        """OGBench's reward of the task: minus the number of things not in place."""
        return float(self.scene.compute_reward())

    def success(self) -> bool:
        """OGBench's success flag."""
        return bool(self.scene._success)

    def state(self) -> tuple[FloatArray, FloatArray]:
        """Generalised positions and velocities of the scene."""
        return self.scene.data.qpos.copy(), self.scene.data.qvel.copy()

    def set_payload(self, kg: float) -> None:
        """Into the gripper's body."""
        if self._payload is None:  # the scene compiles its model at its first reset
            self._payload = Payload(self.scene.model, TOOL_SITE)
        self._payload.set(kg)

    def frame(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """A picture from the front."""
        if self._camera is None:
            self._camera = Camera(self.scene.model, width, height, "front")
        return self._camera.picture(self.scene.data)
