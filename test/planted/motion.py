"""Violations of the command itself: said alike by certificate, `executed` and the command topics."""

from __future__ import annotations

from math import nan

from planted.tape import Tape, with_one


def beyond_its_range(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].upper
    tape.move(place, positions=with_one(tape.certificate(place).positions, joint, limit + 0.01))


def too_fast(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].velocity
    tape.move(place, velocities=with_one(tape.certificate(place).velocities, joint, -limit - 0.001))


def too_strong(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    limit = tape.contract.deployment.limits[tape.contract.interface.joints[joint]].acceleration
    tape.move(place, accelerations=with_one(tape.certificate(place).accelerations, joint, limit + 0.001))


def too_jerky(tape: Tape) -> None:
    """From one limit of the acceleration to the other within a tick."""
    joint = 6 if len(tape.contract.interface.joints) == 7 else tape.joint()
    limits = tape.contract.deployment.limits[tape.contract.interface.joints[joint]]
    place = tape.choose()
    change = 1.2 * limits.jerk * tape.contract.tick_ns * 1e-9
    assert change <= 2 * limits.acceleration, "both values are inside their limit"
    now = tape.certificate(place).accelerations[joint]
    value = now - change if now > 0 else now + change
    tape.move(place, accelerations=with_one(tape.certificate(place).accelerations, joint, value))


def a_jump(tape: Tape) -> None:
    place, joint = tape.choose(), tape.joint()
    positions = tape.certificate(place).positions
    tape.move(place, positions=with_one(positions, joint, positions[joint] + 0.002))


def not_a_number(tape: Tape) -> None:
    place = tape.choose()
    tape.move(place, positions=with_one(tape.certificate(place).positions, tape.joint(), nan))
