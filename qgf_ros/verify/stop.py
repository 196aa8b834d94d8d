"""The shortest stop of one joint under acceleration and jerk limits, in closed form: another way to what Ruckig plans.

Ours. From velocity v and acceleration a, the jerk being at most J: bringing the acceleration to zero at once leaves the velocity
w = v + a |a| / 2J. With w > 0 the fastest way to rest lowers the acceleration with -J to -p, keeps it, and raises it with J to
zero; the velocities that the three phases take away add up to v where p^2 = J v + a^2 / 2, or, where that p is above the limit
A, where p = A is kept for (v + a^2 / 2J - A^2 / J) / A. With w < 0 all is mirrored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """A stop: how long it takes, s; the least and largest position on the way (rad), the largest speed on it (rad/s)."""

    seconds: float
    low: float
    high: float
    speed: float


def shortest_stop(q: float, v: float, a: float, A: float, J: float) -> Stop:
    """The stop from position q (rad), velocity v (rad/s), acceleration a (rad/s2); limits A (rad/s2) and J (rad/s3)."""
    if v == 0.0 and a == 0.0:
        return Stop(0.0, q, q, 0.0)
    w = v + a * abs(a) / (2 * J)
    side = 1.0 if w >= 0.0 else -1.0
    v, a = side * v, side * a
    p = math.sqrt(max(J * v + a * a / 2, 0.0))
    keep = 0.0
    if p > A:
        p = max(A, -a)  # a state outside its limit keeps what it has
        keep = max((v + a * a / (2 * J) - p * p / J) / p, 0.0)
    x, turn = 0.0, 0.0  # along `side`: the way so far, and the least of it
    fall = max((a + p) / J, 0.0)
    if v < 0.0:  # it still goes the other way, until it turns
        t = (a - math.sqrt(max(a * a + 2 * J * v, 0.0))) / J
        turn = v * t + a * t * t / 2 - J * t**3 / 6
    x += v * fall + a * fall**2 / 2 - J * fall**3 / 6
    speed = v + a * fall - J * fall**2 / 2
    x += speed * keep - p * keep**2 / 2
    speed -= p * keep
    rise = p / J
    x += speed * rise - p * rise**2 / 2 + J * rise**3 / 6
    ends = (q + side * min(turn, 0.0), q + side * max(x, 0.0), q + side * x)
    return Stop(fall + keep + rise, min(q, *ends), max(q, *ends), max(abs(v), abs(w)))
