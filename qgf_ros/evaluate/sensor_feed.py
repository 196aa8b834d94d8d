"""What a simulated robot's sensors publish, as it comes through the faults of their streams."""

from __future__ import annotations

from collections.abc import Iterator

import qgf_sim
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.datatypes import Reading
from qgf_ros.evaluate.robot import SCENE_INPUT, joint_reading, pose_reading
from qgf_sim.fault_line import FaultLine
from qgf_sim.faults import CLOCK, JOINTS, SCENE, Sensed


class SensorFeed:
    """The sensors that a contract names, on the topics on which the simulated robot publishes them. Keeps nothing."""

    def __init__(self, contract: Contract, simulation: qgf_sim.Simulation) -> None:
        self._simulation = simulation
        entries = contract.interface.inputs
        self._joints = [entry.name for entry in entries if entry.message is Message.JOINT_STATE]
        self._objects = [entry.name for entry in entries if entry.message is Message.POSE]
        self._names = {SCENE if name == SCENE_INPUT else JOINTS: name for name in self._joints}
        self._names |= {f"{name}_pose": name for name in self._objects}

    def clock(self, faults: FaultLine, now_ns: int) -> int | None:
        """What the clock says at `now_ns`; None where it says nothing."""
        said = faults.sense(Sensed(CLOCK, now_ns, None))
        return said[-1].stamp_ns if said else None

    def readings(self, faults: FaultLine, stamp_ns: int) -> Iterator[tuple[str, Reading]]:
        """What comes at `stamp_ns`, by the contract's name of the input."""
        for name in self._joints:
            is_scene = name == SCENE_INPUT
            state = self._simulation.scene_state() if is_scene else self._simulation.joint_state()
            for message in faults.sense(Sensed(SCENE if is_scene else JOINTS, stamp_ns, state)):
                yield self._names[message.topic], _reading(message)
        poses = self._simulation.poses() if self._objects else {}
        for name in self._objects:
            for message in faults.sense(Sensed(f"{name}_pose", stamp_ns, poses[name])):
                yield self._names[message.topic], _reading(message)


def _reading(message: Sensed) -> Reading:
    value = message.value
    if isinstance(value, qgf_sim.Pose):
        return pose_reading(value, message.stamp_ns)
    assert isinstance(value, qgf_sim.JointState), "only the clock has no value"
    return joint_reading(value, message.stamp_ns)
