"""Chunks that keep an arm in motion: slow oscillations within the action's range, without end and without a policy. Ours."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import ActionChunk, FloatArray

# Of an action's range, by its unit: turns are gentler, since the simulated wrist follows a quarter of a second late.
LOUDNESS = {"m": 0.6}
OTHERS = 0.15
PERIODS = (30.0, 90.0)  # actions: 1.5 to 4.5 s at 20 Hz


class Sweep:
    """State: how many actions were given. One seed gives one sequence, whoever asks when."""

    def __init__(self, contract: Contract, seed: int) -> None:
        interface = contract.interface
        dimensions = interface.action.dimensions
        self._names, self._length = interface.action.names, interface.chunk_length
        self._step = contract.execution_horizon
        self._centre = np.array([dimension.centre for dimension in dimensions])
        loudness = [LOUDNESS.get(dimension.unit, OTHERS) for dimension in dimensions]
        self._amplitude = np.array([dimension.scale for dimension in dimensions]) * loudness
        random = np.random.default_rng(seed)
        self._periods = random.uniform(*PERIODS, len(self._names))
        self._phases = random.uniform(0.0, 2 * np.pi, len(self._names))
        self._given = 0

    def chunk(self, stamp_ns: int) -> ActionChunk:
        """The next chunk (H, A), physical; it goes on where the executed part of the one before ended."""
        at = self._given + np.arange(self._length)[:, None]
        self._given += self._step
        waves: FloatArray = np.sin(2 * np.pi * at / self._periods + self._phases)
        return ActionChunk(self._names, self._centre + self._amplitude * waves, stamp_ns)
