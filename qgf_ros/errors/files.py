"""Files and folders: missing, unreadable, too large, in the way; what a recording lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qgf_ros.errors.base import QgfError


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


class NotLabelledError(QgfError):
    """Data hold nothing that rewards can be made from in the way that was asked for."""

    def __init__(self, name: str, lacking: str, source: str) -> None:
        super().__init__(
            f"{name} has no {lacking}, from which `relabel: {{by: {source}}}` makes rewards: choose goal, outcome, reward or hand."
        )


class UnknownFormatError(QgfError):
    """What shall be read as a data set is of no format that there is a reader for."""

    def __init__(self, path: Path, known: Mapping[str, str]) -> None:
        formats = "; ".join(f"{name}: {what}" for name, what in known.items())
        super().__init__(f"{path} is of no known format. Read are {formats}.")


class UnfitRecording(QgfError):
    """A recording does not have what an interface asks for, or not so that it can be told."""

    def __init__(self, recording: str, problem: str) -> None:
        self.recording = recording
        super().__init__(f"{recording} does not fit the contract: {problem}.")


class FileTooLarge(QgfError):
    """A file is longer than any honest one of its kind."""

    def __init__(self, path: Path, found: int, most: int) -> None:
        super().__init__(
            f"{path} has {found} bytes or more, and at most {most} are read: is it the file that you meant?"
        )


class MissingShareError(QgfError):
    """A file of the package itself is not installed."""

    def __init__(self, relative: str, looked_in: Sequence[Path]) -> None:
        super().__init__(
            f"{relative} of qgf_ros is not installed: looked in {', '.join(map(str, looked_in))}. "
            "Install the package again, or call this from a clone."
        )


class MissingPathError(QgfError):
    """An argument names a file or folder that does not exist."""

    def __init__(self, argument: str, path: Path) -> None:
        super().__init__(
            f"{argument} is {path}, but there is no such file or folder: give the path of an existing one."
        )


class FolderExistsError(QgfError):
    """A recording shall go where something is already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} exists already, and a recording is never written over: give the name of a new folder."
        )


class CannotWriteError(QgfError):
    """A recording cannot be begun where it shall go."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"{folder} cannot be written ({error.strerror}): give a folder on a disk with room that this user may write to."
        )


class MissingDefinitionError(QgfError):
    """The definition of a message type cannot be found."""

    def __init__(self, name: str, places: Sequence[Path]) -> None:
        package, _, kind = name.partition("/")
        looked_in = ", ".join(map(str, places)) or "no place"
        super().__init__(
            f"share/{package}/msg/{kind}.msg was found in none of {looked_in}: install the package {package}, or source the "
            "workspace that has it."
        )


class UnreadableCertificate(QgfError):
    """A certificate that is not one of this version."""

    def __init__(self, keys: Sequence[str], problem: str) -> None:
        super().__init__(f"The certificate's {', '.join(keys)}: {problem}; was it written by this version?")


class NoContractError(QgfError):
    """A recording without the contract that it was made under."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The recording brings no contract along: {problem}. Name the one that was in force: `--contract FILE`."
        )


class NoActionsError(QgfError):
    """A recording that cannot become episodes, since it is not known what was played."""

    def __init__(self, folder: Path, topic: str, namespaces: Sequence[str]) -> None:
        found = (
            f"those of {len(namespaces)} command nodes ({', '.join(namespaces)})" if namespaces else "none"
        )
        super().__init__(
            f"{folder} has the actions of no one command node (topic {topic}), but {found}: record one with `record:=FOLDER`."
        )


class NotVerifiableError(QgfError):
    """A recording in which there is nothing to verify."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(f"{folder} cannot be verified: {problem}.")


class TooManyAtOnce(QgfError):
    """A recording whose messages cannot be put in order without keeping all of them."""

    def __init__(self, seconds: float, most: int, most_bytes: int) -> None:
        super().__init__(
            f"More than {most} messages or {most_bytes} bytes lie within {seconds:g} s: no robot sends as many, and no more are kept."
        )


class UnreadableMessage(QgfError):
    """A recorded message whose bytes are not what its type says."""

    def __init__(self, topic: str, type_name: str, problem: str) -> None:
        super().__init__(f"A message on {topic} is no {type_name}: {problem}.")
