"""LeRobot data sets, v2.0, v2.1 and v3.0, read as they lie on the disk: parquet, JSON and mp4, without the package lerobot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import NORMALISED
from qgf_ros.data.formats import lerobot_v2, lerobot_v3
from qgf_ros.data.formats.lerobot_entry import Entry
from qgf_ros.data.formats.lerobot_info import LAYOUT, OWN, Feature, read_info
from qgf_ros.data.formats.lerobot_video import png_frames, video_frames
from qgf_ros.data.formats.parquet_file import ParquetFile, numbers_of, refused
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import UnreadableFileError

STATE, ACTION = "observation.state", "action"
NORMALISED_ACTION = f"{OWN}.normalised_action"  # ours: beside the physical ones, so that nothing is rounded
SUCCESS, DONE = "next.success", "next.done"
# Where a row stands, which episode and order say already.
BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")
_AGREE = 1e-4  # of a dimension's range: physical and normalised actions that differ by more are two truths


class LerobotSource:
    """State: what the metadata say. Rows are read a row group at a time, images only where asked for.

    `left_out`: features that are not read: texts, depth, and images where they were not asked for. In a data set that we
    wrote actions are given in [-1, 1], as an interface has them.
    """

    format = "lerobot"

    def __init__(self, path: Path, with_images: bool = False) -> None:
        """Reads the metadata of the data set in a folder.

        Raises:
            MissingFileError, UnreadableFileError, FileTooLarge: no such data set is there, it was not finalised, or is damaged.
            InvalidSetting, UnknownKeys: meta/info.json makes no sense, or leads out of the folder.
            MissingExtraError: pyarrow is not installed.
        """
        self._info = info = read_info(path)
        self.rate_hz: float | None = info.rate_hz
        self.interface: Interface | None = info.interface
        wanted = ("numbers", "image", "video") if with_images else ("numbers",)
        known = [feature for feature in info.features.values() if feature.kind in wanted]
        self._features = {feature.key: feature for feature in known}
        self.left_out = {
            key: _why(entry) for key, entry in info.features.items() if key not in self._features
        }
        videos = tuple(key for key, feature in self._features.items() if feature.kind == "video")
        version = lerobot_v3 if info.version == "v3.0" else lerobot_v2
        self._entries = version.read_entries(info, videos)
        self._tasks = version.read_tasks(info) if self._entries else {}

    @property
    def count(self) -> int:
        """How many episodes there are."""
        return len(self._entries)

    def recordings(self) -> Iterator[Recording]:
        """Each episode by its index. Raises UnreadableFileError, and what it needs for images MissingExtraError."""
        file: _RowsFile | None = None
        try:
            for entry in self._entries:
                if file is None or file.path != entry.data:
                    if file is not None:
                        file.close()
                    file = _RowsFile(entry.data)
                yield self._recording(entry, file)
        finally:
            if file is not None:
                file.close()

    def _recording(self, entry: Entry, file: _RowsFile) -> Recording:
        stored = {key: feature for key, feature in self._features.items() if feature.kind != "video"}
        place = [key for key in BOOKKEEPING if key in stored]
        table = file.episode(entry, [*stored])
        arrays = {
            key: numbers_of(table, key, feature.shape, file.path)
            for key, feature in stored.items()
            if feature.kind == "numbers"
        }
        _check_order(arrays, entry, file.path)
        columns: dict[str, Column] = {}
        for key, feature in self._features.items():
            if key in place or key in (SUCCESS, DONE, NORMALISED_ACTION):
                continue
            values = (
                arrays[key] if feature.kind == "numbers" else self._images(feature, entry, table, file.path)
            )
            if feature.own.is_vector and values.ndim == 1:
                values = values.reshape(-1, 1)
            columns[feature.own.column or key] = Column(values, feature.names, feature.own.units)
        if self.interface is not None and ACTION in columns:
            columns[ACTION] = _normalised(
                columns[ACTION], arrays.get(NORMALISED_ACTION), self.interface, file.path
            )
        success = entry.outcome
        if success is None and self.interface is None and SUCCESS in arrays:
            success = bool(np.any(arrays[SUCCESS]))
        return Recording(
            f"{self._info.root.name}/{entry.index}", columns, success, self._task(arrays, file.path)
        )

    def _images(self, feature: Feature, entry: Entry, table: Any, path: Path) -> npt.NDArray[Any]:
        if feature.kind == "video":
            return video_frames(entry.clips[feature.key], entry.length, self._info.rate_hz, feature.shape)
        with refused(path):
            contents = [value["bytes"].as_py() for value in table.column(feature.key).combine_chunks()]
        return png_frames(contents, feature.shape, path)

    def _task(self, arrays: dict[str, npt.NDArray[Any]], path: Path) -> str:
        if "task_index" not in arrays or not len(arrays["task_index"]):
            return ""
        index = int(arrays["task_index"][0])
        if index not in self._tasks:
            raise UnreadableFileError(
                path, LAYOUT, f"its task {index} is none of the {len(self._tasks)} tasks"
            )
        return self._tasks[index]


class _RowsFile:
    """State: an open file of rows, and where each episode's stand in it."""

    def __init__(self, path: Path) -> None:
        self._file = ParquetFile(path)
        self.path = path
        column = "episode_index"
        values = numbers_of(self._file.rows_of([column]), column, (1,), path)
        starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
        stops = np.append(starts[1:], len(values))
        self._ranges = {
            int(values[start]): (int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)
        }
        if len(self._ranges) < len(starts):
            raise UnreadableFileError(path, LAYOUT, "the rows of an episode do not stand together")

    def episode(self, entry: Entry, columns: list[str]) -> Any:
        """The rows of an episode; as many as the metadata state."""
        start, stop = self._ranges.get(entry.index, (0, 0))
        if stop - start != entry.length:
            problem = (
                f"it has {stop - start} rows of episode {entry.index}, and the metadata state {entry.length}"
            )
            raise UnreadableFileError(self.path, LAYOUT, problem)
        return self._file.rows_of(columns, start, stop)

    def close(self) -> None:
        self._file.close()


def _why(feature: Feature) -> str:
    """Why a feature is not read."""
    return (
        "images were not asked for"
        if feature.kind in ("image", "video")
        else "it holds neither numbers nor colours"
    )


def _check_order(arrays: dict[str, npt.NDArray[Any]], entry: Entry, path: Path) -> None:
    if "frame_index" in arrays and not (np.diff(arrays["frame_index"]) == 1).all():
        raise UnreadableFileError(path, LAYOUT, f"the rows of episode {entry.index} are not in order")


def _normalised(physical: Column, exact: npt.NDArray[Any] | None, interface: Interface, path: Path) -> Column:
    """Actions as the interface has them. Both ways of writing them must say the same: tools of LeRobot know of one only."""
    dimensions = interface.action.dimensions
    if physical.values.size != len(physical.values) * len(dimensions):
        problem = f"its {ACTION} is {physical.values.shape[1:]} wide, and the interface {len(dimensions)}"
        raise UnreadableFileError(path, LAYOUT, problem)
    values = physical.values.reshape(-1, len(dimensions)).astype(np.float64)
    ranges = ActionRange(interface.action)
    computed = ranges.normalised(values)
    if exact is None:
        exact = computed.astype(np.float32)
    exact = exact.reshape(values.shape)
    rounding = _AGREE + 2 * np.finfo(np.float32).eps * np.abs(values / ranges.scale)
    if (np.abs(exact - computed) > rounding).any():
        raise UnreadableFileError(path, LAYOUT, f"its {ACTION} and {NORMALISED_ACTION} differ")
    return Column(exact, interface.action.names, (NORMALISED,) * len(dimensions))
