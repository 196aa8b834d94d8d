"""What a LeRobot v3.0 data set says of itself, as it is written: meta/info.json, meta/stats.json, meta/tasks.parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.lerobot_files import CHUNK_FILES
from qgf_ros.data.formats.lerobot_info import OWN
from qgf_ros.data.formats.needed import needed

VERSION = "v3.0"
STATS = "meta/stats.json"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


def described(
    interface: Interface,
    rate_hz: float,
    robot_type: str,
    features: Mapping[str, Mapping[str, Any]],
    limits_mib: tuple[int, int],
) -> dict[str, Any]:
    """Of info.json what the first episode settles; `limits_mib` of files of rows and of videos."""
    has_video = any(feature["dtype"] == "video" for feature in features.values())
    return {
        "codebase_version": VERSION,
        "robot_type": robot_type,
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": limits_mib[0],
        "video_files_size_in_mb": limits_mib[1],
        "fps": int(rate_hz)
        if rate_hz == int(rate_hz)
        else rate_hz,  # LeRobot converts it to a whole number itself
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if has_video else None,
        "features": features,
        OWN: {"interface": interface.canonical()},
    }


def totals(episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    """Of info.json what grows."""
    return {
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "splits": {"train": f"0:{episodes}"},
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes it for people to read, as LeRobot does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False), encoding="utf-8")


def write_tasks(path: Path, tasks: Mapping[str, int]) -> None:
    """Indices by task text, with pandas' own note that the text is the index."""
    pa = needed("pyarrow")
    table = pa.table({"task_index": pa.array(tasks.values(), pa.int64()), "task": list(tasks)})
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": None}
        for name, kind, stored in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    note = {"index_columns": ["task"], "column_indexes": [], "columns": columns}
    needed("pyarrow.parquet").write_table(table.replace_schema_metadata({"pandas": json.dumps(note)}), path)
