"""robomimic HDF5, and what robosuite, MimicGen and LIBERO write in that layout: one file, one group a demonstration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgf_ros.bounds import check_file
from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.needed import need
from qgf_ros.data.recording import Recording
from qgf_ros.errors import InvalidSetting

LAYOUT = "in robomimic's HDF5 layout"


class RobomimicSource:
    """State: what the file says of itself. It is read by `robomimic_file.py`, in a process of its own, a demonstration at a time.

    `left_out`: what of the recordings read so far was not taken, and why. Columns and success: as `robomimic_file.read` says.
    """

    format = "robomimic"
    interface: Interface | None = None

    def __init__(self, path: Path, chosen: str | None = None) -> None:
        """`chosen`: the filter whose demonstrations are read; all of them where it is None.

        Raises:
            MissingExtraError: h5py is not installed.
            MissingFileError: there is no such file.
            UnreadableFileError: it is damaged, or in another layout.
            InvalidSetting: it has no filter of that name.
        """
        need("h5py", "Reading robomimic files")
        check_file(path, 2**63)
        facts = Apart(path, LAYOUT, "robomimic_file").facts()
        self._filters: dict[str, int] = facts["filters"]
        if chosen is not None and chosen not in self._filters:
            raise InvalidSetting("filter", chosen, " or ".join(self._filters) or "none: the file has none")
        self.rate_hz: float | None = facts["rate_hz"]
        self._count: int = facts["count"] if chosen is None else self._filters[chosen]
        self._apart = Apart(path, LAYOUT, "robomimic_file", *([] if chosen is None else [chosen]))
        self.left_out: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many demonstrations there are, of the chosen filter."""
        return self._count

    def filters(self) -> tuple[str, ...]:
        """The names of the file's lists of demonstrations: `train`, `valid` and others."""
        return tuple(self._filters)

    def recordings(self) -> Iterator[Recording]:
        """Each demonstration, in the order of their numbers. Raises UnreadableFileError."""
        for recording, left_out in self._apart.recordings():
            self.left_out.update(left_out)
            yield recording
