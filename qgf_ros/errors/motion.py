"""Contracts, limits, and what the command node refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgf_ros.errors.base import QgfError


class ContractError(QgfError):
    """A contract whose parts do not fit together."""

    def __init__(self, path: Path, problem: str, accepted: str) -> None:
        super().__init__(f"Contract {path.name}: {problem}; {accepted}.")


class ObservationRefused(QgfError):
    """An observation cannot be assembled now. `reason` is a stable code for diagnostics; the robot holds meanwhile."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class ChunkRefused(QgfError):
    """An action chunk that the command gate will not play. `reason` is a stable code for diagnostics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class MotionRefused(QgfError):
    """Chunks may not be played from where the robot stands. `reason` is a stable code for diagnostics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class LimiterError(QgfError):
    """Limits under which not even a stop can be planned."""

    def __init__(self, joints: Sequence[str], found: str) -> None:
        first = found.strip().splitlines()[0] if found.strip() else "no reason given"
        super().__init__(
            f"No stop can be planned for {', '.join(joints)} ({first}): "
            "the limits in deployment.limits must be those of a real arm."
        )


class DisjointLimitsError(QgfError):
    """Two sources of limits that nothing fits at once."""

    def __init__(self, what: str, ours: tuple[float, float], theirs: tuple[float, float]) -> None:
        super().__init__(
            f"The limits leave {what} no place: {ours[0]:g} to {ours[1]:g} by one source, {theirs[0]:g} to {theirs[1]:g} by "
            "the other; ranges that meet are needed. Is it the same robot, and the same zero of its joints?"
        )


class MissingBaselineError(QgfError):
    """A contract whose limits have nothing to be compared with."""

    def __init__(self, name: str, contract: Path, places: Sequence[Path]) -> None:
        super().__init__(
            f"There is no baseline '{name}' in {', '.join(map(str, places))}: without one nobody would notice weakened "
            f"limits. Write it with `qgf limits {contract} --write-baseline`, read it, and commit it."
        )


class WeakerThanBaselineError(QgfError):
    """Limits or checks weaker than the committed ones."""

    def __init__(self, baseline: Path, weaker: Sequence[str]) -> None:
        super().__init__(
            f"Weaker than the baseline {baseline}: {'; '.join(weaker)}. Tighten the contract or the parameters, or change the "
            "baseline on purpose with `qgf limits CONTRACT --write-baseline`."
        )


class RobotDescriptionError(QgfError):
    """A robot_description whose limits cannot be read, or that is another robot's."""

    def __init__(self, problem: str, accepted: str) -> None:
        super().__init__(
            f"robot_description cannot be used: {problem}; expected: {accepted}. Its limits would tighten the contract's."
        )


class PhaseNotReachedError(QgfError):
    """An episode that never came to the phase in which a fault was to strike."""

    def __init__(self, phase: str, ticks: int) -> None:
        super().__init__(
            f"In {ticks} ticks the arm never came to the phase '{phase}': does the policy still solve the task that it was "
            "trained for?"
        )
