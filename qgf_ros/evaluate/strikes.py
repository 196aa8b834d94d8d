"""What can be done to a running loop: a fault is injected, a chunk is spoiled, the operator acts, a message comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from qgf_ros.datatypes import ActionChunk
from qgf_ros.evaluate.session_loop import FULL_SPEED, SessionLoop
from qgf_ros.evaluate.sources import ChunkSource, Wish
from qgf_sim.fault_line import read_fault

Spoil = Callable[[ActionChunk], list[ActionChunk]]


class Interfered:
    """Another source, whose chunks are changed on their way while somebody interferes. One thread."""

    def __init__(self, source: ChunkSource) -> None:
        self._source = source
        self._spoil: Spoil | None = None
        self._insert: Callable[[Wish], ActionChunk] | None = None
        self.has_struck = False

    def reset(self, seed: int) -> None:
        """A new episode, and nobody interferes."""
        self._source.reset(seed)
        self._spoil = self._insert = None
        self.has_struck = False

    def spoil(self, spoil: Spoil) -> None:
        """From now on every chunk becomes what `spoil` makes of it."""
        self._spoil = spoil

    def insert(self, make: Callable[[Wish], ActionChunk]) -> None:
        """At the next tick one more chunk comes, that nobody asked for."""
        self._insert = make

    def arriving(self, wish: Wish) -> list[ActionChunk]:
        """The chunks that come at this tick."""
        came = self._source.arriving(wish)
        if self._spoil is not None and came:
            self.has_struck = True
            came = [spoilt for chunk in came for spoilt in self._spoil(chunk)]
        if self._insert is not None:
            self.has_struck = True
            came, self._insert = [*came, self._insert(wish)], None
        return came


class Strike(Protocol):
    """What happens to the loop."""

    @property
    def waits(self) -> bool:
        """Whether it strikes with the next chunk, and not at once."""
        ...

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """It happens before the next tick."""
        ...

    def is_active(self, loop: SessionLoop) -> bool:
        """Whether it lasts, at the tick that was served; true where it is nothing that lasts."""
        ...


@dataclass(frozen=True)
class Inject:
    """A fault of the simulator, as a script writes it: without `at_s`, which is now.

    `places` of the joints that it concerns, in the contract's order; those that it chooses itself where there are none.
    """

    entry: Mapping[str, object]
    places: tuple[int, ...] = ()
    waits = False

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """See `Strike`."""
        joints = [loop.contract.interface.joints[place] for place in self.places]
        named = {"joints": joints} if joints else {}
        loop.faults.inject(read_fault({**self.entry, **named}, loop.at_s))

    def is_active(self, loop: SessionLoop) -> bool:
        """See `Strike`."""
        return self.entry["fault"] in loop.faults.active


class Momentary:
    """What happens once, or with each chunk: nothing of it lasts by itself."""

    def is_active(self, _loop: SessionLoop) -> bool:
        """See `Strike`."""
        return True


@dataclass(frozen=True)
class Spoiled(Momentary):
    """The next chunks are changed on their way, while the controller follows at so many percent of its speed."""

    spoil: Spoil
    speed_percent: float = FULL_SPEED
    waits = True

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """See `Strike`."""
        loop.speed_percent = self.speed_percent
        source.spoil(self.spoil)


@dataclass(frozen=True)
class Unasked(Momentary):
    """A chunk comes that nobody asked for, of a source, with the newest observation's stamp: all dimensions `far` of how far they go."""

    source: str = ""
    far: float = 1.0
    waits = False

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """See `Strike`."""
        action = loop.contract.interface.action
        values = np.array([dimension.centre + self.far * dimension.scale for dimension in action.dimensions])
        actions = np.tile(values, (loop.contract.interface.chunk_length, 1))
        source.insert(lambda wish: ActionChunk(action.names, actions, wish.now_ns, source=self.source))


@dataclass(frozen=True)
class Act(Momentary):
    """The operator, or another part of the graph, calls the session."""

    deed: Callable[[SessionLoop], None]
    waits = False

    def begin(self, loop: SessionLoop, source: Interfered) -> None:
        """See `Strike`."""
        self.deed(loop)


def silence(_chunk: ActionChunk) -> list[ActionChunk]:
    """No chunk any more: the policy is hung, killed, or out of memory."""
    return []


def with_value(value: float) -> Spoil:
    """One component of the chunk is `value`."""

    def spoil(chunk: ActionChunk) -> list[ActionChunk]:
        actions = chunk.actions.copy()
        actions[-1, 0] = value
        return [replace(chunk, actions=actions)]

    return spoil


def always(dimension: int, value: float) -> Spoil:
    """One dimension has the same value in every action, as after a sign or a unit that was mistaken."""

    def spoil(chunk: ActionChunk) -> list[ActionChunk]:
        actions = chunk.actions.copy()
        actions[:, dimension] = value
        return [replace(chunk, actions=actions)]

    return spoil


def times(factor: float) -> Spoil:
    """All components `factor` times as large."""
    return lambda chunk: [replace(chunk, actions=chunk.actions * factor)]


def jagged(factor: float) -> Spoil:
    """All components change sign from action to action, and are `factor` times as large."""

    def spoil(chunk: ActionChunk) -> list[ActionChunk]:
        signs = np.where(np.arange(len(chunk.actions)) % 2, -factor, factor)[:, None]
        return [replace(chunk, actions=chunk.actions * signs)]

    return spoil


def older_by(seconds: float) -> Spoil:
    """The observation's stamp lies so much earlier; below 0 later."""
    return lambda chunk: [replace(chunk, stamp_ns=chunk.stamp_ns - round(seconds * 1e9))]


def renamed(chunk: ActionChunk) -> list[ActionChunk]:
    """The dimensions in another order, as another version of a policy might have them."""
    return [replace(chunk, names=chunk.names[::-1])]


def narrower(chunk: ActionChunk) -> list[ActionChunk]:
    """One dimension fewer."""
    return [replace(chunk, actions=chunk.actions[:, :-1])]


def longer(chunk: ActionChunk) -> list[ActionChunk]:
    """Twice as many actions as the contract has."""
    return [replace(chunk, actions=np.vstack([chunk.actions, chunk.actions]))]


def empty(chunk: ActionChunk) -> list[ActionChunk]:
    """No actions."""
    return [replace(chunk, actions=chunk.actions[:0])]


def twice(chunk: ActionChunk) -> list[ActionChunk]:
    """The same chunk two times."""
    return [chunk, chunk]


def at_speed(speed: float) -> Spoil:
    """Its sender wants it played at `speed`."""
    return lambda chunk: [replace(chunk, speed=speed)]
