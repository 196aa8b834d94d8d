"""From a data set in any format to episodes under an interface: each one that fits, and a sentence for each that does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qgf_ros.contract.load import differences
from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import episode_of
from qgf_ros.data.mapping import Mapped
from qgf_ros.data.recording import Episode, Source
from qgf_ros.errors import InterfaceMismatchError, UnfitRecording


@dataclass(frozen=True)
class Converted:
    """One recording: the episode that it became, or why it did not."""

    recording: str
    episode: Episode | None
    problem: str = ""


def convert(source: Source, name: str, interface: Interface, mapping: Mapped | None) -> Iterator[Converted]:
    """Each recording of the source, in order. A source that states the interface is read in its order; `name` is its name in messages.

    Raises:
        InterfaceMismatchError: the source states another interface, and no mapping says how to read it.
        InvalidSetting, UnknownKeys: the mapping does not fit the interface.
        UnreadableFileError: a file is damaged; what came before it was given.
    """
    stated = source.interface
    is_trusted = stated is not None and stated.row_digest == interface.row_digest
    if stated is not None and not is_trusted and mapping is None:
        raise InterfaceMismatchError(
            name, interface.row_digest, stated.row_digest, differences(interface, stated)
        )
    for recording in source.recordings():
        try:
            yield Converted(recording.name, episode_of(recording, interface, mapping, is_trusted))
        except UnfitRecording as error:
            yield Converted(recording.name, None, str(error))
