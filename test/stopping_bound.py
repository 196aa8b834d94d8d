"""How far a joint still moves after a stop was called: a bound from the contract's limits alone."""

from __future__ import annotations

from qgf_ros.contract.schema import JointLimits


def stopping_distance(velocity: float, limits: JointLimits, tick_s: float) -> float:
    """At most this far (rad or m) a joint moves after a stop is called, until it rests; `velocity` bounds its speed till then.

    Formula (ours), with v the velocity, a and j the limits of acceleration and jerk, T the tick:

        v T + v^2 / (2 a) + 3 v a / (2 j)

    - v T: the stop takes effect at the next tick.
    - From velocity u at acceleration 0, jerk-limited: speed falls symmetrically within u/a + a/j (u >= a^2/j), or within
      2 sqrt(u/j) without reaching a; the mean speed is u/2, so the way is u^2/(2a) + u a/(2j), or u sqrt(u/j), which by the
      inequality of the means is not more.
    - Before that a joint that still gains speed (acceleration at most a) brings it to 0 within a/j, moving by v a/j at most; it
      gains no more than what keeps it below v, since the limiter admits no other state.
    """
    braking = velocity**2 / (2 * limits.acceleration)
    return velocity * tick_s + braking + 1.5 * velocity * limits.acceleration / limits.jerk
