"""Faults of the names in a JointState: shuffled, partial, doubled, exchanged, or not as many as there are values. Ours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qgf_sim.faults import Memory, ValueFault
from qgf_sim.simulation import JointState


def rearranged(state: JointState, order: list[int]) -> JointState:
    """The joints of a state in another order, some left out or repeated; names go with their values."""
    there = [
        index for index in order if index < len(state.positions)
    ]  # another fault may have left fewer than names
    values = (state.positions[there], state.velocities[order], state.efforts[order])
    return JointState(tuple(state.names[index] for index in order), *values)


@dataclass(frozen=True)
class Shuffle(ValueFault):
    """Another order of joints in every message, values with their names: allowed, and nothing may follow from it."""

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        return rearranged(state, memory.random.permutation(len(state.names)).tolist())


@dataclass(frozen=True)
class Partial(ValueFault):
    """The joints named, or the first one, are missing."""

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        missing = self.joints or state.names[:1]
        return rearranged(state, [index for index, name in enumerate(state.names) if name not in missing])


@dataclass(frozen=True)
class Doubled(ValueFault):
    """The joints named, or the first one, are there twice."""

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        doubled = self.joints or state.names[:1]
        again = [index for index, name in enumerate(state.names) if name in doubled]
        return rearranged(state, [*range(len(state.names)), *again])


@dataclass(frozen=True)
class Exchanged(ValueFault):
    """The names of two joints, those named or the first two, are exchanged: every value stands under a wrong name."""

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        one, other = (*self.joints, *state.names)[:2]
        turn = {one: other, other: one}
        return replace(state, names=tuple(turn.get(name, name) for name in state.names))


@dataclass(frozen=True)
class Misshapen(ValueFault):
    """One position fewer than there are names."""

    def joint_state(self, state: JointState, memory: Memory) -> JointState:
        return replace(state, positions=state.positions[:-1])
