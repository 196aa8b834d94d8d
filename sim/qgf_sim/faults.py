"""Faults of sensor streams: each takes a message that is about to leave and gives what leaves now, if anything. Ours.

A message is plain values (`Sensed`), so that the same faults serve the simulator's node and a loop in one process. A fault is
frozen; what it must remember while it is active lies in a `Memory` that its `FaultLine` keeps (fault_line.py).
docs/faults.md lists what each does and what has to follow from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from qgf_sim.simulation import FloatArray, JointState, Pose

JOINTS = "joint_states"
SCENE = "scene_states"
CLOCK = "clock"  # a message without a value
EVERY = "*"  # every topic


@dataclass(frozen=True)
class Sensed:
    """A message that is about to leave: its topic, its stamp, and its value; None for the clock's."""

    topic: str
    stamp_ns: int
    value: JointState | Pose | None


@dataclass
class Memory:
    """What a fault remembers from its beginning on: its own random numbers, and messages with when they came (ns)."""

    random: np.random.Generator
    held: list[tuple[int, Sensed]] = field(default_factory=list)


@dataclass(frozen=True)
class StreamFault:
    """A fault of the messages of one topic."""

    topic: str = JOINTS

    def concerns(self, topic: str) -> bool:
        """Whether the messages of a topic pass through this fault; the clock's only where it is named."""
        return topic == self.topic or (self.topic == EVERY and topic != CLOCK)

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        """What leaves at `now_ns` (simulated time) when `message` comes."""
        raise NotImplementedError

    def released(self, memory: Memory) -> list[Sensed]:
        """What was kept back, and leaves when the fault ends."""
        return []


# -- when messages leave -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lost(StreamFault):
    """Nothing leaves. On the clock: time stands."""

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        return []


@dataclass(frozen=True)
class Delay(StreamFault):
    """Each message leaves `seconds` later, as it was; when the fault ends, the rest at once and in order."""

    seconds: float = 0.2

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        memory.held.append((now_ns, message))
        due_ns = now_ns - round(self.seconds * 1e9)
        due = [kept for came_ns, kept in memory.held if came_ns <= due_ns]
        memory.held = memory.held[len(due) :]
        return due

    def released(self, memory: Memory) -> list[Sensed]:
        return [kept for _, kept in memory.held]


@dataclass(frozen=True)
class Drop(StreamFault):
    """Each message is lost with the probability `share`."""

    share: float = 0.5

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        return [] if memory.random.random() < self.share else [message]


@dataclass(frozen=True)
class Duplicate(StreamFault):
    """Each message leaves `times` times."""

    times: int = 2

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        return [message] * self.times


@dataclass(frozen=True)
class Reorder(StreamFault):
    """Of every `length` messages of a topic the newest leaves first and the oldest last."""

    length: int = 2

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        memory.held.append((now_ns, message))
        turned = [kept for _, kept in reversed(memory.held) if kept.topic == message.topic]
        if len(turned) < self.length:
            return []
        memory.held = [entry for entry in memory.held if entry[1].topic != message.topic]
        return turned

    def released(self, memory: Memory) -> list[Sensed]:
        return [kept for _, kept in reversed(memory.held)]


@dataclass(frozen=True)
class Freeze(StreamFault):
    """Values stand as they were at the first message; stamps go on."""

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        if message.topic not in {kept.topic for _, kept in memory.held}:
            memory.held.append((now_ns, message))
        value = next(kept.value for _, kept in memory.held if kept.topic == message.topic)
        return [replace(message, value=value)]


# -- values --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ValueFault(StreamFault):
    """Another value under the same stamp. `joints` are those concerned, all if empty; of no meaning for poses."""

    joints: tuple[str, ...] = ()

    def passed(self, message: Sensed, memory: Memory, now_ns: int) -> list[Sensed]:
        value: JointState | Pose | None = message.value
        if isinstance(value, JointState):
            value = self.joint_state(value, memory)
        elif isinstance(value, Pose):
            value = replace(value, position=self.changed(value.position, memory))
        return [replace(message, value=value)]

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        """The joints with changed positions (rad). Another fault may have left fewer positions than names, or more."""
        named = [*state.names, *[""] * len(state.positions)][: len(state.positions)]
        concerned = np.array([name in self.joints or not self.joints for name in named], dtype=np.bool_)
        changed = self.changed(state.positions, memory)
        return replace(state, positions=np.where(concerned, changed, state.positions))

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        """Positions of joints (rad), or of an object (m), as the fault makes them."""
        return values


@dataclass(frozen=True)
class Noise(ValueFault):
    """Normal noise of standard deviation `std` (rad, m) on positions."""

    std: float = 0.02

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return values + memory.random.normal(0.0, self.std, len(values))


@dataclass(frozen=True)
class Bias(ValueFault):
    """Positions are off by `offset`: rad, or m on every axis."""

    offset: float = 0.1

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return values + self.offset


@dataclass(frozen=True)
class NotANumber(ValueFault):
    """Positions are NaN."""

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return np.full_like(values, math.nan)


@dataclass(frozen=True)
class Infinite(ValueFault):
    """Positions are infinite."""

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return np.full_like(values, math.inf)


@dataclass(frozen=True)
class Degrees(ValueFault):
    """Positions in degrees, as if they were radians."""

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return np.rad2deg(values)


@dataclass(frozen=True)
class PoseBias(ValueFault):
    """An object is seen `offset` (x, y, z, m) away from where it is: another camera pose."""

    topic: str = EVERY
    offset: tuple[float, float, float] = (0.05, 0.0, 0.0)

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        return state

    def changed(self, values: FloatArray, memory: Memory) -> FloatArray:
        return values + np.array(self.offset)
