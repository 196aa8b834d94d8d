"""Metadata of LeRobot data sets that make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qgf_ros import bounds
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.errors import FileTooLarge, QgfError, UnreadableFileError
from test.data.lerobot_folders import CAMERA, LIST, Layout, change_info, make_v2, make_v3, pa, pq


@pytest.mark.parametrize(
    "changes",
    [
        {"fps": 0},
        {"fps": -1},
        {"fps": "20"},
        {"fps": 1e9},
        {"chunks_size": 0},
        {"features": []},
        {"features": {"a": 1}},
        {"features": {"a": {"dtype": "float32"}}},
        {"features": {"a": {"dtype": "float32", "shape": [-1], "names": None}}},
        {"features": {"a": {"dtype": "float32", "shape": [10**9, 10**9], "names": None}}},
        {"features": {"a": {"dtype": "video", "shape": [10**6, 10**6, 3], "names": None}}},
        {"features": {"a": {"dtype": "video", "shape": [3], "names": None}}},
        {"features": {"a": {"dtype": "float32", "shape": [1], "names": None, "qgf_ros": {"units": 3}}}},
        {"features": {str(number): {} for number in range(1000)}},
        {"data_path": 3},
        {"total_episodes": "many"},
        {"qgf_ros": {"interface": {"name": 3}}},
    ],
    ids=str,
)
def test_descriptions_that_make_no_sense_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    make_v3(tmp_path / "data", Layout())
    change_info(tmp_path / "data", **changes)
    with pytest.raises(QgfError):
        LerobotSource(tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tasks", "[]\n"),
        ("tasks", '{"task_index": 0}\n'),
        ("tasks", '{"task_index": -1, "task": "a"}\n'),
        ("episodes", '{"episode_index": 0, "length": 4}\n' * 2),
        ("episodes", '{"episode_index": 0, "length": 1e3}\n'),
        ("episodes", '{"episode_index": 0, "length": 99999999}\n'),
        ("episodes", '{"episode_index": true, "length": 4}\n'),
        ("episodes", "[" * 100_000),
        ("episodes", "\xff"),
        ("episodes", ""),
    ],
)
def test_lists_that_make_no_sense_are_refused(tmp_path: Path, name: str, content: str) -> None:
    make_v2(tmp_path / "data", Layout())
    (tmp_path / f"data/meta/{name}.jsonl").write_text(content, encoding="latin-1")
    with pytest.raises(UnreadableFileError):
        LerobotSource(tmp_path / "data")


def test_a_list_longer_than_any_honest_one_is_not_read(tmp_path: Path) -> None:
    make_v2(tmp_path / "data", Layout())
    with (tmp_path / "data/meta/episodes.jsonl").open("wb") as file:
        file.truncate(bounds.GIB)
    with pytest.raises(FileTooLarge):
        LerobotSource(tmp_path / "data")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("episode_index", [0, 0, 1]),
        ("episode_index", [-1, 0, 1]),
        ("episode_index", [0.0, 1.0, 2.0]),
        ("length", [4, 7, 10**12]),
        ("length", ["4", "7", "3"]),
        ("data/chunk_index", [0, 0, 10**12]),
        ("data/file_index", [None, 0, 0]),
        (f"videos/{CAMERA}/from_timestamp", [float("nan"), 0, 0]),
        (f"videos/{CAMERA}/from_timestamp", [-1.0, 0, 0]),
        (f"videos/{CAMERA}/from_timestamp", [1e300, 0, 0]),
        (f"videos/{CAMERA}/from_timestamp", [5.0, 0.0, 0.0]),
    ],
)
def test_a_list_of_episodes_that_makes_no_sense_is_refused(
    tmp_path: Path, column: str, values: list[Any]
) -> None:
    make_v3(tmp_path / "data", Layout(has_video=True))
    table = pq.read_table(tmp_path / "data" / LIST)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values)), tmp_path / "data" / LIST)
    with pytest.raises(UnreadableFileError):
        list(LerobotSource(tmp_path / "data", with_images=True).recordings())
