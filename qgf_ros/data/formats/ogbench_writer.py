"""Writes episodes as a data set that `qgf train` reads: slices of whole episodes in the OGBench layout, with their interface."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import PART
from qgf_ros.data.formats.ogbench import ACTIONS, ENDS, INTERFACE, NOT_MARKED, OBSERVATIONS, OUTCOMES, TASK
from qgf_ros.data.recording import Episode
from qgf_ros.errors import FolderExistsError

SLICE_BYTES = 128 * 1024**2  # a slice ends with the episode that fills it


class OgbenchWriter:
    """A context manager. State: the episodes of the slice in the making.

    A slice holds episodes of one task that carry the same further arrays; where those change the next slice begins. Each
    appears whole or not at all.
    """

    def __init__(self, folder: Path, interface: Interface, slice_bytes: int = SLICE_BYTES) -> None:
        """Raises FolderExistsError where slices are there already: a data set is never mixed by accident."""
        if folder.exists() and any(folder.glob("*.npz")):
            raise FolderExistsError(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._interface, self._most = folder, interface, slice_bytes
        self._episodes: list[Episode] = []
        self._bytes = 0
        self.files: list[Path] = []

    def __enter__(self) -> OgbenchWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()

    def write(self, episode: Episode) -> None:
        """Adds an episode of at least one row."""
        if self._episodes and _layout(episode) != _layout(self._episodes[0]):
            self._finish_slice()
        self._episodes.append(episode)
        self._bytes += sum(array.nbytes for array in _rows(episode).values())
        if self._bytes >= self._most:
            self._finish_slice()

    def close(self) -> None:
        """Writes what is left."""
        if self._episodes:
            self._finish_slice()

    def _finish_slice(self) -> None:
        rows = [_rows(episode) for episode in self._episodes]
        arrays: dict[str, npt.NDArray[Any]] = {
            name: np.concatenate([part[name] for part in rows]) for name in rows[0]
        }
        arrays[INTERFACE] = np.array(json.dumps(self._interface.canonical(), sort_keys=True))
        if self._episodes[0].task:
            arrays[TASK] = np.array(self._episodes[0].task)
        path = self._folder / f"slice-{len(self.files):04d}.npz"
        part = path.with_name(path.stem + PART)
        np.savez(part, allow_pickle=False, **arrays)
        part.replace(path)
        self.files.append(path)
        self._episodes, self._bytes = [], 0


def _layout(episode: Episode) -> tuple[str, dict[str, tuple[str, tuple[int, ...]]]]:
    return episode.task, {name: (array.dtype.str, array.shape[1:]) for name, array in episode.extra.items()}


def _rows(episode: Episode) -> dict[str, npt.NDArray[Any]]:
    ends, marks = np.zeros(episode.rows, bool), np.full(episode.rows, NOT_MARKED, np.int8)
    ends[-1] = True
    marks[-1] = NOT_MARKED if episode.success is None else int(episode.success)
    ours = {OBSERVATIONS: episode.observations, ACTIONS: episode.actions, ENDS: ends, OUTCOMES: marks}
    return {**episode.extra, **ours}
