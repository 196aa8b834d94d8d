"""A limiter of two joints, scripts of targets to play on it, and the law that its motions keep."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.datatypes import FloatArray

TICK_S = 0.01
JOINTS = ("one", "two")
LOWER, UPPER = -1.0, 1.5
ROUNDING = 1e-9  # relative to each limit: what double precision and finite differences leave
AT_REST = 1e-9


def limiter(limits: JointLimits) -> JointLimiter:
    return JointLimiter(JOINTS, dict.fromkeys(JOINTS, limits), TICK_S)


@st.composite
def joint_limits(draw: st.DrawFn) -> JointLimits:
    """From slow and soft to fast and hard, with every ratio of the three."""
    exponents = draw(st.tuples(st.floats(-1, 1), st.floats(-0.5, 1.7), st.floats(0.5, 3.8)))
    velocity, acceleration, jerk = (10.0**exponent for exponent in exponents)
    return JointLimits(LOWER, UPPER, velocity, acceleration, jerk)


Script = list[tuple[tuple[float, float] | None, int]]
starts = st.tuples(st.floats(LOWER, UPPER), st.floats(LOWER, UPPER))
targets = st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
# A stretch of ticks towards a target, or braking where there is none.
stretches = st.lists(st.tuples(st.none() | targets, st.integers(1, 25)), min_size=1, max_size=10)


def play(limiter: JointLimiter, script: list[tuple[tuple[float, float] | None, int]]) -> list[Motion]:
    """The start and every command of a script of targets."""
    motions = [limiter.state]
    for target, ticks in script:
        for _ in range(ticks):
            motions.append(limiter.brake() if target is None else limiter.step(np.array(target))[0])
    return motions


def stacked(motions: list[Motion]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Positions, velocities and accelerations (T, J)."""
    return (
        np.array([motion.positions for motion in motions]),
        np.array([motion.velocities for motion in motions]),
        np.array([motion.accelerations for motion in motions]),
    )


def assert_within(motions: list[Motion], limits: JointLimits) -> None:
    """Limits hold for what is stated and for what the stream of commands really does between ticks."""
    positions, velocities, accelerations = stacked(motions)
    assert positions.max() <= UPPER + ROUNDING
    assert positions.min() >= LOWER - ROUNDING
    for values, bound in (
        (velocities, limits.velocity),
        (np.diff(positions, axis=0) / TICK_S, limits.velocity),
        (accelerations, limits.acceleration),
        (np.diff(velocities, axis=0) / TICK_S, limits.acceleration),
        (np.diff(accelerations, axis=0) / TICK_S, limits.jerk),
    ):
        assert np.abs(values).max(initial=0.0) <= bound * (1 + ROUNDING)
