"""Writes episodes as a LeRobot v3.0 data set, as LeRobot 0.4 and later read it; nothing of what our own reader gives is lost."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from qgf_ros.bounds import MIB, RATE_HZ
from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.lerobot_columns import features_of, image_key, is_images, rows_of, table_of
from qgf_ros.data.formats.lerobot_files import ParquetFiles, VideoFiles
from qgf_ros.data.formats.lerobot_info import INFO
from qgf_ros.data.formats.lerobot_meta import STATS, described, totals, write_json, write_tasks
from qgf_ros.data.formats.lerobot_stats import Summary, summarise, summarise_images
from qgf_ros.data.formats.lerobot_v3 import EPISODES_FOLDER, NOT_MARKED, OUTCOME, TASKS
from qgf_ros.data.formats.needed import needed
from qgf_ros.data.recording import Episode
from qgf_ros.errors import CannotWriteError, FolderExistsError, InvalidSetting, ShapeMismatch

DATA_MIB, VIDEO_MIB = 100, 200  # LeRobot's sizes of files
PART = ".part"  # ends the name of a folder in the making
_EPISODES_AT_ONCE = 100  # of the list of episodes, a row group


class LerobotWriter:
    """A context manager. State: open files, counts and statistics.

    The data set is made in a folder whose name ends in `.part`, and gets its name when it is finished; after an exception
    nothing is left. All episodes carry the further arrays of the first one. Images (T, height, width, 3) of uint8 become videos.
    """

    def __init__(
        self,
        folder: Path,
        interface: Interface,
        rate_hz: float,
        robot_type: str = "unknown",
        default_task: str = "",
        data_mib: int = DATA_MIB,
        video_mib: int = VIDEO_MIB,
    ) -> None:
        """`default_task` is the text for episodes that have none.

        Raises:
            FolderExistsError: something of that name is there, finished or in the making: data sets are never mixed by accident.
            CannotWriteError: the folder cannot be made.
            InvalidSetting: the rate is none.
            MissingExtraError: pyarrow is not installed.
        """
        if not 0 < rate_hz <= RATE_HZ:
            raise InvalidSetting("rate_hz", rate_hz, f"above 0 and at most {RATE_HZ:g}")
        needed("pyarrow.parquet")
        self._folder, self._part = folder, folder.with_name(folder.name + PART)
        for path in (self._folder, self._part):
            if path.exists():
                raise FolderExistsError(path)
        with self._writing():
            self._part.mkdir(parents=True)
        self._interface, self._rate_hz = interface, rate_hz
        self._robot_type, self._default_task = robot_type, default_task
        self._limits_mib = data_mib, video_mib
        self._rows = ParquetFiles(self._part / "data", data_mib * MIB)
        self._list = ParquetFiles(self._part / EPISODES_FOLDER, data_mib * MIB)
        self._videos: dict[str, VideoFiles] = {}
        self._features: dict[str, dict[str, Any]] = {}
        self._listed: list[dict[str, Any]] = []
        self._listed_at = 0, 0
        self._tasks: dict[str, int] = {}
        self._stats: dict[str, Summary] = {}
        self.episodes, self.frames = 0, 0

    def __enter__(self) -> LerobotWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def write(self, episode: Episode) -> None:
        """Adds an episode of at least one row.

        Raises:
            ShapeMismatch, InvalidSetting: it does not fit the interface, or differs from the first one in its further arrays.
            CannotWriteError: the disk is full, or the like.
            MissingExtraError: it has images, and av is not installed.
        """
        self._check(episode)
        task = self._tasks.setdefault(episode.task or self._default_task, len(self._tasks))
        arrays = rows_of(episode, self._interface, self._rate_hz, self.episodes, self.frames, task)
        arrays = {key: arrays[key] for key in self._features if key in arrays}
        images = {image_key(name): array for name, array in episode.extra.items() if is_images(array)}
        stats = summarise(arrays) | {key: summarise_images(array) for key, array in images.items()}
        with self._writing():
            places = {f"videos/{key}": self._videos[key].write(array) for key, array in images.items()}
            chunk, file = self._rows.next_place(episode.rows)
            self._rows.write(table_of(arrays))
            places["data"] = {"chunk_index": chunk, "file_index": file}
            self._list_episode(episode, places, stats)
        for key, summary in stats.items():
            self._stats[key] = self._stats[key].merged(summary) if key in self._stats else summary
        self.episodes += 1
        self.frames += episode.rows

    def close(self) -> None:
        """Finishes all files and gives the folder its name; leaves none where no episode was written. Raises CannotWriteError."""
        if not self.episodes:
            self.abandon()
            return
        with self._writing():
            self._flush_list()
            for files in self._files():
                files.close()
            write_tasks(self._part / TASKS, self._tasks)
            write_json(self._part / STATS, {key: summary.stated() for key, summary in self._stats.items()})
            self._write_info()
            self._part.replace(self._folder)

    def abandon(self) -> None:
        """Removes what was written."""
        for files in self._files():
            with contextlib.suppress(
                Exception
            ):  # what went wrong is told already; a full disk fails here again
                files.close()
        shutil.rmtree(self._part, ignore_errors=True)

    # -- one episode ---------------------------------------------------------------------------------------------------

    def _check(self, episode: Episode) -> None:
        rows = episode.rows
        if not rows:
            raise ShapeMismatch(
                f"{episode.name}: observations", episode.observations.shape, "at least one row"
            )
        widths = {"observations": self._interface.observation_dim, "actions": self._interface.action_dim}
        for name, width in widths.items():
            array = getattr(episode, name)
            if array.shape != (rows, width):
                raise ShapeMismatch(f"{episode.name}: {name}", array.shape, str((rows, width)))
            if array.dtype != np.float32:
                raise InvalidSetting(f"{episode.name}: {name}", str(array.dtype), "float32")
        for name, array in episode.extra.items():
            if array.shape[:1] != (rows,):
                raise ShapeMismatch(f"{episode.name}: {name}", array.shape, f"{rows} rows")
        features = features_of(episode, self._interface, self._rate_hz)
        if not self._features:
            self._begin(features)
        if features != self._features:
            differing = [
                key for key in {**features, **self._features} if features.get(key) != self._features.get(key)
            ]
            accepted = "as in the first episode: a LeRobot data set has one layout"
            raise InvalidSetting(
                f"{episode.name}: {differing[0]}", features.get(differing[0], "missing"), accepted
            )

    def _begin(self, features: dict[str, dict[str, Any]]) -> None:
        """What the first episode settles. The description is there from now on, so that what was interrupted is recognised."""
        self._features = features
        videos = [key for key, feature in features.items() if feature["dtype"] == "video"]
        if videos:
            needed("av")
        for key in videos:
            self._videos[key] = VideoFiles(
                self._part / "videos" / key, self._limits_mib[1] * MIB, self._rate_hz
            )
        with self._writing():
            self._write_info()

    def _list_episode(
        self, episode: Episode, places: dict[str, dict[str, Any]], stats: dict[str, Summary]
    ) -> None:
        chunk, file = self._list.next_place(1) if not self._listed else self._listed_at
        self._listed_at = chunk, file
        row: dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": [episode.task or self._default_task],
            "length": episode.rows,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + episode.rows,
        }
        for prefix, place in places.items():
            row |= {f"{prefix}/{name}": value for name, value in place.items()}
        for key, summary in stats.items():
            row |= {f"stats/{key}/{name}": value for name, value in summary.stated().items()}
        row |= {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
        row[OUTCOME] = NOT_MARKED if episode.success is None else int(episode.success)
        self._listed.append(row)
        if len(self._listed) >= _EPISODES_AT_ONCE:
            self._flush_list()

    def _flush_list(self) -> None:
        if self._listed:
            self._list.write(needed("pyarrow").Table.from_pylist(self._listed))
            self._listed = []

    def _write_info(self) -> None:
        stated = described(
            self._interface, self._rate_hz, self._robot_type, self._features, self._limits_mib
        ) | totals(self.episodes, self.frames, len(self._tasks))
        write_json(self._part / INFO, stated)

    def _files(self) -> list[ParquetFiles | VideoFiles]:
        return [self._rows, self._list, *self._videos.values()]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotWriteError(self._folder, error) from error
