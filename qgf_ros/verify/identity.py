"""Whether a certificate is one of this version and this contract, and can be computed with at all."""

from __future__ import annotations

import math

from qgf_ros.certificate import Certificate
from qgf_ros.datatypes import Rung
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

RUNGS = tuple(rung.value for rung in Rung)


def misshapen(certificate: Certificate, joints: int) -> list[Found]:
    """Vectors of the wrong length or not finite: nothing further can be computed."""
    count = len(certificate.positions)
    vectors = (
        certificate.velocities,
        certificate.accelerations,
        certificate.margin_position,
        certificate.margin_velocity,
        certificate.margin_acceleration,
        certificate.margin_jerk,
        certificate.margin_stop,
    )
    if count not in (0, joints) or any(len(vector) != count for vector in vectors):
        return [
            (
                What.NOT_FINITE,
                "",
                f"vectors have {joints} values, or none",
                f"{count} positions",
            )
        ]
    if len(certificate.joint_ages_s) != joints:
        return [(What.AGE, "", f"there are {joints} ages", str(len(certificate.joint_ages_s)))]
    if not all(
        map(math.isfinite, certificate.positions + certificate.velocities + certificate.accelerations)
    ):
        return [(What.NOT_FINITE, "", "a command is finite", "a value that is not")]
    return []


def check_identity(certificate: Certificate, digest: str) -> list[Found]:
    """Whether it names this contract, whose digest is given, and speaks this version's words."""
    found: list[Found] = []
    if certificate.contract != digest:
        found.append(
            (
                What.CONTRACT,
                "",
                f"the contract is {digest[:12]}",
                certificate.contract[:12] or "none",
            )
        )
    if certificate.shadow and certificate.commands:
        found.append((What.SHADOW, "", "in shadow mode nothing is sent", f"{certificate.commands} commands"))
    if certificate.rung not in RUNGS:
        found.append((What.FINDING, "rung", "chunk, tail, hold or stop", certificate.rung))
    return found
