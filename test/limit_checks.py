"""The law that every stream of commands keeps: inside position, velocity, acceleration and jerk limits, tick after tick."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray

ROUNDING = 1e-9  # of the limiter's samples


def assert_inside_limits(contract: Contract, rows: FloatArray) -> None:
    """Rows (T, 3, J) of position, velocity and acceleration keep the limits, and each follows from the one before."""
    tick_s = contract.tick_ns * 1e-9
    for place, joint in enumerate(contract.interface.joints):
        limit = contract.deployment.limits[joint]
        position, velocity, acceleration = rows[:, 0, place], rows[:, 1, place], rows[:, 2, place]
        assert position.min() >= limit.lower - ROUNDING
        assert position.max() <= limit.upper + ROUNDING
        assert np.abs(velocity).max() <= limit.velocity + ROUNDING
        assert np.abs(acceleration).max() <= limit.acceleration + ROUNDING
        assert np.abs(np.diff(acceleration)).max(initial=0.0) <= limit.jerk * tick_s + ROUNDING
        assert np.abs(np.diff(velocity)).max(initial=0.0) <= limit.acceleration * tick_s + ROUNDING
        assert np.abs(np.diff(position)).max(initial=0.0) <= limit.velocity * tick_s + ROUNDING
