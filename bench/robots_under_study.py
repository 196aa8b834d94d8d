"""The simulated arm behind different controllers, with a trace of every set-point it was given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

import qgf_sim
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract, JointLimits, Message, Reference
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import FloatArray, JointReading, Observation, PoseReading, Reading
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.robot import load_simulation
from qgf_sim.manipulation import ARM, ManipulationSimulation


@dataclasses.dataclass(frozen=True)
class Sample:
    """One command tick of the arm: set-points and measured positions (6,), rad, before the physics moves on."""

    set_points: FloatArray
    measured: FloatArray


class Robot(Protocol):
    """An arm behind a controller. State: the episode and its trace."""

    name: str
    tick_s: float
    ticks_per_action: int
    trace: list[Sample]

    @property
    def simulation(self) -> qgf_sim.Simulation:
        """The scene, for its reward, its success and a demonstrator."""
        ...

    def reset(self, seed: int) -> None:
        """A new episode; the trace begins anew."""
        ...

    def observe(self) -> Observation:
        """What a policy of this contract sees."""
        ...

    def towards(self, wish: Mapping[str, float]) -> FloatArray:
        """The action (A,) in [-1, 1] that asks for a tool pose and a finger position, by name."""
        ...

    def play(self, action: FloatArray) -> None:
        """Plays an action (A,) in [-1, 1] for one control period."""
        ...

    def tool(self) -> FloatArray:
        """Where the tool really is (3,), m."""
        ...


class GateRobot:
    """The arm behind our command gate: what is collected, evaluated and deployed."""

    def __init__(self, name: str, contract: Contract, task: str) -> None:
        self.name = name
        self.tick_s, self.ticks_per_action = contract.tick_ns * 1e-9, contract.ticks_per_action
        self.trace: list[Sample] = []
        self._loop = ClosedLoop(contract, task)
        self._kinematics = Kinematics(contract)

    @property
    def simulation(self) -> qgf_sim.Simulation:
        return self._loop.simulation

    def reset(self, seed: int) -> None:
        self._loop.reset(seed)
        self.trace = []

    def observe(self) -> Observation:
        return self._loop.observe()

    def towards(self, wish: Mapping[str, float]) -> FloatArray:
        space = self._loop.gate.action_space
        return space.normalised(space.delta_to(wish, self._loop.commanded(), self._loop.measured()))

    def play(self, action: FloatArray) -> None:
        physical = self._loop.gate.action_space.physical(action)
        self._loop.load(physical[None], self.simulation.time_ns + 1)
        for _ in range(self.ticks_per_action):
            measured = self._loop.measured()
            self._loop.tick()
            commanded = self._loop.commanded()
            self.trace.append(Sample(_arm(commanded), _arm(measured)))

    def tool(self) -> FloatArray:
        return self._kinematics.tool(self._loop.measured())[0]


class OgbenchRobot:
    """The arm behind OGBench's own controller: deltas from the measured pose, set-points that jump once a period."""

    def __init__(self, name: str, contract: Contract, task: str) -> None:
        simulation = load_simulation(task)
        if not isinstance(simulation, ManipulationSimulation):
            raise InvalidSetting("task", task, "a task of OGBench")
        self.name = name
        self.tick_s, self.ticks_per_action = contract.tick_ns * 1e-9, contract.ticks_per_action
        self.trace: list[Sample] = []
        self._simulation = simulation
        self._contract = contract
        self._kinematics = Kinematics(contract)
        measured = dataclasses.replace(contract.interface.action, reference=Reference.MEASURED)
        interface = dataclasses.replace(contract.interface, action=measured)
        self._space = ActionSpace(dataclasses.replace(contract, interface=interface), self._kinematics)
        self._assembler = Assembler(contract, self._kinematics)

    @property
    def simulation(self) -> qgf_sim.Simulation:
        return self._simulation

    def reset(self, seed: int) -> None:
        self._simulation.reset(seed)
        self.trace = []

    def observe(self) -> Observation:
        now_ns, poses = self._simulation.time_ns, self._simulation.poses()
        readings: dict[str, Reading] = {}
        for entry in self._contract.interface.inputs:
            if entry.message is Message.POSE:
                pose = poses[entry.name]
                readings[entry.name] = PoseReading(now_ns, pose.frame, pose.position, pose.quat_wxyz)
            else:
                readings[entry.name] = self._joints(commanded=entry.message is Message.COMMAND)
        return self._assembler.assemble(readings, now_ns)

    def towards(self, wish: Mapping[str, float]) -> FloatArray:
        measured = self._measured()
        return self._space.normalised(self._space.delta_to(wish, measured, measured))

    def play(self, action: FloatArray) -> None:
        measured = _arm(self._measured())
        self._simulation.scene.step(np.clip(action, -1.0, 1.0))
        sample = Sample(self._set_points(), measured)
        self.trace += [sample] * self.ticks_per_action

    def tool(self) -> FloatArray:
        return self._kinematics.tool(self._measured())[0]

    def _measured(self) -> dict[str, float]:
        state = self._simulation.joint_state()
        return dict(zip(state.names, state.positions.tolist(), strict=True))

    def _set_points(self) -> FloatArray:
        scene: Any = self._simulation.scene
        set_points: FloatArray = scene.data.ctrl[scene._arm_actuator_ids].copy()
        return set_points

    def _joints(self, commanded: bool) -> JointReading:
        state, scene = self._simulation.joint_state(), self._simulation.scene
        if not commanded:
            return JointReading(
                self._simulation.time_ns, state.names, state.positions, state.velocities, state.efforts
            )
        finger = scene.data.ctrl[scene._gripper_actuator_ids] / 255.0 * 0.8
        names = (*ARM, state.names[-1])
        return JointReading(
            self._simulation.time_ns,
            names,
            np.concatenate([self._set_points(), finger]),
            np.zeros(7),
            np.zeros(0),
        )


def without_limits(contract: Contract) -> Contract:
    """The contract with the widest limits that Ruckig plans reliably: a target is reached within one or two ticks."""
    wide = {
        joint: JointLimits(limits.lower, limits.upper, velocity=1e3, acceleration=1e5, jerk=1e8)
        for joint, limits in contract.deployment.limits.items()
    }
    return dataclasses.replace(contract, deployment=dataclasses.replace(contract.deployment, limits=wide))


def with_reference(contract: Contract, reference: Reference) -> Contract:
    """The contract with deltas from another pose."""
    action = dataclasses.replace(contract.interface.action, reference=reference)
    return dataclasses.replace(contract, interface=dataclasses.replace(contract.interface, action=action))


def _arm(positions: Mapping[str, float]) -> FloatArray:
    return np.array([positions[joint] for joint in ARM])
