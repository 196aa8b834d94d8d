"""Robot, gate and assembler in one process: the loop that the ROS graph runs, without ROS.

Collection and evaluation use it; in lockstep the graph gives the same commands, bit by bit (test/ros).
"""

from __future__ import annotations

import numpy as np

import qgf_sim
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import (
    ActionChunk,
    FloatArray,
    JointCommand,
    JointReading,
    Observation,
    PoseReading,
    Reading,
)
from qgf_ros.errors import ContractError, UnknownTaskError
from qgf_ros.inference.demand import Demand

# The input that carries a scene's named scalars; every other input of joint states carries the robot.
SCENE_INPUT = "scene_states"
CLOCK_ROUNDING_NS = 1_000  # a simulation counts time in floating point


def load_simulation(task: str) -> qgf_sim.Simulation:
    """The simulation of a task by name.

    Raises:
        UnknownTaskError: there is no such task.
    """
    if task not in qgf_sim.available():
        raise UnknownTaskError(task, qgf_sim.available())
    return qgf_sim.load(task)


class ClosedLoop:
    """One simulated robot under a contract. State: the simulation, the gate, the last command. One thread."""

    def __init__(self, contract: Contract, task: str) -> None:
        """Loads the task's simulation and the contract's arm.

        Raises:
            UnknownTaskError: there is no such task.
            ContractError: the simulated robot lacks a joint of the contract; or as for `Kinematics`.
        """
        self.contract = contract
        self.simulation = load_simulation(task)
        lacking = [joint for joint in contract.interface.joints if joint not in self.simulation.joints]
        if lacking:
            problem = f"the robot of {task} has no joint {', '.join(lacking)}"
            raise ContractError(contract.path, problem, f"it has {', '.join(self.simulation.joints)}")
        kinematics = Kinematics(contract) if contract.interface.kinematics is not None else None
        self.gate = CommandGate(contract, kinematics)
        self._assembler = Assembler(contract, kinematics)
        self.command: JointCommand

    @property
    def now_ns(self) -> int:
        """Stamp of the present: simulated time, which begins at one tick, since a chunk stamped 0 is none."""
        return self.simulation.time_ns + self.contract.tick_ns

    def reset(self, seed: int) -> None:
        """A new episode from rest, ready for a chunk."""
        self.simulation.reset(seed)
        self.gate.reset(self._joints())
        self.command = self.gate.last_command(self.now_ns)
        self.gate.start()

    def observe(self) -> Observation:
        """The observation of the present state. Raises ObservationRefused as on the robot."""
        now_ns = self.now_ns
        readings: dict[str, Reading] = {}
        for entry in self.contract.interface.inputs:
            if entry.message is Message.COMMAND:
                readings[entry.name] = self._command_reading()
            elif entry.message is Message.POSE:
                readings[entry.name] = self._pose_reading(entry.name)
            else:
                readings[entry.name] = self._scene() if entry.name == SCENE_INPUT else self._joints()
        return self._assembler.assemble(readings, now_ns)

    def commanded(self) -> dict[str, float]:
        """The last joint command by name, rad."""
        return dict(zip(self.contract.interface.joints, self.command.positions.tolist(), strict=True))

    def measured(self) -> dict[str, float]:
        """The measured joints by name, rad."""
        return self.gate.measured(self._joints())

    def demand(self) -> Demand:
        """What the command node's certificate asks for: the next chunk, from an observation of the present state."""
        command, now_ns = self.command, self.now_ns
        horizon, delay = self.contract.execution_horizon, self.contract.deployment.chunks.delay
        return Demand(command.stamp_ns, True, now_ns, command.chunk_stamp_ns, command.begun, horizon, delay)

    def load(self, actions: FloatArray, stamp_ns: int) -> None:
        """Gives the gate a chunk of actions (H, A), physical; what the player takes at once is in play."""
        self.gate.load(ActionChunk(self.contract.interface.action.names, actions, stamp_ns))

    def tick(self) -> JointCommand:
        """One command tick: command, then the simulation moves on under it.

        Raises:
            ContractError: the physics cannot move on by exactly one tick.
        """
        now_ns = self.now_ns
        self.command = self.gate.tick(now_ns, self.measured())
        self.simulation.step(self.commanded(), self.contract.tick_ns)
        passed_ns = self.now_ns - now_ns
        if abs(passed_ns - self.contract.tick_ns) > CLOCK_ROUNDING_NS:
            problem = (
                f"a command tick lasts {self.contract.tick_ns * 1e-6:g} ms, but the simulation moved on by"
            )
            accepted = "take a command_rate_hz whose tick is a whole number of physics steps, such as 100"
            raise ContractError(self.contract.path, f"{problem} {passed_ns * 1e-6:g} ms", accepted)
        return self.command

    def play_action(self) -> list[JointCommand]:
        """The ticks of one control period."""
        return [self.tick() for _ in range(self.contract.ticks_per_action)]

    def _joints(self) -> JointReading:
        state = self.simulation.joint_state()
        return JointReading(self.now_ns, state.names, state.positions, state.velocities, state.efforts)

    def _scene(self) -> JointReading:
        state = self.simulation.scene_state()
        if state is None:
            raise self._not_published(SCENE_INPUT)
        return JointReading(self.now_ns, state.names, state.positions, state.velocities, state.efforts)

    def _pose_reading(self, name: str) -> PoseReading:
        poses = self.simulation.poses()
        if name not in poses:
            raise self._not_published(name)
        pose = poses[name]
        return PoseReading(self.now_ns, pose.frame, pose.position, pose.quat_wxyz)

    def _not_published(self, name: str) -> ContractError:
        task, found = self.simulation.task, [*self.simulation.poses()]
        found += [SCENE_INPUT] if self.simulation.scene_state() is not None else []
        problem = f"the task {task} does not publish the input '{name}'"
        return ContractError(self.contract.path, problem, f"it publishes {', '.join(found) or 'no objects'}")

    def _command_reading(self) -> JointReading:
        joints = self.contract.interface.joints
        return JointReading(
            self.command.stamp_ns, joints, self.command.positions, self.command.velocities, np.zeros(0)
        )
