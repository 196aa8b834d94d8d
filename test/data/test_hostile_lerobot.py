"""LeRobot data sets from somebody who means ill, or from a bad disk: a sentence, no file elsewhere, little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.formats.lerobot_info import filled
from qgf_ros.errors import InvalidSetting, MissingFileError, QgfError, UnreadableFileError
from test.data.lerobot_folders import DATA, LIST, VIDEO, Layout, change_info, make_v2, make_v3, pa, pq


def read_all(folder: Path) -> list[Any]:
    return list(LerobotSource(folder, with_images=True).recordings())


@pytest.mark.parametrize(
    "template",
    [
        "{0.__class__}",
        "{chunk_index.__class__}",
        "{chunk_index!r}",
        "{chunk_index:>99999999999}",
        "{chunk_index:{file_index}}",
        "{}",
        "{unknown}",
        "{chunk_index",
        "{{chunk_index}}",
        "{video_key:03d}",
    ],
)
def test_a_template_has_fields_and_nothing_that_python_would_format(template: str) -> None:
    with pytest.raises(InvalidSetting, match="a path with the fields"):
        filled("info.data_path", template, {"chunk_index": 1, "file_index": 2, "video_key": "a"})


def test_lerobot_s_own_templates_are_filled_in() -> None:
    fields = {"chunk_index": 1, "file_index": 1234, "video_key": "a.b"}
    found = filled("", "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4", fields)
    assert found == "videos/a.b/chunk-001/file-1234.mp4"


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.parquet", "a/../../outside.parquet", ""])
@pytest.mark.parametrize("name", ["data_path", "video_path"])
def test_paths_lead_nowhere_else(tmp_path: Path, name: str, path: str) -> None:
    make_v3(tmp_path / "data", Layout(has_video=True))
    change_info(tmp_path / "data", **{name: path})
    with pytest.raises(InvalidSetting, match=f"info.{name}.*stays below"):
        LerobotSource(tmp_path / "data", with_images=True)


@pytest.mark.parametrize("place", ["data", "meta/episodes/chunk-000"])
def test_links_lead_nowhere_else(tmp_path: Path, place: str) -> None:
    make_v3(tmp_path / "data", Layout())
    (tmp_path / "data" / place).rename(tmp_path / "elsewhere")
    (tmp_path / "data" / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidSetting, match="stays below"):
        LerobotSource(tmp_path / "data")


def test_a_video_feature_s_name_is_no_way_out(tmp_path: Path) -> None:
    make_v2(tmp_path / "data", Layout())
    features = json.loads((tmp_path / "data/meta/info.json").read_text())["features"]
    features["../../../x"] = {"dtype": "video", "shape": [4, 4, 3], "names": None}
    path = "{video_key}/{episode_chunk}/{episode_index}.mp4"
    change_info(tmp_path / "data", features=features, video_path=path)
    with pytest.raises(InvalidSetting, match="stays below"):
        LerobotSource(tmp_path / "data", with_images=True)


def test_a_row_group_that_states_more_than_is_read_is_refused_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_v3(tmp_path / "data", Layout())
    monkeypatch.setattr("qgf_ros.data.formats.parquet_file.ROW_GROUP_BYTES", 100)
    with pytest.raises(UnreadableFileError, match=r"row group 0 states .* bytes unpacked, and at most 100"):
        LerobotSource(tmp_path / "data")


BOMB = """
import resource, sys
from pathlib import Path
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.errors import UnreadableFileError
import pyarrow.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    list(LerobotSource(Path(sys.argv[1]), with_images=True).recordings())
except UnreadableFileError as error:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, error)
"""


def test_an_image_that_stands_for_thousands_of_rows_fills_no_memory(tmp_path: Path) -> None:
    """A dictionary holds it once: the file is small, its rows would be 2 GB."""
    make_v3(tmp_path / "data", Layout(lengths=(2000,), files=(0,)))
    features = json.loads((tmp_path / "data/meta/info.json").read_text())["features"]
    features["wrist"] = {"dtype": "image", "shape": [4, 4, 3], "names": None}
    change_info(tmp_path / "data", features=features)
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array([bytes(1_000_000)]))
    path = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["a"]))
    images = pa.StructArray.from_arrays([one, path], ["bytes", "path"])
    table = pq.read_table(tmp_path / "data" / DATA).append_column("wrist", images)
    pq.write_table(table, tmp_path / "data" / DATA, dictionary_pagesize_limit=4_000_000, store_schema=False)
    assert (tmp_path / "data" / DATA).stat().st_size < 2_000_000
    command = [sys.executable, "-c", BOMB, str(tmp_path / "data")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env={"PYTHONPATH": str(Path.cwd())}
    )
    grown, _, sentence = done.stdout.partition(" ")
    assert "bytes unpacked" in sentence
    assert int(grown) < 1200


def test_a_playlist_named_as_a_video_is_no_video(tmp_path: Path) -> None:
    make_v3(tmp_path / "data", Layout(has_video=True))
    (tmp_path / "secret.mp4").write_bytes((tmp_path / "data" / VIDEO).read_bytes())
    for content in (
        f"ffconcat version 1.0\nfile '{tmp_path / 'secret.mp4'}'\n",
        f"#EXTM3U\n#EXTINF:1,\n{tmp_path / 'secret.mp4'}\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "data" / VIDEO).write_text(content)
        with pytest.raises(UnreadableFileError, match="undamaged mp4 video"):
            read_all(tmp_path / "data")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    make_v3(tmp_path / "data", Layout(has_video=True))
    for name in (VIDEO, DATA, LIST):
        (tmp_path / "data" / name).unlink()
        os.mkfifo(tmp_path / "data" / name)
        with pytest.raises(MissingFileError):
            read_all(tmp_path / "data")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("honest") / "data"
    make_v3(folder, Layout(has_video=True))
    return folder


@pytest.mark.parametrize("name", [DATA, LIST, VIDEO, "meta/tasks.parquet", "meta/info.json"])
def test_files_cut_anywhere_are_refused_or_have_lost_nothing(honest: Path, name: str) -> None:
    """The last bytes of an mp4 are notes about it; of all other files any byte is missed."""
    path, wanted = honest / name, read_all(honest)
    whole = path.read_bytes()
    accepted = 0
    try:
        for length in np.linspace(0, len(whole) - 1, 40).astype(int):
            path.write_bytes(whole[:length])
            try:
                found = read_all(honest)
            except QgfError:
                continue
            accepted += 1
            for theirs, ours in zip(found, wanted, strict=True):
                for key, column in ours.columns.items():
                    np.testing.assert_array_equal(theirs.columns[key].values, column.values)
    finally:
        path.write_bytes(whole)
    assert accepted == 0 or name == VIDEO


@pytest.mark.parametrize("name", [DATA, LIST, VIDEO, "meta/tasks.parquet", "meta/info.json"])
@given(share=st.floats(0, 1, exclude_max=True), value=st.binary(min_size=1, max_size=8))
def test_changed_bytes_give_recordings_or_a_sentence(
    honest: Path, name: str, share: float, value: bytes
) -> None:
    path = honest / name
    whole = path.read_bytes()
    place = int(share * len(whole))
    path.write_bytes((whole[:place] + value + whole[place + len(value) :])[: len(whole)])
    try:
        found: object = read_all(honest)
    except QgfError as error:
        found = str(error)
    finally:
        path.write_bytes(whole)
    assert isinstance(found, list | str)
