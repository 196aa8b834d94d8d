"""Where the episodes of LeRobot v2.0 and v2.1 lie: a file each, listed as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qgf_ros.bounds import EPISODES, JSON_BYTES, LIST_BYTES, PARQUET_ROWS, inside, read_file
from qgf_ros.data.formats.lerobot_entry import Clip, Entry
from qgf_ros.data.formats.lerobot_info import LAYOUT, Info
from qgf_ros.errors import UnreadableFileError
from qgf_ros.plain_text import NotPlain, parse_json

TASKS, EPISODES_LIST = "meta/tasks.jsonl", "meta/episodes.jsonl"


def read_tasks(info: Info) -> dict[int, str]:
    """Task texts by their index. Raises MissingFileError, FileTooLarge, UnreadableFileError."""
    path = inside(info.root, info.root, TASKS, "tasks")
    tasks = {}
    for line in _lines(path):
        text = line.get("task")
        if not isinstance(text, str):
            raise UnreadableFileError(path, LAYOUT, f"a task is {text!r} and no text")
        tasks[_count(path, line, "task_index")] = text
    return tasks


def read_entries(info: Info, videos: tuple[str, ...]) -> list[Entry]:
    """All episodes by their index; where the frames of `videos` lie. Raises as `read_tasks`, and InvalidSetting."""
    path = inside(info.root, info.root, EPISODES_LIST, "episodes")
    entries: dict[int, Entry] = {}
    for line in _lines(path):
        index = _count(path, line, "episode_index")
        if index in entries:
            raise UnreadableFileError(path, LAYOUT, f"it lists episode {index} again")
        length = _count(path, line, "length")
        if length > PARQUET_ROWS or len(entries) >= EPISODES:
            most = f"at most {PARQUET_ROWS} rows and {EPISODES} episodes are read"
            raise UnreadableFileError(path, LAYOUT, f"episode {index} has {length} rows: {most}")
        place = {"episode_chunk": index // info.chunks_size, "episode_index": index}
        clips = {key: Clip(info.video_file(key, **place), is_whole=True) for key in videos}
        entries[index] = Entry(index, length, info.data_file(**place), clips)
    if len(entries) != info.episodes:
        problem = f"it lists {len(entries)} episodes, and info.json states {info.episodes}"
        raise UnreadableFileError(path, LAYOUT, problem)
    return [entries[index] for index in sorted(entries)]


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(read_file(path, LIST_BYTES).splitlines(), 1):
        if not line.strip():
            continue
        try:
            if len(line) > JSON_BYTES:
                raise NotPlain(f"it is longer than {JSON_BYTES} bytes")
            found = parse_json(line.decode("utf-8"))
        except (NotPlain, UnicodeDecodeError) as error:
            raise UnreadableFileError(path, "a list of JSON lines", f"line {number}: {error}") from error
        if not isinstance(found, dict):
            raise UnreadableFileError(path, "a list of JSON objects", f"line {number} is none")
        yield found


def _count(path: Path, line: Mapping[str, Any], name: str) -> int:
    value = line.get(name)
    if type(value) is not int or not 0 <= value <= 2**31:
        raise UnreadableFileError(path, LAYOUT, f"its {name} is {value!r} and no count")
    return value
