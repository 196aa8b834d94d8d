"""Minari data sets: a folder with `metadata.json`, and episodes in one HDF5 file or in Arrow files, a folder each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgf_ros.bounds import SPACES_BYTES, check_file
from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.needed import need
from qgf_ros.data.recording import Recording
from qgf_ros.errors import UnreadableFileError
from qgf_ros.strict import read_json

LAYOUT = "a Minari data set"
METADATA, DATA, MAIN = "metadata.json", "data", "main_data.hdf5"
PACKAGES = {"hdf5": "h5py", "arrow": "pyarrow"}  # by `data_format`


class MinariSource:
    """State: what the data set says of itself. Episodes are read by `minari_file.py`, in a process of its own, one at a time.

    `left_out`: what of the recordings read so far was not taken, and why. Columns: as `minari_file.read` says.
    """

    format = "minari"
    rate_hz: float | None = None
    interface: Interface | None = None

    def __init__(self, path: Path) -> None:
        """`path`: the data set's folder, or the folder `data` in it.

        Raises:
            MissingFileError, FileTooLarge: there is no `metadata.json` or no data, or the former is longer than SPACES_BYTES.
            MissingExtraError: h5py or pyarrow is not installed.
            UnreadableFileError: it is damaged, or keeps its episodes in another way.
        """
        folder = path if (path / METADATA).is_file() else path / DATA
        stated = read_json(folder / METADATA, SPACES_BYTES)
        kind = stated.get("data_format", "hdf5")  # absent in the oldest
        if not isinstance(kind, str) or kind not in PACKAGES:
            found = f"its data_format is {kind!r}, and {' and '.join(PACKAGES)} are read"
            raise UnreadableFileError(folder / METADATA, LAYOUT, found)
        need(PACKAGES[kind], f"Reading Minari data sets in {kind}")
        if kind == "hdf5":
            check_file(folder / MAIN, 2**63)
        self._apart = Apart(folder, LAYOUT, "minari_file", kind)
        self._count = int(self._apart.facts()["count"])
        total = stated.get("total_episodes", self._count)
        if total != self._count:
            found = f"it states {total} episodes, and {self._count} are there"
            raise UnreadableFileError(folder, LAYOUT, found)
        self.left_out: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many episodes there are."""
        return self._count

    def recordings(self) -> Iterator[Recording]:
        """Each episode, in the order of their numbers. Raises UnreadableFileError."""
        for recording, left_out in self._apart.recordings():
            self.left_out.update(left_out)
            yield recording
