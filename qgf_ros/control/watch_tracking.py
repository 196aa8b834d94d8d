"""Finds joints that do not follow their command: stuck, pushed, or with a controller that is gone.

An arm follows late (the simulated one by 0.15 s), so that at full speed it lags by more than any sensible bound. Compared is
therefore with all places that the joint was commanded to within the last `LATE_S`: how far it is from the nearest.

Time is that of the ticks that looked: `watch_clock.LookTime`.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, IntArray

LATE_S = 0.2
AWAY_S = 0.1  # so long a joint may be further from its commands than the contract's tracking_error


class TrackingWatch:
    """State: the commands of the last `LATE_S`, when each joint was last near one of them, in the time of `LookTime`. One thread."""

    def __init__(self, contract: Contract) -> None:
        joints = contract.interface.joints
        self._allowed = np.array([contract.deployment.limits[joint].tracking_error for joint in joints])
        self.clear()

    def clear(self) -> None:
        """Forgets what was seen."""
        self._commands: deque[tuple[int, FloatArray]] = deque()
        self._near_ns: IntArray | None = None

    def lost(self, seen_ns: int, positions: FloatArray, commanded: FloatArray) -> tuple[int, ...]:
        """Places of joints that have been away for `AWAY_S`, at a tick of time `seen_ns`: positions and last command (J,), rad or m."""
        self._commands.append((seen_ns, commanded))
        while seen_ns - self._commands[0][0] > LATE_S * 1e9:
            self._commands.popleft()
        if not (np.abs(positions - commanded) > self._allowed).any():  # near the last one, as nearly always
            self._near_ns = np.full(len(positions), seen_ns)
            return ()
        rows = np.array([command for _, command in self._commands])
        is_away = np.abs(positions - np.clip(positions, rows.min(0), rows.max(0))) > self._allowed
        near_ns = np.full(len(positions), seen_ns) if self._near_ns is None else self._near_ns
        self._near_ns = np.where(is_away, near_ns, seen_ns)
        found = is_away & (seen_ns - self._near_ns >= AWAY_S * 1e9)
        return tuple(np.flatnonzero(found).tolist())
