"""Faults of the robot itself: what its controllers do with set-points, what its joints measure, what it carries. Ours.

`FaultySimulation` is any simulation with the plant faults of a `FaultLine` in it. As those of streams (faults.py), a fault is
frozen, and what it remembers while it is active lies in a `PlantMemory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_sim.simulation import FloatArray, JointState, Pose, Simulation

SetPoints = dict[str, float]


@dataclass
class PlantMemory:
    """What a fault remembers from its beginning on: set-points (rad) with when they came (ns)."""

    came: list[tuple[int, SetPoints]] = field(default_factory=list)


@dataclass(frozen=True)
class PlantFault:
    """A fault of the robot. `joints` are those concerned; if empty, those that the fault chooses."""

    joints: tuple[str, ...] = ()

    def concerns(self, joint: str) -> bool:
        """Whether a joint has the fault."""
        return joint in self.joints or not self.joints

    def set_points(self, wanted: SetPoints, memory: PlantMemory, now_ns: int) -> SetPoints:
        """The set-points (rad) that reach the drives when these are `wanted`."""
        return wanted

    def measured(self, state: JointState) -> JointState:
        """The joints as the robot's encoders tell them."""
        return state

    @property
    def payload_kg(self) -> float:
        """What the tool carries more than before."""
        return 0.0


@dataclass(frozen=True)
class ControllerDeactivated(PlantFault):
    """Set-points do not reach the drives, which hold the last ones; when the fault ends, the newest count again."""

    def set_points(self, wanted: SetPoints, memory: PlantMemory, now_ns: int) -> SetPoints:
        if not memory.came:
            memory.came.append((now_ns, dict(wanted)))
        held = memory.came[0][1]
        return {joint: held[joint] if self.concerns(joint) else value for joint, value in wanted.items()}


@dataclass(frozen=True)
class JointStuck(PlantFault):
    """The joints named, or the first one, do not move any more."""

    def set_points(self, wanted: SetPoints, memory: PlantMemory, now_ns: int) -> SetPoints:
        stuck = ControllerDeactivated(self.joints or tuple(wanted)[:1])
        return stuck.set_points(wanted, memory, now_ns)


@dataclass(frozen=True)
class GripperStuck(ControllerDeactivated):
    """The fingers do not move any more."""

    def concerns(self, joint: str) -> bool:
        return joint in self.joints or (not self.joints and "finger" in joint)


@dataclass(frozen=True)
class ControllerLag(PlantFault):
    """Set-points reach the drives `seconds` later."""

    seconds: float = 0.1

    def set_points(self, wanted: SetPoints, memory: PlantMemory, now_ns: int) -> SetPoints:
        memory.came.append((now_ns, dict(wanted)))
        due_ns = now_ns - round(self.seconds * 1e9)
        while len(memory.came) > 1 and memory.came[1][0] <= due_ns:
            memory.came.pop(0)
        late = memory.came[0][1]
        return {joint: late[joint] if self.concerns(joint) else value for joint, value in wanted.items()}


@dataclass(frozen=True)
class JointBias(PlantFault):
    """Encoders are off by `offset` rad: the joints go where they then seem right."""

    offset: float = 0.1

    def set_points(self, wanted: SetPoints, memory: PlantMemory, now_ns: int) -> SetPoints:
        return {joint: value - self.offset * self.concerns(joint) for joint, value in wanted.items()}

    def measured(self, state: JointState) -> JointState:
        off = np.array([self.offset * self.concerns(name) for name in state.names])
        return replace(state, positions=state.positions + off)


@dataclass(frozen=True)
class Payload(PlantFault):
    """The tool carries `kg` more."""

    kg: float = 1.0

    @property
    def payload_kg(self) -> float:
        return self.kg


class Plant(Protocol):
    """The plant faults that are active: what a `FaultLine` offers to a simulation."""

    def set_points(self, wanted: Mapping[str, float], now_ns: int) -> SetPoints: ...

    def measured(self, state: JointState) -> JointState: ...

    @property
    def payload_kg(self) -> float: ...


class FaultySimulation:
    """Another simulation with faults: offers all that `Simulation` promises. State: what it carries, what reached its drives last."""

    def __init__(self, simulation: Simulation, plant: Plant) -> None:
        self.simulation, self.plant = simulation, plant
        self.task, self.joints = simulation.task, simulation.joints
        self.max_steps, self.control_period_s = simulation.max_steps, simulation.control_period_s
        self._own_kg = self._carried_kg = 0.0
        self.reached: SetPoints = {}

    @property
    def time_ns(self) -> int:
        """Simulated time since the reset."""
        return self.simulation.time_ns

    def reset(self, seed: int) -> None:
        """A new episode; whose plant begins its schedule anew must do so before."""
        self.simulation.reset(seed)
        self._carry()

    def step(self, targets: Mapping[str, float], duration_ns: int) -> None:
        """Holds what the plant makes of the set-points (rad)."""
        self._carry()
        self.reached = self.plant.set_points(targets, self.time_ns)
        self.simulation.step(self.reached, duration_ns)

    def joint_state(self) -> JointState:
        """The joints as the encoders tell them."""
        return self.plant.measured(self.simulation.joint_state())

    def poses(self) -> dict[str, Pose]:
        """As the simulation."""
        return self.simulation.poses()

    def goal(self) -> Pose | None:
        """As the simulation."""
        return self.simulation.goal()

    def set_goal(self, position: FloatArray) -> None:
        """As the simulation."""
        self.simulation.set_goal(position)

    def scene_state(self) -> JointState | None:
        """As the simulation."""
        return self.simulation.scene_state()

    def reward(self) -> float:
        """As the simulation."""
        return self.simulation.reward()

    def success(self) -> bool:
        """As the simulation."""
        return self.simulation.success()

    def state(self) -> tuple[FloatArray, FloatArray]:
        """As the simulation: the truth."""
        return self.simulation.state()

    def frame(self, width: int, height: int) -> npt.NDArray[np.uint8]:
        """As the simulation."""
        return self.simulation.frame(width, height)

    def set_payload(self, kg: float) -> None:
        """As the simulation; the plant's faults come on top."""
        self._own_kg = kg
        self._carry()

    def _carry(self) -> None:
        kg = self._own_kg + self.plant.payload_kg
        if kg != self._carried_kg:
            self._carried_kg = kg
            self.simulation.set_payload(kg)
