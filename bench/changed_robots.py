"""Robots that are other than the policy's data: a tool mounted aside, a gripper that follows late, joints that measure wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.collect import record_episode
from qgf_ros.evaluate.demonstrators import Demonstrator, demonstrator_for
from qgf_ros.evaluate.robot import load_simulation
from qgf_sim.manipulation import FINGER, FINGER_RANGE_RAD, TOOL_SITE
from qgf_sim.plant_faults import (
    ControllerLag,
    FaultySimulation,
    JointBias,
    PlantFault,
    PlantMemory,
    SetPoints,
)
from qgf_sim.simulation import FloatArray, JointState

PLAY = "cube-single-play"
MOUNT = "ur5e/robotiq/base_mount"
GOAL_M = (0.5, 0.0, 0.02)  # of cube-single-task2
SLOWNESS = 1.25  # as in the shipped data
NEAR_M = 0.04  # a cube as near as this to its target is in place, as OGBench counts


@dataclass(frozen=True)
class Change:
    """What is other than in the data. `tool_m`: the gripper's place in the flange's frame; `wait_s`: how long who demonstrates there
    keeps still while the gripper closes or opens."""

    fault: PlantFault | None = None
    tool_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    wait_s: float = 0.0


ROBOTS: Mapping[str, Change] = {
    "none": Change(),
    "tool_offset": Change(tool_m=(0.03, 0.0, 0.0)),
    "gripper_delay": Change(ControllerLag((FINGER,), seconds=0.65), wait_s=1.0),
    "joint_bias": Change(JointBias(("shoulder_pan_joint", "elbow_joint", "wrist_1_joint"), offset=0.04)),
    "small_tool_offset": Change(tool_m=(0.0225, 0.0, 0.0)),
}


class ChangedPlant:
    """One fault, for ever. State: what it remembers."""

    payload_kg = 0.0

    def __init__(self, fault: PlantFault) -> None:
        self._fault = fault
        self.reset()

    def reset(self) -> None:
        """A new episode."""
        self._memory = PlantMemory()

    def set_points(self, wanted: Mapping[str, float], now_ns: int) -> SetPoints:
        """The set-points (rad) that reach the drives."""
        return self._fault.set_points(dict(wanted), self._memory, now_ns)

    def measured(self, state: JointState) -> JointState:
        """The joints as the encoders tell them."""
        return self._fault.measured(state)


class ChangedSimulation(FaultySimulation):
    """A cube task on a changed robot; `simulation` is the one that it changes."""

    def __init__(self, task: str, change: Change) -> None:
        self._change = change
        self._usual: FloatArray | None = None
        super().__init__(load_simulation(task), ChangedPlant(change.fault or PlantFault()))

    def reset(self, seed: int) -> None:
        """A new episode. The tool's place is set after the scene has settled, since it plans its own start with the usual tool."""
        self.plant.reset()  # type: ignore[attr-defined]
        scene: Any = self.simulation.scene  # type: ignore[attr-defined]
        if self._usual is not None:
            scene.model.body(MOUNT).pos[:] = self._usual
        super().reset(seed)
        self._usual = scene.model.body(MOUNT).pos.copy()
        scene.model.body(MOUNT).pos[:] = self._usual + np.array(self._change.tool_m)
        mujoco.mj_forward(scene.model, scene.data)
        scene.pre_step()
        scene.post_step()


class SeeingDemonstrator:
    """A demonstrator who sees where the tool really is, as a person does, and asks for as much more as the robot's model is off.

    They show the task: the cube to its goal, then to a random place, in turn. State: `placed`, whether each goal was reached.
    """

    def __init__(self, loop: ClosedLoop, simulation: ChangedSimulation, wait_s: float, noise: float) -> None:
        self._loop, self._scene = loop, simulation.simulation.scene  # type: ignore[attr-defined]
        self._model = kinematics_of(loop.contract)
        self._wait = round(wait_s / loop.contract.interface.control_period_s)
        inner = loop.simulation
        loop.simulation = simulation.simulation  # the oracle looks into the simulation that is changed
        self._wanted: dict[str, float]
        self._inner: Demonstrator = demonstrator_for(loop, noise, SLOWNESS)
        loop.simulation = inner
        self.placed: list[bool] = []

    @property
    def done(self) -> bool:
        """True when the present plan has ended."""
        return self._inner.done

    def reset(self) -> None:
        """Begins from the present state, without a plan."""
        self._has_plan = self._is_task = self._is_closing = False
        self._waits, self._wanted = 0, {}
        self._inner.reset()

    def renew(self) -> None:
        """Takes on a new goal, and keeps whether the last one was reached."""
        data, target = self._scene.data, self._scene._cube_target_mocap_ids[0]
        gap = np.linalg.norm(data.joint("object_joint_0").qpos[:3] - data.mocap_pos[target])
        if self._has_plan:
            self.placed.append(bool(gap <= NEAR_M))
        self._has_plan = True
        self._inner.renew()
        self._is_task = not self._is_task
        if self._is_task:
            data.mocap_pos[target] = GOAL_M
            self._inner.reset()

    def wish(self) -> dict[str, float]:
        """What it wants one control period from now, in the words of the robot's model."""
        wanted = self._kept_still()
        position, yaw = self._model.tool(self._loop.measured())
        true = self._scene.data.site(TOOL_SITE)
        seen = self._scene.compute_ob_info()["proprio/effector_yaw"][0]
        off = position - true.xpos
        turned = (yaw - seen + np.pi) % (2 * np.pi) - np.pi
        return wanted | {
            axis: wanted[axis] + float(amount)
            for axis, amount in zip(("x", "y", "z", "yaw"), (*off, turned), strict=True)
        }

    def _kept_still(self) -> dict[str, float]:
        """What its plan wants, which stands still while the gripper is to close or to open."""
        if self._waits > 0:
            self._waits -= 1
            return self._wanted
        self._wanted = self._inner.wish()
        is_closing = self._wanted[FINGER] > FINGER_RANGE_RAD / 2
        if is_closing != self._is_closing:
            self._is_closing, self._waits = is_closing, self._wait
            self._wanted = self._wanted | {FINGER: FINGER_RANGE_RAD * is_closing}
        return self._wanted


def record(
    contract: Contract, change: Change, path: Path, seeds: range, steps: int, noise: float = 0.1
) -> float:
    """Records demonstrated episodes on a changed robot into one slice; the share of cubes that were put in place."""
    simulation = ChangedSimulation(PLAY, change)
    loop = ClosedLoop(contract, simulation)
    demonstrator = SeeingDemonstrator(loop, simulation, change.wait_s, noise)
    episodes = [record_episode(loop, demonstrator, seed, steps) for seed in seeds]
    arrays = {key: np.concatenate([episode[key] for episode in episodes]) for key in episodes[0]}
    arrays["interface"] = np.array(json.dumps(contract.interface.canonical(), sort_keys=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, allow_pickle=False, **arrays)
    part.replace(path)
    return float(np.mean(demonstrator.placed))
