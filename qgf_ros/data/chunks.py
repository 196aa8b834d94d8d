"""Cuts windows of H consecutive transitions out of a data set that may be memory-mapped.

The start indices come from the caller, so no random stream is hidden here. Windows know nothing of episodes
when they are drawn: one that crosses an episode end is kept, and its `valid` says from where on it is void.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import DatasetTooShort, InvalidSetting, ShapeMismatch

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Transitions:
    """M transitions, episodes end to end in memory; float32 arrays, memory-mapped or not.

    observations, next_observations (M, O); actions (M, A) in [-1, 1]; rewards (M,); masks (M,) 0 where no
    value may be added after the transition (success, by OGBench; time limit, by the reference's 100M loader:
    docs/algorithm.md, section 7); terminals (M,) 1 at the last transition of an episode.
    """

    observations: Array
    actions: Array
    next_observations: Array
    rewards: Array
    masks: Array
    terminals: Array

    def __post_init__(self) -> None:
        """Check that all arrays have M rows; raises ShapeMismatch."""
        rows = self.observations.shape[0]
        for name, array in self.__dict__.items():
            if array.shape[0] != rows:
                raise ShapeMismatch(name, array.shape, f"{rows} rows, as many as observations has,")

    @property
    def size(self) -> int:
        """M, the number of transitions."""
        return int(self.observations.shape[0])


@dataclass(frozen=True)
class Windows:
    """B windows of H steps. The losses use `observations`, `actions` and the last column of the rest.

    observations (B, O) at the first step; actions (B, H, A) as they lie in memory, also past an episode end;
    next_observations (B, H, O), frozen at the last valid step; rewards (B, H) the discounted return up to
    that step; masks (B, H) the smallest mask so far over valid steps; valid (B, H) 0 after an episode end;
    terminals (B, H) 1 from an end on.
    """

    observations: Array
    actions: Array
    next_observations: Array
    rewards: Array
    masks: Array
    valid: Array
    terminals: Array


def draw_starts(size: int, horizon: int, count: int, generator: np.random.Generator) -> Indices:
    """Return `count` start indices, uniform in 0..size - horizon (both included); raises DatasetTooShort."""
    if size < horizon:
        raise DatasetTooShort(size, horizon)
    return generator.integers(0, size - horizon + 1, count)


def cut_windows(transitions: Transitions, starts: Indices, horizon: int, discount: float) -> Windows:
    """Return the windows that begin at `starts` (B,). Equations (12) to (15).

    Raises:
        DatasetTooShort: there are fewer transitions than one window has.
        InvalidSetting: a start lies outside 0..M - horizon.
    """
    _check_starts(transitions.size, starts, horizon)
    index = starts[:, None] + np.arange(horizon)
    terminals = np.maximum.accumulate(_take(transitions.terminals, index), axis=1)
    valid = np.ones_like(terminals)
    valid[:, 1:] -= terminals[:, :-1]
    discounts = np.power(discount, np.arange(horizon)).astype(np.float32)
    last_valid = starts[:, None] + valid.cumsum(axis=1).astype(np.int64) - 1
    return Windows(
        observations=_take(transitions.observations, starts),
        actions=_take(transitions.actions, index),
        next_observations=_take(transitions.next_observations, last_valid),
        rewards=np.cumsum(discounts * valid * _take(transitions.rewards, index), axis=1, dtype=np.float32),
        masks=np.minimum.accumulate(np.where(valid > 0, _take(transitions.masks, index), 1.0), axis=1).astype(
            np.float32
        ),
        valid=valid,
        terminals=terminals,
    )


def _take(array: Array, index: Indices) -> Array:
    return np.asarray(array[index], dtype=np.float32)


def _check_starts(size: int, starts: Indices, horizon: int) -> None:
    if size < horizon:
        raise DatasetTooShort(size, horizon)
    if starts.size and (starts.min() < 0 or starts.max() > size - horizon):
        found = int(starts.min() if starts.min() < 0 else starts.max())
        raise InvalidSetting("start index", found, f"from 0 to {size - horizon}")
