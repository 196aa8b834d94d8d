"""Interpolation between trajectory points as joint_trajectory_controller does it: the order follows from what is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qgf_sim.simulation import FloatArray


@dataclass(frozen=True)
class State:
    """Positions (J,), and velocities and accelerations (J,) where they are known."""

    positions: FloatArray
    velocities: FloatArray | None = None
    accelerations: FloatArray | None = None

    @staticmethod
    def at_rest(positions: FloatArray) -> State:
        """Standing still at `positions` (J,)."""
        return State(positions, np.zeros_like(positions), np.zeros_like(positions))


def interpolate(before: State, after: State, time_s: float, duration_s: float) -> State:
    """The state `time_s` into a segment of `duration_s`.

    Linear where either end gives positions only, cubic where both give velocities, quintic where both give
    accelerations too. The ends are met exactly.
    """
    if time_s <= 0.0:
        return before
    if time_s >= duration_s:
        return after
    if before.velocities is None or after.velocities is None:
        share = time_s / duration_s
        slope = (after.positions - before.positions) / duration_s
        return State(
            before.positions + share * (after.positions - before.positions), slope, np.zeros_like(slope)
        )
    if before.accelerations is None or after.accelerations is None:
        return _evaluate(
            _cubic(before.positions, before.velocities, after.positions, after.velocities, duration_s), time_s
        )
    return _evaluate(_quintic(before, after, duration_s), time_s)


def _cubic(p0: FloatArray, v0: FloatArray, p1: FloatArray, v1: FloatArray, T: float) -> list[FloatArray]:
    rise = p1 - p0
    return [p0, v0, (3 * rise - (2 * v0 + v1) * T) / T**2, (-2 * rise + (v0 + v1) * T) / T**3]


def _quintic(before: State, after: State, T: float) -> list[FloatArray]:
    p0, v0, a0 = before.positions, before.velocities, before.accelerations
    p1, v1, a1 = after.positions, after.velocities, after.accelerations
    assert v0 is not None, "the caller has checked"
    assert v1 is not None, "the caller has checked"
    assert a0 is not None, "the caller has checked"
    assert a1 is not None, "the caller has checked"
    rise = p1 - p0
    third = (20 * rise - (8 * v1 + 12 * v0) * T - (3 * a0 - a1) * T**2) / (2 * T**3)
    fourth = (-30 * rise + (14 * v1 + 16 * v0) * T + (3 * a0 - 2 * a1) * T**2) / (2 * T**4)
    fifth = (12 * rise - 6 * (v1 + v0) * T - (a0 - a1) * T**2) / (2 * T**5)
    return [p0, v0, a0 / 2, third, fourth, fifth]


def _evaluate(coefficients: list[FloatArray], time_s: float) -> State:
    """Value, first and second derivative of a polynomial with coefficients (J,) in rising order."""
    zero = np.zeros_like(coefficients[0])
    position = sum((c * time_s**n for n, c in enumerate(coefficients)), zero)
    velocity = sum((n * c * time_s ** (n - 1) for n, c in enumerate(coefficients) if n > 0), zero)
    acceleration = sum(
        (n * (n - 1) * c * time_s ** (n - 2) for n, c in enumerate(coefficients) if n > 1), zero
    )
    return State(position, velocity, acceleration)
