"""Where the episodes of LeRobot v3.0 lie: many to a file, listed in meta/episodes, their frames found by time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qgf_ros.bounds import EPISODES, PARQUET_ROWS, inside
from qgf_ros.data.formats.lerobot_entry import Clip, Entry
from qgf_ros.data.formats.lerobot_info import LAYOUT, OWN, Info
from qgf_ros.data.formats.parquet_file import ParquetFile, numbers_of, refused
from qgf_ros.errors import UnreadableFileError

TASKS, EPISODES_FOLDER = "meta/tasks.parquet", "meta/episodes"
OUTCOME = f"{OWN}/outcome"  # our column: 1 success, 0 failure, NOT_MARKED
NOT_MARKED = -1
_DATA = ("data/chunk_index", "data/file_index")
_LONGEST_S = 1e7  # of a video


def read_tasks(info: Info) -> dict[int, str]:
    """Task texts by their index. Raises MissingFileError, UnreadableFileError."""
    path = inside(info.root, info.root, TASKS, "tasks")
    with ParquetFile(path) as file:
        texts = [name for name in file.columns if name != "task_index"]  # pandas names an index as it likes
        if len(texts) != 1:
            raise UnreadableFileError(path, "a list of tasks", f"its columns are {', '.join(file.columns)}")
        table = file.rows_of(["task_index", texts[0]])
        indices = numbers_of(table, "task_index", (1,), path)
        with refused(path):
            found = [value.as_py() for value in table.column(texts[0])]
    if not all(isinstance(text, str) for text in found):
        raise UnreadableFileError(path, "a list of tasks", "some of them are no texts")
    return {int(index): str(text) for index, text in zip(indices, found, strict=True)}


def read_entries(info: Info, videos: tuple[str, ...]) -> list[Entry]:
    """All episodes by their index; where the frames of `videos` lie. Raises UnreadableFileError, InvalidSetting."""
    folder = info.root / EPISODES_FOLDER
    files = sorted(folder.glob("*/*.parquet"))
    entries: dict[int, Entry] = {}
    for file in files:
        path = inside(info.root, file.parent, file.name, "meta/episodes")
        for entry in _entries_in(path, info, videos):
            if entry.index in entries:
                raise UnreadableFileError(path, LAYOUT, f"it lists episode {entry.index} again")
            entries[entry.index] = entry
            if len(entries) > EPISODES:
                raise UnreadableFileError(folder, LAYOUT, f"it lists more than {EPISODES} episodes")
    if len(entries) != info.episodes:
        cause = "the data set was not finalised: " if len(entries) < info.episodes else ""
        problem = f"{cause}it lists {len(entries)} episodes, and info.json states {info.episodes}"
        raise UnreadableFileError(folder, LAYOUT, problem)
    return [entries[index] for index in sorted(entries)]


def _entries_in(path: Path, info: Info, videos: tuple[str, ...]) -> Iterator[Entry]:
    whole = ["episode_index", "length", *_DATA]
    for key in videos:
        whole += [f"videos/{key}/chunk_index", f"videos/{key}/file_index"]
    times = [f"videos/{key}/from_timestamp" for key in videos]
    with ParquetFile(path) as file:
        marked = [OUTCOME] if OUTCOME in file.columns else []
        table = file.rows_of([*whole, *times, *marked])
    columns: dict[str, Any] = {
        name: numbers_of(table, name, (1,), path) for name in [*whole, *times, *marked]
    }
    for name in (*whole, *marked):
        values = columns[name]
        least = NOT_MARKED if name == OUTCOME else 0
        if not np.issubdtype(values.dtype, np.integer) or (values < least).any() or (values > 2**31).any():
            raise UnreadableFileError(path, LAYOUT, f"its {name} are no counts")
    if (columns["length"] > PARQUET_ROWS).any():
        raise UnreadableFileError(path, LAYOUT, f"it lists an episode of more than {PARQUET_ROWS} rows")
    for row in range(len(table)):
        number = {name: int(columns[name][row]) for name in (*whole, *marked)}
        clips = {}
        for key in videos:
            start = float(columns[f"videos/{key}/from_timestamp"][row])
            if not math.isfinite(start) or not 0 <= start <= _LONGEST_S:
                raise UnreadableFileError(path, LAYOUT, f"its {key} of row {row} begins at {start} s")
            place = {part: number[f"videos/{key}/{part}"] for part in ("chunk_index", "file_index")}
            clips[key] = Clip(info.video_file(key, **place), start)
        outcome = number.get(OUTCOME, NOT_MARKED)
        yield Entry(
            number["episode_index"],
            number["length"],
            info.data_file(chunk_index=number[_DATA[0]], file_index=number[_DATA[1]]),
            clips,
            None if outcome == NOT_MARKED else bool(outcome),
        )
