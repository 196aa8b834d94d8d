"""Robot, gate and assembler in one process: the loop that the ROS graph runs, without ROS.

Collection and evaluation use it; in lockstep the graph gives the same commands, bit by bit (test/ros).
"""

from __future__ import annotations

import numpy as np

import qgf_sim
from qgf_ros.contract.assemble import Assembler
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.control.look_ahead import look_ahead_of
from qgf_ros.control.watch_tracking import TrackingWatch
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, JointReading, Observation
from qgf_ros.evaluate.robot import SimulatedRobot, load_simulation
from qgf_ros.inference.demand import Demand


class ClosedLoop:
    """One simulated robot under a contract. State: the simulation, the gate, the last command. One thread."""

    def __init__(self, contract: Contract, task: str | qgf_sim.Simulation) -> None:
        """Loads the task's simulation, unless it is given, and the contract's arm.

        Raises:
            UnknownTaskError: there is no such task.
            ContractError: the simulated robot lacks a joint of the contract; or as for `Kinematics`.
        """
        self.contract = contract
        self.simulation = load_simulation(task) if isinstance(task, str) else task
        self._robot = SimulatedRobot(contract, self.simulation)
        kinematics = kinematics_of(contract)
        self.gate = CommandGate(contract, kinematics, look_ahead_of(contract))
        self._assembler = Assembler(contract, kinematics)
        self._tracking = TrackingWatch(contract)
        self.command: JointCommand

    @property
    def now_ns(self) -> int:
        """Stamp of the present: simulated time, which begins at one tick, since a chunk stamped 0 is none."""
        return self._robot.now_ns

    def reset(self, seed: int) -> None:
        """A new episode from rest, ready for a chunk."""
        self.simulation.reset(seed)
        self.gate.reset(self._robot.joints())
        self._tracking.clear()
        self.command = self.gate.last_command(self.now_ns)
        self.gate.start()

    def observe(self) -> Observation:
        """The observation of the present state. Raises ObservationRefused as on the robot."""
        readings = self._robot.readings()
        commands = [
            entry.name for entry in self.contract.interface.inputs if entry.message is Message.COMMAND
        ]
        readings |= dict.fromkeys(commands, self._command_reading())
        return self._assembler.assemble(readings, self.now_ns)

    def commanded(self) -> dict[str, float]:
        """The last joint command by name, rad."""
        return dict(zip(self.contract.interface.joints, self.command.positions.tolist(), strict=True))

    def measured(self) -> dict[str, float]:
        """The measured joints by name, rad."""
        return self.gate.measured(self._robot.joints())

    def demand(self) -> Demand:
        """What the command node's certificate asks for: the next chunk, from an observation of the present state."""
        command, now_ns = self.command, self.now_ns
        horizon, delay = self.contract.execution_horizon, self.contract.deployment.chunks.delay
        return Demand(command.stamp_ns, True, now_ns, command.chunk_stamp_ns, command.begun, horizon, delay)

    def load(self, actions: FloatArray, stamp_ns: int) -> None:
        """Gives the gate a chunk of actions (H, A), physical; what the player takes at once is in play."""
        self.gate.load(ActionChunk(self.contract.interface.action.names, actions, stamp_ns))

    def stop_if_lost(self) -> bool:
        """To be asked at every tick: brakes and holds, as the command session does, once a joint has been away from its command."""
        measured = np.array([*self.measured().values()])
        is_lost = bool(self._tracking.lost(self.now_ns, measured, self.command.positions))
        if is_lost:
            self.gate.hold("tracking")
        return is_lost

    def tick(self) -> JointCommand:
        """One command tick: command, then the simulation moves on under it.

        Raises:
            ContractError: the physics cannot move on by exactly one tick.
        """
        self.command = self.gate.tick(self.now_ns, self.measured())
        self._robot.step(self.commanded())
        return self.command

    def play_action(self) -> list[JointCommand]:
        """The ticks of one control period."""
        return [self.tick() for _ in range(self.contract.ticks_per_action)]

    def _command_reading(self) -> JointReading:
        joints = self.contract.interface.joints
        return JointReading(
            self.command.stamp_ns, joints, self.command.positions, self.command.velocities, np.zeros(0)
        )
