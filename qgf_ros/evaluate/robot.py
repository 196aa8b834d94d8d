"""A simulated robot under a contract: what its sensors would publish now, and what it does under a command for one tick."""

from __future__ import annotations

from collections.abc import Mapping

import qgf_sim
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import JointReading, PoseReading, Reading
from qgf_ros.errors import ContractError, UnknownTaskError

# The input that carries a scene's named scalars; every other input of joint states carries the robot.
SCENE_INPUT = "scene_states"
CLOCK_ROUNDING_NS = 1_000  # a simulation counts time in floating point


def load_simulation(task: str) -> qgf_sim.Simulation:
    """The simulation of a task by name.

    Raises:
        UnknownTaskError: there is no such task.
    """
    check_task(task)
    return qgf_sim.load(task)


def check_task(task: str) -> None:
    """Raises UnknownTaskError where there is no task of this name; loads nothing."""
    if task not in qgf_sim.available():
        raise UnknownTaskError(task, qgf_sim.available())


class SimulatedRobot:
    """One simulated robot. State: the simulation. One thread."""

    def __init__(self, contract: Contract, simulation: qgf_sim.Simulation) -> None:
        """Raises ContractError where the simulated robot lacks a joint of the contract."""
        self.simulation = simulation
        self._contract = contract
        lacking = [joint for joint in contract.interface.joints if joint not in self.simulation.joints]
        if lacking:
            problem = f"the robot of {simulation.task} has no joint {', '.join(lacking)}"
            raise ContractError(contract.path, problem, f"it has {', '.join(self.simulation.joints)}")

    @property
    def now_ns(self) -> int:
        """Stamp of the present: simulated time, which begins at one tick, since a chunk stamped 0 is none."""
        return self.simulation.time_ns + self._contract.tick_ns

    def joints(self) -> JointReading:
        """The measured joints."""
        return joint_reading(self.simulation.joint_state(), self.now_ns)

    def readings(self) -> dict[str, Reading]:
        """Every sensor that the contract names; commands are not among them.

        Raises:
            ContractError: the task does not publish one of them.
        """
        found: dict[str, Reading] = {}
        for entry in self._contract.interface.inputs:
            if entry.message is Message.POSE:
                found[entry.name] = self._pose(entry.name)
            elif entry.message is Message.JOINT_STATE:
                found[entry.name] = self._scene() if entry.name == SCENE_INPUT else self.joints()
        return found

    def step(self, positions: Mapping[str, float]) -> None:
        """One command tick under these set-points, rad by joint name.

        Raises:
            ContractError: the physics cannot move on by exactly one tick.
        """
        before_ns = self.now_ns
        self.simulation.step(positions, self._contract.tick_ns)
        passed_ns = self.now_ns - before_ns
        if abs(passed_ns - self._contract.tick_ns) > CLOCK_ROUNDING_NS:
            problem = f"a command tick lasts {self._contract.tick_ns * 1e-6:g} ms, but the simulation moved on by {passed_ns * 1e-6:g} ms"
            accepted = "take a command_rate_hz whose tick is a whole number of physics steps, such as 100"
            raise ContractError(self._contract.path, problem, accepted)

    def _scene(self) -> JointReading:
        state = self.simulation.scene_state()
        if state is None:
            raise self._not_published(SCENE_INPUT)
        return joint_reading(state, self.now_ns)

    def _pose(self, name: str) -> PoseReading:
        poses = self.simulation.poses()
        if name not in poses:
            raise self._not_published(name)
        return pose_reading(poses[name], self.now_ns)

    def _not_published(self, name: str) -> ContractError:
        task, found = self.simulation.task, [*self.simulation.poses()]
        found += [SCENE_INPUT] if self.simulation.scene_state() is not None else []
        problem = f"the task {task} does not publish the input '{name}'"
        return ContractError(self._contract.path, problem, f"it publishes {', '.join(found) or 'no objects'}")


def joint_reading(state: qgf_sim.JointState, stamp_ns: int) -> JointReading:
    """A state of joints as a reading."""
    return JointReading(stamp_ns, state.names, state.positions, state.velocities, state.efforts)


def pose_reading(pose: qgf_sim.Pose, stamp_ns: int) -> PoseReading:
    """An object's pose as a reading."""
    return PoseReading(stamp_ns, pose.frame, pose.position, pose.quat_wxyz)
