"""A contract under the parameters that it runs with: what the baseline compares, and what people read at start."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from qgf_ros.bounds import MODEL_BYTES, read_file
from qgf_ros.contract.schema import Contract
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.session import SessionConfig
from qgf_ros.errors import InvalidSetting
from qgf_ros.seen import Seen


@dataclass(frozen=True)
class Deployed:
    """`seen_words` say where `seen` comes from, or why it is not known; `black_box` is None where nothing is recorded.

    Raises:
        InvalidSetting: first motion shall be refused away from data that nobody knows.
    """

    contract: Contract
    config: SessionConfig
    seen: Seen | None = None
    seen_words: str = "not known: the parameter seen names no checkpoint"
    black_box: Path | None = None
    is_lockstep: bool = False

    def __post_init__(self) -> None:
        if self.config.first_motion is FirstMotion.REFUSE and self.seen is None:
            accepted = (
                f"slow where the data seen are not known ({self.seen_words.removeprefix('not known: ')})"
            )
            raise InvalidSetting("first_motion", FirstMotion.REFUSE.value, accepted)

    @property
    def scene_digest(self) -> str | None:
        """sha256 of the scene's file, without those that it includes; None where the contract names none.

        Raises:
            MissingFileError, FileTooLarge: the file is no longer what was loaded.
        """
        path = self.contract.scene_path
        return None if path is None else hashlib.sha256(read_file(path, MODEL_BYTES)).hexdigest()
