"""LeRobot data sets that are not whole, of another version or layout: each refused with its reason."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.errors import MissingExtraError, MissingFileError, UnreadableFileError
from test.data.lerobot_folders import MAKERS, V3_DATA, Layout, change_info, make_v3, pa, pq, versions


@pytest.mark.parametrize("version", ["v1.6", "v4.0", None, 3])
def test_another_version_is_refused_by_its_name(tmp_path: Path, version: object) -> None:
    make_v3(tmp_path / "data", Layout())
    change_info(tmp_path / "data", codebase_version=version)
    words = rf"codebase_version is {version!r}, and v2\.0, v2\.1, v3\.0 are read"
    with pytest.raises(UnreadableFileError, match=words):
        LerobotSource(tmp_path / "data")


def test_a_folder_without_a_description_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"meta/info\.json"):
        LerobotSource(tmp_path)


@pytest.mark.parametrize(
    "place", ["meta/episodes/chunk-000/file-000.parquet", "data/chunk-000/file-000.parquet"]
)
@pytest.mark.parametrize("kept", [0, 4, 200])
def test_a_data_set_that_was_not_finalised_is_refused_with_these_words(
    tmp_path: Path, place: str, kept: int
) -> None:
    make_v3(tmp_path / "data", Layout())
    path = tmp_path / "data" / place
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnreadableFileError, match="footer is missing: the data set was not finalised"):
        list(LerobotSource(tmp_path / "data").recordings())


@pytest.mark.parametrize("is_listed", [True, False], ids=["fewer", "none"])
def test_metadata_that_list_fewer_episodes_than_were_recorded_were_not_finalised(
    tmp_path: Path, is_listed: bool
) -> None:
    """LeRobot keeps its list of episodes in memory at first: without `finalize` there may be no file of it."""
    make_v3(tmp_path / "data", Layout())
    change_info(tmp_path / "data", total_episodes=4)
    if not is_listed:
        (tmp_path / "data/meta/episodes/chunk-000/file-000.parquet").unlink()
    words = rf"was not finalised: it lists {3 * is_listed} episodes, and info\.json states 4\."
    with pytest.raises(UnreadableFileError, match=words):
        LerobotSource(tmp_path / "data")


def test_metadata_that_list_more_episodes_than_are_stated_are_refused(tmp_path: Path) -> None:
    make_v3(tmp_path / "data", Layout())
    change_info(tmp_path / "data", total_episodes=2)
    with pytest.raises(UnreadableFileError, match=r"read: it lists 3 episodes, and info\.json states 2\."):
        LerobotSource(tmp_path / "data")


@versions
@pytest.mark.parametrize("change", [-1, 1])
def test_rows_and_frames_must_be_as_many_as_the_metadata_state(
    tmp_path: Path, version: str, change: int
) -> None:
    made = MAKERS[version](tmp_path / "data", Layout(lengths=(6,), files=(0,), has_video=True))
    other = MAKERS[version](tmp_path / "other", Layout(lengths=(6 + change,), files=(0,), has_video=True))
    assert len(other[0].state) != len(made[0].state)
    [mine], [theirs] = (list((tmp_path / name).rglob("*.mp4")) for name in ("data", "other"))
    mine.write_bytes(theirs.read_bytes())
    source = LerobotSource(tmp_path / "data", with_images=True)
    if version == "v3.0" and change == 1:  # what follows may be the next episode's
        assert len(list(source.recordings())) == 1
    else:
        with pytest.raises(UnreadableFileError, match="frames"):
            list(source.recordings())
    [mine], [theirs] = (list((tmp_path / name / "data").rglob("*.parquet")) for name in ("data", "other"))
    mine.write_bytes(theirs.read_bytes())
    with pytest.raises(
        UnreadableFileError, match=f"has {6 + change} rows of episode 0, and the metadata state 6"
    ):
        list(LerobotSource(tmp_path / "data").recordings())


def rewritten(root: Path, change: Callable[[Any], Any]) -> None:
    path = root / V3_DATA.format(chunk_index=0, file_index=0)
    pq.write_table(change(pq.read_table(path)), path)


def replaced(name: str, values: Any) -> Callable[[Any], Any]:
    def change(table: Any) -> Any:
        return table.set_column(table.column_names.index(name), name, pa.array(values))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop_columns(["action"]), "a column 'action'"),
        (lambda table: table.take([1, 0, *range(2, 11)]), "not in order"),
        (lambda table: table.take([0, 1, 4, 5, 2, 3, *range(6, 11)]), "do not stand together"),
        (replaced("next.reward", [{"a": 1}] * 11), "holds struct"),
        (replaced("next.reward", ["text"] * 11), "holds string"),
        (replaced("next.reward", [None] + [1.0] * 10), "without a value"),
        (replaced("action", [[1.0, 2.0]] * 10 + [[1.0]]), "not of the shape"),
        (replaced("action", [[[1.0], [2.0]]] * 11), "not of the shape"),
        (replaced("action", [1.0] * 11), "not of the shape"),
        (replaced("task_index", [7] * 11), "task 7 is none of the 2"),
    ],
)
def test_rows_of_another_layout_are_refused(tmp_path: Path, change: Callable[[Any], Any], words: str) -> None:
    make_v3(tmp_path / "data", Layout())
    rewritten(tmp_path / "data", change)
    with pytest.raises(UnreadableFileError, match=words):
        list(LerobotSource(tmp_path / "data").recordings())


def test_without_its_library_the_format_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v3(tmp_path / "data", Layout())
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"pyarrow.*qgf_ros\[data\]"):
        LerobotSource(tmp_path / "data")


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    make_v3(tmp_path / "data", Layout())
    path = tmp_path / "data" / V3_DATA.format(chunk_index=0, file_index=0)
    path.write_bytes(b"no parquet file at all, and long enough")
    with pytest.raises(UnreadableFileError, match="does not begin like one"):
        list(LerobotSource(tmp_path / "data").recordings())
