"""How far a joint moves after a stop: never further than the bound from the contract."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stopping_bound import stopping_distance

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import JointLimiter

TICK_S = 0.01
FAR = 1000.0
ROUNDING = 1e-9


@given(
    velocity=st.floats(0.1, 4.0),
    acceleration=st.floats(0.5, 50.0),
    jerk=st.floats(20.0, 10_000.0),
    targets=st.lists(st.floats(-9.0, 9.0), min_size=1, max_size=6),
    ticks=st.integers(1, 40),
)
def test_from_whatever_motion_a_stop_takes_no_more_than_the_bound(
    velocity: float, acceleration: float, jerk: float, targets: list[float], ticks: int
) -> None:
    limits = JointLimits(-FAR, FAR, velocity, acceleration, jerk)
    limiter = JointLimiter(("joint",), {"joint": limits}, TICK_S)
    limiter.reset(np.zeros(1))
    for target in targets:
        for _ in range(ticks):
            limiter.step(np.array([target]))
    called_at = limiter.state.positions[0]
    limiter.step(np.array([targets[-1]]))  # the stop is called just after this tick began
    way = [abs(limiter.brake().positions[0] - called_at) for _ in range(2000)]
    assert abs(limiter.state.velocities[0]) < ROUNDING
    assert max(way) <= stopping_distance(velocity, limits, TICK_S) + ROUNDING


def test_the_bound_for_an_arm_of_common_limits() -> None:
    limits = JointLimits(-6.28, 6.28, 3.14, 10.0, 5000.0)
    assert abs(stopping_distance(3.14, limits, TICK_S) - (0.0314 + 0.49298 + 0.00942)) < 1e-12
