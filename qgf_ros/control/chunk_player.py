"""Plays action chunks: one action every control period, counted in command ticks; one chunk after another.

The place in a chunk is a real number of ticks: each tick adds the path's speed, so that a chunk played at half speed gives
every action twice its period. Which action of a new chunk comes next follows from the actions that began since its observation (`executed.py`), when it
takes over from the contract's delay: docs/adr/0017-chunk-timing.md. A person is asked after every action, whatever the contract's
execution horizon is: the arm must do what is wanted now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qgf_ros.contract.schema import ChunkMode, Contract
from qgf_ros.control.executed import ExecutedActions
from qgf_ros.datatypes import ActionChunk, FloatArray, Sender
from qgf_ros.errors import ChunkRefused


@dataclass(frozen=True)
class Due:
    """An action (A,) that begins, `number` of those since chunks were forgotten. `is_seam`: with it one chunk takes over from another.

    `instead_of` is then how the old one would have gone on: its next action; where it has none left, its last one once
    more; None where the arm already rests at its last target.
    """

    action: FloatArray
    number: int = 0
    is_seam: bool = False
    instead_of: FloatArray | None = None


@dataclass(frozen=True)
class Upcoming:
    """What will be executed if a chunk is taken: the rest of the action in force, in ticks; `committed` (C, A), actions of the chunk
    in play that come before it; of its own `actions` (H, A) those from index `first` on.
    """

    ticks_left: float
    committed: FloatArray
    actions: FloatArray
    first: int


class ChunkPlayer:
    """Holds the chunk in play, how far it is, and the one that will take over. One thread."""

    def __init__(self, contract: Contract) -> None:
        self._names = contract.interface.action.names
        self._longest = contract.interface.chunk_length
        self._ticks_per_action = contract.ticks_per_action
        self._stated_horizon, self._delay = contract.execution_horizon, contract.deployment.chunks.delay
        self._horizon = self._stated_horizon
        self._is_synchronous = contract.deployment.chunks.mode is ChunkMode.SYNCHRONOUS
        self._executed = ExecutedActions(self._longest + 2)
        self.clear()

    def clear(self) -> None:
        """Forgets all chunks: nothing is due until another is loaded, and that begins at its first action."""
        self._executed.clear()
        self._actions: FloatArray = np.zeros((0, len(self._names)))
        self._place = 0.0  # ticks of the chunk in play that have passed, at the chunk's own speed
        self._unbegun = 0  # index of the next action to begin
        self._loaded = self._rests = False
        self._next: ActionChunk | None = None
        self._is_seam = False
        self._instead_of: FloatArray | None = None
        self.chunk_stamp_ns = 0  # of the observation that the chunk in play came from; 0 while there is none
        self.source = ""  # what made the chunk in play
        self.chunk_speed = 1.0  # what its sender asked for

    def ask(self, sender: Sender) -> None:
        """Who is asked for chunks from now on: a person more often than a policy."""
        self._horizon = 1 if sender is Sender.TELEOP else self._stated_horizon

    def load(self, chunk: ActionChunk) -> None:
        """Takes a chunk: it takes over as planned, at once where nothing is due.

        Raises:
            ChunkRefused: as for `upcoming`; what was there stays.
        """
        self.upcoming(chunk)
        self._next = replace(chunk, actions=chunk.actions.copy())
        self._take_over()

    def upcoming(self, chunk: ActionChunk) -> Upcoming:
        """What would be executed if the chunk were loaded now, at full speed.

        Raises:
            ChunkRefused: reason `names`, `shape`, `not_finite`, `bad_speed`, `repeated` or `late`.
        """
        self._check(chunk)
        begun = self._executed.since(chunk.stamp_ns)
        if begun >= len(chunk.actions):
            raise ChunkRefused("late", "The chunk came when all its actions had begun; another is asked for.")
        actions = self._playable(chunk)
        if self.is_done:
            return Upcoming(0.0, actions[:0], actions, min(begun, len(actions) - 1))
        left = max(self._unbegun * self._ticks_per_action - self._place, 0.0)
        committed = self._actions[self._unbegun :][: max(self._delay - begun, 0)]
        return Upcoming(left, committed, actions, min(begun + len(committed), len(actions) - 1))

    @property
    def waiting(self) -> ActionChunk | None:
        """The chunk that has come and will take over."""
        return self._next

    @property
    def left(self) -> Upcoming:
        """What will be executed from now on: of the chunk in play, as `committed`, and of the one that waits where there is one."""
        left = max(self._unbegun * self._ticks_per_action - self._place, 0.0)
        rest = self._actions[self._unbegun :]
        if self._next is None:
            return Upcoming(left, rest, rest[:0], 0)
        begun, actions = self._executed.since(self._next.stamp_ns), self._playable(self._next)
        committed = rest[: max(self._delay - begun, 0)]
        return Upcoming(left, committed, actions, min(begun + len(committed), len(actions)))

    def _playable(self, chunk: ActionChunk) -> FloatArray:
        return chunk.actions[: self._horizon] if self._is_synchronous else chunk.actions

    def _check(self, chunk: ActionChunk) -> None:
        if chunk.names != self._names:
            found, accepted = ", ".join(chunk.names), ", ".join(self._names)
            raise ChunkRefused("names", f"The chunk's dimensions are {found}; the contract has {accepted}.")
        if (
            chunk.actions.ndim != 2
            or chunk.actions.shape[1] != len(self._names)
            or not 1 <= len(chunk.actions) <= self._longest
        ):
            accepted = f"(1 to {self._longest}, {len(self._names)})"
            raise ChunkRefused(
                "shape", f"The chunk has shape {chunk.actions.shape}; the contract accepts {accepted}."
            )
        if not np.isfinite(chunk.actions).all():
            raise ChunkRefused("not_finite", "The chunk holds values that are not finite; it was not played.")
        if not 0.0 < chunk.speed <= 1.0:
            raise ChunkRefused(
                "bad_speed", f"The chunk asks for speed {chunk.speed:g}; above 0 and up to 1 is accepted."
            )
        newest = self._next.stamp_ns if self._next is not None else self.chunk_stamp_ns
        if self._loaded and chunk.stamp_ns <= newest:
            raise ChunkRefused(
                "repeated", "The chunk's observation is not newer than that of the chunk in play."
            )

    def _take_over(self) -> None:
        """Between two actions: puts the next chunk in play where its time has come."""
        chunk = self._next
        if chunk is None or (not self.is_done and self.begun < self._unbegun):
            return
        begun = self._executed.since(chunk.stamp_ns)
        if begun < self._delay and not self.is_done:
            return
        self._is_seam, self._instead_of = self._loaded, self._would_follow()
        over = self._place - self._unbegun * self._ticks_per_action  # what slow ticks ran beyond the boundary
        self._actions = self._playable(chunk)
        self._unbegun = min(begun, len(self._actions))
        self._place = self._unbegun * self._ticks_per_action + over
        self._loaded, self._rests = True, False
        self._next, self.chunk_stamp_ns = None, chunk.stamp_ns
        self.source, self.chunk_speed = chunk.source, chunk.speed

    def _would_follow(self) -> FloatArray | None:
        if not self.is_done:
            return self._actions[self.begun]
        return self._actions[-1] if self._loaded and not self._rests else None

    @property
    def begun(self) -> int:
        """Index, in the chunk in play, of the action in force at the next tick: so many have had their whole period."""
        return int(self._place // self._ticks_per_action)

    @property
    def actions_left(self) -> int:
        """Actions of the chunk in play that have not begun."""
        return len(self._actions) - self._unbegun

    @property
    def is_done(self) -> bool:
        """True when every action has been in force for its whole period, or no chunk is loaded."""
        return self.begun >= len(self._actions)

    @property
    def wants_chunk(self) -> bool:
        """True when as many actions as the execution horizon have been executed and no chunk has come since."""
        return self._next is None and self.begun >= min(self._horizon, len(self._actions))

    @property
    def is_fresh(self) -> bool:
        """True while the action of the next tick is one that its chunk was meant to give: before index s + d."""
        return not self.is_done and self.begun < self._horizon + self._delay

    def advance(self, stamp_ns: int, speed: float = 1.0) -> Due | None:
        """Counts the tick `stamp_ns`; the action that begins at it, or None while one is in force or none due.

        `speed` in [0, 1] is how much of a tick the path goes on: with 0 the action at the present place stays in force.
        """
        if self.is_done:
            self._executed.note(stamp_ns, begins=False, in_force=False, goes_on=False)
            self._place, self._rests = float(len(self._actions) * self._ticks_per_action), True
            return None
        index = self.begun
        begins = index == self._unbegun
        due = None
        if begins:
            due = Due(self._actions[index], self._executed.begun, self._is_seam, self._instead_of)
        self._place += speed
        if begins:
            self._unbegun, self._is_seam, self._instead_of = index + 1, False, None
        self._executed.note(stamp_ns, begins=begins, in_force=True, goes_on=self.begun == index)
        self._take_over()
        return due
