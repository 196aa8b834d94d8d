"""What was sent, and hence what the robot is about to do: committed actions, and chunks averaged over time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import ChunkMode, Contract
from qgf_ros.datatypes import ActionChunk, FloatArray
from qgf_ros.flow.prefix import Prefix, make_prefix
from qgf_ros.inference.demand import Demand

DECAY = 0.01  # of an ensemble's weights with each younger chunk: that of ACT (arXiv 2304.13705, algorithm 2)


@dataclass(frozen=True)
class _Sent:
    """A chunk as it was sampled and as it was sent, (H, A) physical; its first action is number `first` of the episode."""

    stamp_ns: int
    first: int
    sampled: FloatArray
    sent: FloatArray


class SentChunks:
    """State: the last chunks of an episode. One thread.

    A demand names the chunk in play and how far it is (`Demand.begun`), so that chunks are laid side by side by what was
    executed. What a demand does not know, or names that was never sent from here, has no past.
    """

    def __init__(self, contract: Contract) -> None:
        interface = contract.interface
        self._mode = contract.deployment.chunks.mode
        self._length = interface.chunk_length
        self._range = ActionRange(interface.action)
        self._kept: deque[_Sent] = deque(maxlen=self._length)

    def clear(self) -> None:
        """A new episode."""
        self._kept.clear()

    def prefix_for(self, demand: Demand | None) -> Prefix | None:
        """The committed actions for a chunk from an observation right after the demand's tick; None where there are none.

        Raises:
            InvalidSetting: the demand's delay and horizon do not fit this contract's chunks.
        """
        playing = self._playing(demand) if self._mode is ChunkMode.REAL_TIME else None
        if demand is None or playing is None:
            return None
        rest = self._range.normalised(playing.sent[demand.begun :]).astype(np.float32)
        delay = min(demand.delay, len(rest))
        return make_prefix(rest, self._length, delay, demand.horizon) if delay > 0 else None

    def keep(self, demand: Demand | None, chunk: ActionChunk) -> ActionChunk:
        """The chunk to send for a sampled one; it is remembered.

        In ensemble mode each action is the mean of what all remembered chunks say for it, the i-th oldest with weight
        exp(-DECAY i); otherwise it is what was sampled.
        """
        playing = self._playing(demand)
        if demand is None or playing is None:
            self._kept.clear()
            first = 0
        else:
            while (
                self._kept[-1].stamp_ns > playing.stamp_ns
            ):  # it was refused, or another would not be wanted
                self._kept.pop()
            first = playing.first + demand.begun
        own = _Sent(chunk.stamp_ns, first, chunk.actions, chunk.actions)
        if self._mode is ChunkMode.ENSEMBLE:
            own = replace(own, sent=_mean([*self._kept, own], own))
        self._kept.append(own)
        return replace(chunk, actions=own.sent)

    def drop(self, chunk: ActionChunk) -> None:
        """The newest chunk was not sent after all."""
        if self._kept and self._kept[-1].stamp_ns == chunk.stamp_ns:
            self._kept.pop()

    def _playing(self, demand: Demand | None) -> _Sent | None:
        stamp_ns = demand.chunk_stamp_ns if demand is not None else 0
        return next((kept for kept in self._kept if kept.stamp_ns == stamp_ns), None) if stamp_ns else None


def usual_prefix(contract: Contract) -> Prefix | None:
    """A prefix as most chunks under this contract will have it, of resting actions: to warm up with; None where none has."""
    chunks, interface = contract.deployment.chunks, contract.interface
    if chunks.mode is not ChunkMode.REAL_TIME:
        return None
    rest = np.zeros((chunks.delay, interface.action_dim), np.float32)
    return make_prefix(rest, interface.chunk_length, chunks.delay, contract.execution_horizon)


def _mean(chunks: list[_Sent], newest: _Sent) -> FloatArray:
    """For each action of the newest chunk (H, A) the weighted mean over the chunks, oldest first, that know it."""
    averaged = newest.sampled.copy()
    for row in range(len(averaged)):
        number = newest.first + row
        known = [chunk for chunk in chunks if chunk.first <= number < chunk.first + len(chunk.sampled)]
        weights = np.exp(-DECAY * np.arange(len(known)))
        said = np.stack([chunk.sampled[number - chunk.first] for chunk in known])
        averaged[row] = weights @ said / weights.sum()
    return averaged
