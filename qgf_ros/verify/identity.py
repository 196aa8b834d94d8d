"""Whether a certificate is one of this version and this contract, and can be computed with at all."""

from __future__ import annotations

import math

from qgf_ros.certificate import REASONS, Certificate
from qgf_ros.datatypes import Rung, Verdict
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

VERDICTS = tuple(verdict.value for verdict in Verdict)
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
    if not 0.0 <= certificate.speed <= 1.0:
        found.append((What.SPEED, "", "a path's speed is 0 to 1", f"{certificate.speed:g}"))
    if certificate.shadow and certificate.commands:
        found.append((What.SHADOW, "", "in shadow mode nothing is sent", f"{certificate.commands} commands"))
    for text in certificate.findings:
        verdict, _, rest = text.partition(":")
        if verdict not in VERDICTS or rest.partition(":")[0] not in REASONS:
            found.append((What.FINDING, text, "verdict and reason are those of this version", "another"))
    if certificate.rung not in RUNGS:
        found.append((What.FINDING, "rung", "chunk, tail, hold or stop", certificate.rung))
    return found
