"""Whether what a certificate says in words fits its numbers: checks that ran, findings, clipped targets, the path's speed, reasons."""

from __future__ import annotations

from qgf_ros.certificate import CHECKS, HOLDS, REASONS, REFUSALS, TOOL_CHECKS, Certificate
from qgf_ros.datatypes import Verdict
from qgf_ros.verify.chunks import PLAYED
from qgf_ros.verify.motion import Found
from qgf_ros.verify.violation import What

VERDICTS = tuple(verdict.value for verdict in Verdict)
PATH = ("scale", "chunk_speed", "velocity")  # who asks for a slower path, and cannot have it at full speed
UP_PER_S = 2.0  # of full speed: so the path's speed rises again when nobody asks for less
ROUNDING = 1e-9


class FindingsWatch:
    """State: the path's speed at the last tick. Knows which checks must run."""

    def __init__(self, has_kinematics: bool, tick_s: float) -> None:
        """`has_kinematics`: the tool can be watched; it must be where it has bounds."""
        self._has_kinematics, self._up = has_kinematics, UP_PER_S * tick_s
        self._is_known = False  # whether there was a last tick
        self._speed = 1.0

    def forget(self) -> None:
        """What the last tick said is not known."""
        self._is_known = False

    def check(self, certificate: Certificate, is_tool_bounded: bool) -> list[Found]:
        """The words of one tick; `is_tool_bounded`: the limits in force bound the tool."""
        found = _check_reasons(certificate)
        if not certificate.positions:
            self._speed, self._is_known = 1.0, True
            return found
        needed = CHECKS + TOOL_CHECKS * (self._has_kinematics and is_tool_bounded)
        lacking = [name for name in needed if name not in certificate.checks]
        if lacking:
            found.append((What.CHECKS, "", f"{', '.join(needed)} must run", f"without {', '.join(lacking)}"))
        found += _check_findings(certificate)
        return found + self._check_speed(certificate)

    def _check_speed(self, certificate: Certificate) -> list[Found]:
        """Below 1 where somebody asks for less, or while it rises again after somebody did; a hold has none."""
        before, self._speed = self._speed, certificate.speed
        is_known, self._is_known = self._is_known, True
        slow = {text.split(":")[1] for text in certificate.findings if text.startswith("slow:")}
        if not 0.0 <= certificate.speed <= 1.0:
            self._speed = 1.0
            return [(What.SPEED, "", "a path's speed is 0 to 1", f"{certificate.speed:g}")]
        if certificate.rung not in PLAYED:
            self._speed = 1.0
            if certificate.speed == 1.0:
                return []
            return [(What.SPEED, "", "a hold has no path, and says 1", f"{certificate.speed:g}")]
        if certificate.speed == 1.0 and not slow.isdisjoint(PATH):
            return [(What.SPEED, "", f"{', '.join(sorted(slow))} ask for less than 1", "1")]
        if (
            certificate.speed < 1.0
            and not slow
            and is_known
            and certificate.speed < before + self._up - ROUNDING
        ):
            expected = f"nobody asks for less than {min(before + self._up, 1.0):g}"
            return [(What.SPEED, "", expected, f"{certificate.speed:g}")]
        return []


def _check_findings(certificate: Certificate) -> list[Found]:
    found: list[Found] = []
    for text in certificate.findings:
        parts = text.split(":", 2)
        if len(parts) < 2 or not all(parts) or parts[0] not in VERDICTS or parts[1] not in REASONS:
            expected = "verdict:reason:subject, with verdict and reason of this version"
            found.append((What.FINDING, text, expected, "another"))
    clamps = sum(text.startswith("clamp:") for text in certificate.findings)
    if certificate.clipped != clamps:
        found.append((What.FINDING, "clipped", f"{clamps} findings clamp", str(certificate.clipped)))
    code = certificate.reason.partition(":")[0]
    named = {text.split(":")[1] for text in certificate.findings if text.startswith(("hold:", "stop:"))}
    if named != {code} & REASONS:
        said = f"reason '{certificate.reason}', and {', '.join(sorted(named)) or 'nothing'}"
        found.append((What.FINDING, "reason", "a hold's or a stop's reason is its finding", said))
    return found


def _check_reasons(certificate: Certificate) -> list[Found]:
    found: list[Found] = []
    code = certificate.reason.partition(":")[0]
    is_played = certificate.rung in PLAYED
    if code not in (("",) if is_played else REASONS | HOLDS | REFUSALS):
        expected = "none while chunks are played" if is_played else "one of this version"
        found.append((What.FINDING, "reason", expected, certificate.reason or "none"))
    if certificate.refused and certificate.refused not in REFUSALS:
        found.append((What.FINDING, "refused", "a reason of this version", certificate.refused))
    return found
