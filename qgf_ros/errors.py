"""One class for each mistake a user can make. The constructor takes facts and writes the sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class QgfError(Exception):
    """Base of every error that a user of qgf_ros can cause.

    Its text is one sentence for the user: what was wrong, what was found, what would be accepted. A command line or a node
    catches this class, prints the sentence and stops safely; any other exception is a bug of ours.
    """


class InvalidSetting(QgfError):
    """A configuration value lies outside what is accepted."""

    def __init__(self, name: str, found: object, accepted: str) -> None:
        self.name = name
        self.found = found
        self.accepted = accepted
        super().__init__(f"{name} is {found!r}, but it must be {accepted}.")


class UnknownKeys(QgfError):
    """A mapping holds keys that nobody would read, or lacks keys that are needed."""

    def __init__(self, where: str, unknown: Iterable[str], valid: Iterable[str], missing: Iterable[str] = ()) -> None:
        self.where = where
        self.unknown = tuple(sorted(unknown))
        self.missing = tuple(sorted(missing))
        faults = []
        if self.unknown:
            faults.append(f"has unknown keys {', '.join(self.unknown)}")
        if self.missing:
            faults.append(f"lacks {', '.join(self.missing)}")
        super().__init__(f"{where} {' and '.join(faults)}; the valid keys are {', '.join(sorted(valid))}.")


class ShapeMismatch(QgfError):
    """An array has another shape than its user needs."""

    def __init__(self, name: str, found: Sequence[int], expected: str) -> None:
        self.name = name
        self.found = tuple(found)
        super().__init__(f"{name} has the shape {self.found}, but {expected} is needed.")


class DatasetTooShort(QgfError):
    """A data set holds fewer transitions than one chunk needs."""

    def __init__(self, transitions: int, horizon: int) -> None:
        self.transitions = transitions
        self.horizon = horizon
        super().__init__(
            f"The data set holds {transitions} transitions, but a chunk of horizon {horizon} needs at least {horizon}."
        )


class MissingFileError(QgfError):
    """A file that a command or parameter names does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no file {path}: give the path of an existing file.")


class UnreadableFileError(QgfError):
    """A file exists but is not what it should be."""

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(f"{path} is not {expected}: {found}.")


class ContractError(QgfError):
    """A contract whose parts do not fit together."""

    def __init__(self, path: Path, problem: str, accepted: str) -> None:
        super().__init__(f"Contract {path.name}: {problem}; {accepted}.")


class InterfaceMismatchError(QgfError):
    """Contract and checkpoint (or data set) speak different languages."""

    def __init__(self, what: str, expected: str, found: str, differences: Sequence[str]) -> None:
        listed = "; ".join(differences) or "no readable difference"
        super().__init__(
            f"{what} was made for interface {found[:12]}, the contract has {expected[:12]}: {listed}. "
            "Use the contract it was made with, or train again."
        )


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


class UnknownTaskError(QgfError):
    """A simulation task that does not exist."""

    def __init__(self, name: str, available: Sequence[str]) -> None:
        super().__init__(f"There is no task '{name}': available are {', '.join(available)}.")


class CheckpointError(QgfError):
    """A checkpoint that cannot be used."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"Checkpoint {folder} cannot be loaded: {problem}.")


class MissingRosError(QgfError):
    """rclpy cannot be imported."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"rclpy cannot be imported ({cause}): source a ROS 2 installation, or install the wheels with pip install 'qgf_ros[ros]'.")


class DoubledRosError(QgfError):
    """rclpy comes from a pip wheel and from a ROS installation at once."""

    def __init__(self, wheel: Path, other: Path) -> None:
        super().__init__(
            f"rclpy is found twice, as a pip wheel in {wheel} and as part of a ROS installation in {other}; mixing them crashes: "
            "open a shell in which ROS is not sourced, or an environment without the wheels."
        )
