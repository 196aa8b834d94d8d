"""A Kinova Jaco that reaches for a point: dm_control's `reach_site_features`, driven by joint set-points.

dm_control's Jaco takes joint velocities. A position loop stands in for the trajectory controller of a real arm: at every
physics step each joint is sent towards its set-point at `POSITION_GAIN` times the error, within the actuator's speed.
Joints bear the names of Kinova's own ROS driver for this arm; `base_link` is the arm's mount, not the world.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
import numpy.typing as npt

from qgf_sim.payload import Payload
from qgf_sim.rendering import Camera
from qgf_sim.simulation import FloatArray, JointState, Pose

ARM = tuple(f"j2n6s300_joint_{number}" for number in range(1, 7))
FINGERS = tuple(f"j2n6s300_joint_finger_{number}" for number in range(1, 4))
FRAME = "base_link"
POSITION_GAIN = 25.0  # 1/s: the loop settles in 40 ms, four times slower than the velocity loop below it
RESET_ATTEMPTS = 10  # dm_control draws start poses until one is reachable and free of contact
TOOL_SITE = "jaco_arm/jaco_hand/pinchsite"
_PLACES = ("jaco_arm/joint_{}", "jaco_arm/jaco_hand/finger_{}")


class ReachSimulation:
    """Episodes begin at a random pose with the hand pointing down, and a random target in dm_control's box.

    In free play (`plays`) the demonstrator also goes elsewhere, and episodes are longer; the rest is the same.
    """

    joints: tuple[str, ...] = (*ARM, *FINGERS)
    control_period_s = 0.05

    def __init__(self, plays: bool = False) -> None:
        from dm_control import composer, manipulation  # noqa: F401  importing manipulation registers its tasks
        from dm_control.manipulation.shared import registry

        self.plays = plays
        self.task = "jaco-reach-play" if plays else "jaco-reach"
        self.max_steps = 1001 if plays else 200  # 10 s is dm_control's own limit
        logging.getLogger("absl").setLevel(
            logging.ERROR
        )  # inverse kinematics that fails is tried again: no news
        self._environment: Any = composer.Environment(
            registry.get_constructor("reach_site_features")(),
            max_reset_attempts=RESET_ATTEMPTS,
            recompile_mjcf_every_episode=False,
        )
        self._environment.reset()  # compiles the model for good
        self.model: mujoco.MjModel = self._environment.physics.model.ptr
        self.data: mujoco.MjData = self._environment.physics.data.ptr
        names = [_PLACES[0].format(number) for number in range(1, 7)] + [
            _PLACES[1].format(number) for number in range(1, 4)
        ]
        self.dofs = np.array([self.model.joint(name).dofadr[0] for name in names])
        self._places = np.array([self.model.joint(name).qposadr[0] for name in names])
        self._actuators = np.array([self.model.actuator(name).id for name in names])
        self.tool = self.model.site(TOOL_SITE).id
        self.target = self.model.site("target_site").id
        self._payload = Payload(self.model, TOOL_SITE)
        self._set_points = np.zeros(len(self.joints))
        self._camera: Camera | None = None

    @property
    def time_ns(self) -> int:
        """Simulated time since the reset."""
        return round(self.data.time * 1e9)

    @property
    def random(self) -> np.random.RandomState:
        """The generator that `reset` seeds; demonstrators draw from it, so that an episode follows from its seed."""
        state: np.random.RandomState = self._environment.random_state
        return state

    @property
    def set_points(self) -> FloatArray:
        """The positions (9,) rad that the joints are held at, in the order of `joints`."""
        return self._set_points.copy()

    def reset(self, seed: int) -> None:
        """A new episode, at rest."""
        self.random.seed(seed % 2**32)
        self._environment.reset()
        self.data.qvel[:] = 0.0
        self.data.qacc_warmstart[:] = 0.0
        self.data.time = 0.0
        self._set_points = self.data.qpos[self._places].copy()
        mujoco.mj_forward(self.model, self.data)

    def step(self, targets: Mapping[str, float], duration_ns: int) -> None:
        """Holds position set-points (rad) for a whole number of physics steps; a joint not named keeps its own."""
        for index, joint in enumerate(self.joints):
            self._set_points[index] = targets.get(joint, self._set_points[index])
        fastest = self.model.actuator_ctrlrange[self._actuators, 1]
        for _ in range(round(duration_ns * 1e-9 / self.model.opt.timestep)):
            speed = POSITION_GAIN * (self._set_points - self.data.qpos[self._places])
            self.data.ctrl[self._actuators] = np.clip(speed, -fastest, fastest)
            mujoco.mj_step(self.model, self.data)
        mujoco.mj_kinematics(self.model, self.data)

    def joint_state(self) -> JointState:
        """Arm and fingers as the driver would publish them."""
        data = self.data
        return JointState(
            self.joints, data.qpos[self._places], data.qvel[self.dofs], data.qfrc_actuator[self.dofs]
        )

    def poses(self) -> dict[str, Pose]:
        """`target`: the point to reach, seen from the arm's mount."""
        return {"target": Pose(FRAME, self.target_position(), np.array([1.0, 0.0, 0.0, 0.0]))}

    def target_position(self) -> FloatArray:
        """The target (3,) m in the arm's frame."""
        return np.asarray(self.data.site_xpos[self.target] - self.mount())

    def goal(self) -> Pose | None:
        """The target, unless it moves by itself as in free play."""
        return None if self.task.endswith("-play") else self.poses()["target"]

    def set_goal(self, position: FloatArray) -> None:
        """As `set_target`. Raises ValueError in free play."""
        if self.goal() is None:
            raise ValueError(f"The task {self.task} has no single goal that could be moved.")
        self.set_target(position)

    def scene_state(self) -> JointState | None:
        """None: nothing moves but the robot."""
        return None

    def set_target(self, position: FloatArray) -> None:
        """Moves the target to a position (3,) m in the arm's frame."""
        self.model.site_pos[self.target] = position + self.mount()
        mujoco.mj_kinematics(self.model, self.data)

    def random_target(self) -> FloatArray:
        """A position (3,) m in the arm's frame from dm_control's own box of targets."""
        box = self.model.site("target_spawn_area")
        return np.asarray(self.random.uniform(box.pos - box.size, box.pos + box.size)) - self.mount()

    def distance(self) -> float:
        """Between tool and target, m."""
        return float(np.linalg.norm(self.data.site_xpos[self.tool] - self.data.site_xpos[self.target]))

    def reward(self) -> float:
        """0 where the task is solved, -1 elsewhere."""
        return 0.0 if self.success() else -1.0

    def success(self) -> bool:
        """True while the tool is inside the target's sphere, where dm_control's reward is full."""
        return self.distance() <= float(self.model.site_size[self.target][0])

    def state(self) -> tuple[FloatArray, FloatArray]:
        """Generalised positions and velocities of the scene."""
        return self.data.qpos.copy(), self.data.qvel.copy()

    def set_payload(self, kg: float) -> None:
        """Into the hand's body."""
        self._payload.set(kg)

    def frame(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """A picture from the front."""
        if self._camera is None:
            self._camera = Camera(self.model, width, height, "front_close")
        return self._camera.picture(self.data)

    def mount(self) -> FloatArray:
        """Where the arm stands in the world (3,) m."""
        return np.asarray(self.model.body("jaco_arm/").pos)
