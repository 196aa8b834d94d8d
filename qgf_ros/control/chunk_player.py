"""Plays an action chunk: one action every control period, counted in command ticks."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, FloatArray
from qgf_ros.errors import ChunkRefused


class ChunkPlayer:
    """Holds the chunk in play and how far it has been played. One thread."""

    def __init__(self, contract: Contract) -> None:
        self._names = contract.interface.action.names
        self._longest = contract.interface.chunk_length
        self._ticks_per_action = contract.ticks_per_action
        self.clear()

    def clear(self) -> None:
        """Forgets the chunk: nothing is due until another is loaded."""
        self._actions: FloatArray = np.zeros((0, len(self._names)))
        self._tick = 0
        self._loaded = False
        self.chunk_stamp_ns = 0  # of the observation that the chunk in play came from; 0 while there is none

    def load(self, chunk: ActionChunk) -> None:
        """Puts a chunk in play from its first action, in place of the one there.

        Raises:
            ChunkRefused: reason `names`, `shape`, `not_finite` or `repeated`; the chunk in play stays.
        """
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
        if self._loaded and chunk.stamp_ns <= self.chunk_stamp_ns:
            raise ChunkRefused(
                "repeated", "The chunk's observation is not newer than that of the chunk in play."
            )
        self._actions, self._tick = chunk.actions.copy(), 0
        self._loaded, self.chunk_stamp_ns = True, chunk.stamp_ns

    @property
    def actions_left(self) -> int:
        """Actions that have not begun."""
        return len(self._actions) - -(-self._tick // self._ticks_per_action)

    @property
    def is_done(self) -> bool:
        """True when every action has been in force for its whole period, or no chunk is loaded."""
        return self._tick >= len(self._actions) * self._ticks_per_action

    def advance(self) -> FloatArray | None:
        """Counts one tick; the action (A,) that begins at it, or None while one is in force or none due."""
        if self.is_done:
            return None
        action, within = divmod(self._tick, self._ticks_per_action)
        self._tick += 1
        return self._actions[action] if within == 0 else None
