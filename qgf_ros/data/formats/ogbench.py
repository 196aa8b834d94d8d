"""OGBench npz, and our own data sets, which are in that layout: one file, or a folder of slices, episodes end to end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import IN_MEMORY_BYTES, LAYOUT, npz_files, stored_interface
from qgf_ros.data.npz import open_arrays
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import UnreadableFileError

OBSERVATIONS, ACTIONS, ENDS = "observations", "actions", "terminals"
INTERFACE, OUTCOMES, TASK = "interface", "outcomes", "task"  # ours: beside the rows
NOT_MARKED = -1  # in OUTCOMES (rows,) int8, which at an episode's last row holds 1 for success, 0 for failure


class OgbenchSource:
    """State: the list of files. Arrays are mapped where they lie, or read where they are compressed and small enough."""

    format = "ogbench"
    rate_hz: float | None = None

    def __init__(self, path: Path) -> None:
        """Looks at the first file only.

        Raises:
            MissingFileError, UnreadableFileError: as `open_arrays`, or an array of the layout is missing.
        """
        self._files = npz_files(path)
        self.left_out: dict[str, str] = {}
        first = _arrays(self._files[0])
        self.interface: Interface | None = None
        if INTERFACE in first:
            self.interface = stored_interface(self._files[0], first[INTERFACE])

    @property
    def count(self) -> int:
        """How many episodes there are: their ends, counted."""
        return sum(int(np.count_nonzero(_arrays(file)[ENDS])) for file in self._files)

    def recordings(self) -> Iterator[Recording]:
        """Each episode. Raises UnreadableFileError."""
        for file in self._files:
            yield from self._episodes(file)

    def _episodes(self, file: Path) -> Iterator[Recording]:
        arrays = _arrays(file)
        rows = arrays[ENDS].size
        ends = np.flatnonzero(arrays[ENDS])
        if not len(ends) or ends[-1] != rows - 1:
            raise UnreadableFileError(file, LAYOUT, "its last episode has no end")
        marks, task = arrays.get(OUTCOMES), arrays.get(TASK)
        columns = {}
        for name in arrays:
            if name in (ENDS, INTERFACE, OUTCOMES, TASK):
                continue
            if arrays[name].shape[:1] == (rows,):
                columns[name] = arrays[name]
            else:
                self.left_out[name] = f"its shape is {arrays[name].shape}, not one row a step"
        begin = 0
        for number, end in enumerate((ends + 1).tolist()):
            mark = NOT_MARKED if marks is None else int(marks[end - 1])
            yield Recording(
                f"{file.stem}/{number}",
                {name: Column(array[begin:end]) for name, array in columns.items()},
                None if mark == NOT_MARKED else bool(mark),
                "" if task is None else str(task),
            )
            begin = end


def _arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file in the layout: those that all have are there, with as many rows each."""
    try:
        arrays = open_arrays(file, in_memory=False)
    except UnreadableFileError:
        if not file.is_file() or file.stat().st_size > IN_MEMORY_BYTES:
            raise
        arrays = open_arrays(file, in_memory=True)
    missing = [name for name in (OBSERVATIONS, ACTIONS, ENDS) if name not in arrays]
    if missing:
        raise UnreadableFileError(file, LAYOUT, f"it lacks {', '.join(missing)}")
    rows = {name: len(arrays[name]) if arrays[name].ndim else 0 for name in (OBSERVATIONS, ACTIONS, ENDS)}
    if arrays[ENDS].ndim != 1 or len(set(rows.values())) != 1:
        found = ", ".join(f"{name} {arrays[name].shape}" for name in rows)
        raise UnreadableFileError(file, LAYOUT, f"its arrays differ in length: {found}")
    if OUTCOMES in arrays and arrays[OUTCOMES].shape != arrays[ENDS].shape:
        raise UnreadableFileError(file, LAYOUT, f"{OUTCOMES} has the shape {arrays[OUTCOMES].shape}")
    return arrays
