"""Whether a command keeps the limits in force, and whether it can follow the one before.

The exact bounds, ours. Let j(t), |j| <= J, be the jerk over T seconds from the state (q, v, a) to (q', v', a'). Integrating by parts,

    a' - a                                     = integral of j(t)
    v' - v - T (a + a') / 2                    = integral of (T/2 - t) j(t)
    q' - q - T (v + v') / 2 + T^2 (a' - a) / 12 = integral of (u^2 - T u + T^2 / 6) / 2 j(t),  u = T - t

and the right sides are at most J times the integral of the weight's absolute value: J T, J T^2 / 4 and J T^3 / (18 sqrt 3). With
d = (a' - a) / J known, the second is at most J (T^2 - d^2) / 4: the jerk is then +J for (T + d) / 2 and -J for the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import JointLimits
from qgf_ros.verify.bounds import Bounds
from qgf_ros.verify.stop import shortest_stop
from qgf_ros.verify.violation import What

ROUNDING = 1e-8  # rad, rad/s, rad/s2: of double precision over plans of seconds; as the limiter's own samples
MARGIN = 1e-6  # of margins, which two programs compute in two ways
STEP = 1 / (18 * math.sqrt(3))
REST = 1e-6  # rad/s and rad/s2

Found = tuple[What, str, str, str]
"""What, about what, what was expected, what was found."""


@dataclass(frozen=True)
class Before:
    """The command of the tick before: positions, velocities, accelerations (J,)."""

    positions: tuple[float, ...]
    velocities: tuple[float, ...]
    accelerations: tuple[float, ...]

    @property
    def is_at_rest(self) -> bool:
        """True when nothing moves."""
        return max(map(abs, self.velocities + self.accelerations), default=0.0) < REST


def command_of(certificate: Certificate) -> Before:
    """The certificate's command."""
    return Before(certificate.positions, certificate.velocities, certificate.accelerations)


def outside(name: str, limits: JointLimits, q: float, v: float, a: float) -> list[Found]:
    """What of one joint's state is outside its limits."""
    found: list[Found] = []
    if not limits.lower - ROUNDING <= q <= limits.upper + ROUNDING:
        found.append(
            (What.POSITION, name, f"{limits.lower:g} to {limits.upper:g} rad are allowed", f"{q:.9g} rad")
        )
    if abs(v) > limits.velocity + ROUNDING:
        found.append((What.VELOCITY, name, f"{limits.velocity:g} rad/s are allowed", f"{v:.9g} rad/s"))
    if abs(a) > limits.acceleration + ROUNDING:
        found.append(
            (What.ACCELERATION, name, f"{limits.acceleration:g} rad/s2 are allowed", f"{a:.9g} rad/s2")
        )
    return found


def unreachable(
    name: str, J: float, T: float, before: tuple[float, float, float], after: tuple[float, float, float]
) -> list[Found]:
    """Which of the bounds above are broken by one joint's two states, T s apart."""
    q0, v0, a0 = before
    q1, v1, a1 = after
    change = a1 - a0
    if abs(change) > J * T + ROUNDING:
        return [(What.JERK, name, f"{J:g} rad/s3 are allowed", f"{change / T:.9g} rad/s3")]
    found: list[Found] = []
    off = v1 - v0 - T * (a0 + a1) / 2
    bound = J * max(T * T - (change / J) ** 2, 0.0) / 4
    if abs(off) > bound + ROUNDING:
        found.append(
            (
                What.CONSISTENT,
                name,
                f"the velocity may differ by {bound:.3g} rad/s from what the accelerations give",
                f"{off:.9g} rad/s",
            )
        )
    off = q1 - q0 - T * (v0 + v1) / 2 + T * T * change / 12
    bound = J * T**3 * STEP
    if abs(off) > bound + ROUNDING:
        found.append(
            (
                What.CONSISTENT,
                name,
                f"the position may differ by {bound:.3g} rad from what the velocities give",
                f"{off:.9g} rad",
            )
        )
    return found


def check_joints(
    names: tuple[str, ...],
    bounds: Bounds,
    certificate: Certificate,
    before: Before | None,
    seconds: tuple[float, ...],
    is_cut: bool = False,
) -> list[Found]:
    """Limits, consistency, margins and stop of a command; `seconds` (J,) since the one `before`, None where it was placed anew.

    `is_cut`: the one before is not known, because the recording begins here.
    """
    found: list[Found] = []
    for place, name in enumerate(names):
        limits = bounds.joints[place]
        q, v, a = (
            certificate.positions[place],
            certificate.velocities[place],
            certificate.accelerations[place],
        )
        T, J = seconds[place], limits.jerk
        found += outside(name, limits, q, v, a)
        if before is not None:
            last = before.accelerations[place]
            found += unreachable(
                name, J, T, (before.positions[place], before.velocities[place], last), (q, v, a)
            )
        else:
            last = 0.0  # it began at rest
            if is_cut:
                last = (
                    a - (J - certificate.margin_jerk[place]) * T
                )  # as stated: there is nothing to compare it with
            elif abs(a) > J * T + ROUNDING or abs(v) > J * T * T / 2 + ROUNDING:
                found.append(
                    (
                        What.PLACED,
                        name,
                        "the first command leaves from rest",
                        f"{v:.9g} rad/s, {a:.9g} rad/s2",
                    )
                )
        stop = shortest_stop(q, v, a, limits.acceleration, J)
        margins = (
            min(q - limits.lower, limits.upper - q),
            limits.velocity - abs(v),
            limits.acceleration - abs(a),
            J - abs(a - last) / T,
            min(stop.low - limits.lower, limits.upper - stop.high),
        )
        if margins[4] < -MARGIN:
            found.append(
                (
                    What.STOP,
                    name,
                    "a stop from here must end inside the limits",
                    f"{-margins[4]:.9g} rad outside",
                )
            )
        found += _wrong_margins(certificate, place, name, margins, T)
    return found


def _wrong_margins(
    certificate: Certificate, place: int, name: str, margins: tuple[float, ...], T: float
) -> list[Found]:
    stated = (
        certificate.margin_position[place],
        certificate.margin_velocity[place],
        certificate.margin_acceleration[place],
        certificate.margin_jerk[place],
        certificate.margin_stop[place],
    )
    if all(abs(one - other) <= MARGIN for one, other in zip(stated, margins, strict=True)):
        return []
    kinds = ("position", "velocity", "acceleration", "jerk", "stop")
    return [
        (What.MARGIN, f"{name} {kind}", f"it follows from the values as {right:.9g}", f"{said:.9g}")
        for kind, said, right in zip(kinds, stated, margins, strict=True)
        if not abs(said - right) <= (MARGIN / T if kind == "jerk" else MARGIN)
    ]
