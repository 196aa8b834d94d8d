"""Whether a trajectory that was sent is a motion that the arm can make inside its limits, to rest, if no command follows.

Points have times, positions q and velocities v. Over a piece of h seconds with |acceleration| <= A and |jerk| <= J, ours:

    v' - v                  = integral of a(t), at most A h
    q' - q - h (v + v') / 2 = integral of (h / 2 - t) a(t), at most A (h^2 - d^2) / 4 with d = (v' - v) / A
    m' - m                  , the mean accelerations of two neighbouring pieces, at most J (h + h') / 2

The first piece follows the certified acceleration, the last one leads to none: they differ from the mean by J h / 2 at most.
Times are whole ns, so that each h is true within `CLOCK_S`; the tolerances are what that makes of A, of v and of A / h.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from qgf_ros.contract.schema import JointLimits
from qgf_ros.verify.motion import REST, ROUNDING, Found
from qgf_ros.verify.violation import What

CLOCK_S = 1e-9
SPACING_S = 0.0201  # between two points at most: they are sampled every 0.02 s, and one that would follow within 0.1 ms is left out
SHORTEST_S = 1e-4  # a motion that is shorter is one point, at rest


@dataclass(frozen=True)
class Point:
    """A point of a trajectory: positions and velocities of its joints, and its time from the start, ns."""

    positions: tuple[float, ...]
    velocities: tuple[float, ...]
    time_ns: int = 0


@dataclass(frozen=True)
class Plan:
    """A trajectory's points, and the places of its joints among the contract's."""

    places: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def is_whole(self) -> bool:
        """True where each point has a finite position and velocity of each joint."""
        rows = [row for point in self.points for row in (point.positions, point.velocities)]
        return all(len(row) == len(self.places) and all(map(math.isfinite, row)) for row in rows)


def is_resting(velocity: float, limits: JointLimits) -> bool:
    """Whether a joint of this velocity (rad/s) rests within `SHORTEST_S`."""
    return abs(velocity) <= REST + limits.jerk * SHORTEST_S**2 / 2


def check_plan(
    topic: str,
    names: Sequence[str],
    points: Sequence[Point],
    accelerations: Sequence[float],
    limits: Sequence[JointLimits],
    tick_ns: int,
) -> list[Found]:
    """The first thing that is wrong with a trajectory on `topic`: `points` of the joints `names` (J,), which begins with the
    certified command, whose `accelerations` (J,) are known; `limits` (J,) in force.
    """
    for point in points:
        if len(point.positions) != len(names) or len(point.velocities) != len(names):
            expected = f"points have {len(names)} positions and velocities"
            return [(What.PLAN, topic, expected, "another number")]
    found = _check_times([point.time_ns for point in points], tick_ns)
    if found:
        return [(What.PLAN, f"{topic} times", *found)]
    if not all(abs(velocity) <= REST for velocity in points[-1].velocities):
        return [(What.PLAN, topic, "a plan ends at rest", _words(points[-1].velocities))]
    for place, name in enumerate(names):
        way = [(point.time_ns * 1e-9, point.positions[place], point.velocities[place]) for point in points]
        if len(points) == 1 and abs(accelerations[place]) > limits[place].jerk * SHORTEST_S + REST:
            return [
                (What.PLAN, f"{topic} {name}", "one point is at rest", f"{accelerations[place]:.6g} rad/s2")
            ]
        for found in _broken(way, accelerations[place], limits[place]):
            return [(What.PLAN, f"{topic} {name}", *found)]
    return []


def _check_times(times_ns: Sequence[int], tick_ns: int) -> tuple[str, str] | None:
    if times_ns[0] != tick_ns:
        return f"the command is due {tick_ns} ns after it came", f"{times_ns[0]} ns"
    for before, after in pairwise(times_ns):
        if not 0 < after - before <= SPACING_S * 1e9:
            return f"times rise, by {SPACING_S:g} s at most", f"{after} ns follows {before} ns"
    return None


def _broken(
    way: Sequence[tuple[float, float, float]], acceleration: float, limits: JointLimits
) -> Iterator[tuple[str, str]]:
    """What of one joint's way, (time s, position, velocity) a point, no motion inside the limits could do."""
    A, J = limits.acceleration, limits.jerk
    for _, q, v in way:
        inside = limits.lower - ROUNDING <= q <= limits.upper + ROUNDING
        if not (inside and abs(v) <= limits.velocity + ROUNDING):
            yield "a plan keeps the limits", f"{q:.6g} rad, {v:.6g} rad/s"
    noise = ROUNDING + A * CLOCK_S
    mean, half, loose = (
        acceleration,
        0.0,
        0.0,
    )  # of the piece before: rad/s2, half its length s, and how true the mean is
    for (t0, q0, v0), (t1, q1, v1) in pairwise(way):
        h, gain = t1 - t0, v1 - v0
        if abs(gain) > A * h + noise:
            yield f"{A:g} rad/s2 are allowed", f"{gain / h:.6g} rad/s2"
        off = q1 - q0 - h * (v0 + v1) / 2
        bound = A * max(h * h - (gain / A) ** 2, 0.0) / 4
        if abs(off) > bound + ROUNDING + limits.velocity * CLOCK_S:
            yield f"positions may differ by {bound:.3g} rad from what velocities give", f"{off:.6g} rad"
        change = gain / h - mean
        if abs(change) > J * (half + h / 2) + loose + noise / h + ROUNDING:
            yield f"{J:g} rad/s3 are allowed", f"{change / (half + h / 2):.6g} rad/s3"
        mean, half, loose = gain / h, h / 2, noise / h
    if len(way) > 1 and abs(mean) > J * half + loose + ROUNDING:
        yield f"{J:g} rad/s3 are allowed to the end", f"{mean / half:.6g} rad/s3"


def _words(values: Sequence[float]) -> str:
    return " ".join(f"{value:.9g}" for value in values)
