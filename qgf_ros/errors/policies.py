"""Checkpoints, exported policies, sampling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qgf_ros.errors.base import QgfError


class InterfaceMismatchError(QgfError):
    """Contract and checkpoint (or data set) speak different languages."""

    def __init__(self, what: str, expected: str, found: str, differences: Sequence[str]) -> None:
        listed = "; ".join(differences) or "no readable difference"
        super().__init__(
            f"{what} was made for interface {found[:12]}, the contract has {expected[:12]}: {listed}. "
            "Use the contract it was made with, or train again."
        )


class CheckpointError(QgfError):
    """A checkpoint that cannot be used."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"Checkpoint {folder} cannot be loaded: {problem}.")


class NoGoalError(QgfError):
    """A policy whose critic must be told of a goal is used without one."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs a critic of one goal, and this one knows no goal yet: give it one, or take a checkpoint that was trained for one."
        )


class ProposalNotFinite(QgfError):
    """A policy's answer holds values that are no numbers."""

    def __init__(self, index: int) -> None:
        super().__init__(
            f"Chunk {index} of the episode holds values that are not finite; it was not sent: check the checkpoint and its training."
        )


class NoPlanError(QgfError):
    """In lockstep, by the costs that are stated, not even the cheapest walk fits the deadline."""

    def __init__(self, cheapest_s: float, left_s: float) -> None:
        super().__init__(
            f"By the stated virtual costs the cheapest walk takes {cheapest_s * 1e3:.3g} ms, and {left_s * 1e3:.3g} ms are left "
            "to it: state lower costs, or a longer deadline_s."
        )


class ExportDiffersError(QgfError):
    """An exported policy does not answer as its checkpoint does."""

    def __init__(self, path: Path, error: float, tolerance: float) -> None:
        super().__init__(
            f"{path} was not written: in ONNX Runtime its actions differ by {error:.1e} from the checkpoint's, where at most "
            f"{tolerance:.0e} is accepted; another version of onnxruntime may compute it right."
        )


class BenchFailed(QgfError):
    """A measurement that ended without figures."""

    def __init__(self, program: str, status: int) -> None:
        super().__init__(
            f"The measurement {program} ended with status {status} and wrote no figures: the reason stands above; status 0 is "
            "expected."
        )


class NotNamedError(QgfError):
    """A folder that shall say which checkpoint is in use does not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} names no checkpoint: it has no link `current` to one of its versions; `qgf promote --name` makes such a folder."
        )


class OtherParentError(QgfError):
    """Trials were made against another checkpoint than the one that is in use."""

    def __init__(self, folder: Path, in_use: str, given: str) -> None:
        super().__init__(
            f"{folder} points at the checkpoint {in_use[:12]}, the parent given is {given[:12]}: give {folder}/current as the parent."
        )


class NothingBeforeError(QgfError):
    """A name is to go back, and nothing came before."""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(
            f"{folder} cannot be rolled back: {version} is the first version that it pointed at."
        )


class OtherPolicyError(QgfError):
    """A critic is to be swapped while the robot moves, and the flow policy is another too."""

    def __init__(self, candidate: Path, current: Path) -> None:
        super().__init__(
            f"{candidate} has another flow policy or normalizer than {current}, and only the critic is swapped while the node runs: "
            "configure the node with it instead."
        )


class SwapFailed(QgfError):
    """A candidate could not be made ready beside the policy that runs."""

    def __init__(self, candidate: Path, error: Exception) -> None:
        super().__init__(
            f"The candidate {candidate} was not taken: its warm-up ended with {type(error).__name__}, {error}; what runs stays, and "
            "a checkpoint that configures is needed."
        )
