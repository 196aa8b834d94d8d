"""What tests of the watches share: two joints, their stamps, a command that moves, and pauses of the computer."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from qgf_ros.datatypes import FloatArray

TICK_NS = 10_000_000
SECOND_NS = 1_000_000_000
PAUSE = st.integers(2, 200)  # ticks that the computer did not serve


def stamps(tick: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Both joints' stamps at a tick."""
    return np.full(2, SECOND_NS + tick * TICK_NS)


def moving(ticks: int, speed: float = 0.5) -> FloatArray:
    """A command (T, 2) that moves the elbow from the first tick on, rad/s."""
    return np.stack([np.zeros(ticks), speed * TICK_NS * 1e-9 * np.arange(ticks)], axis=1)
