"""LeRobot data sets of all versions as a source of recordings."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.errors import MissingFileError, UnreadableFileError
from test.data.lerobot_folders import (
    CAMERA,
    HEIGHT,
    MAKERS,
    RATE_HZ,
    TASKS,
    V3_DATA,
    WIDTH,
    Layout,
    Made,
    av,
    change_info,
    make_v2,
    make_v3,
    pa,
    pq,
    versions,
)

LOSS = 4.0  # of 255, mean over an image: what H.264 may change


@versions
def test_every_episode_comes_back_as_it_was_recorded(tmp_path: Path, version: str) -> None:
    wanted = MAKERS[version](tmp_path / "data", Layout())
    source = LerobotSource(tmp_path / "data")
    assert (source.count, source.rate_hz, source.interface) == (3, RATE_HZ, None)
    found = list(source.recordings())
    assert [entry.name for entry in found] == ["data/0", "data/1", "data/2"]
    for theirs, ours in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(theirs.columns["observation.state"].values, ours.state)
        np.testing.assert_array_equal(theirs.columns["action"].values, ours.action)
        np.testing.assert_array_equal(theirs.columns["next.reward"].values, ours.reward)
        assert theirs.success == bool(ours.success[-1])
        assert theirs.task == TASKS[ours.task]
        assert theirs.columns.keys() == {"observation.state", "action", "next.reward"}


@versions
def test_frames_are_those_of_the_episode_s_own_rows(tmp_path: Path, version: str) -> None:
    wanted = MAKERS[version](tmp_path / "data", Layout(has_video=True))
    found = list(LerobotSource(tmp_path / "data", with_images=True).recordings())
    for theirs, ours in zip(found, wanted, strict=True):
        images = theirs.columns[CAMERA].values
        assert images.shape == (len(ours.state), HEIGHT, WIDTH, 3)
        errors = np.abs(images.astype(int) - ours.images).mean(axis=(1, 2, 3))
        assert errors.max() < LOSS


@versions
def test_who_does_not_ask_for_images_needs_no_video_files(tmp_path: Path, version: str) -> None:
    MAKERS[version](tmp_path / "data", Layout(has_video=True))
    for path in (tmp_path / "data").rglob("*.mp4"):
        path.unlink()
    source = LerobotSource(tmp_path / "data")
    assert source.left_out == {CAMERA: "images were not asked for"}
    assert all(CAMERA not in entry.columns for entry in source.recordings())
    with pytest.raises(MissingFileError):
        list(LerobotSource(tmp_path / "data", with_images=True).recordings())


def test_version_2_0_is_read_as_2_1(tmp_path: Path) -> None:
    make_v2(tmp_path / "data", Layout(), "v2.0")
    assert [entry.rows for entry in LerobotSource(tmp_path / "data").recordings()] == [4, 7, 3]


@pytest.mark.parametrize(
    "files", [(0, 0, 0), (0, 1, 2), (1, 0, 1), (2, 1, 0)], ids=["one", "many", "to and fro", "backwards"]
)
def test_episodes_come_in_their_order_whatever_file_they_lie_in(
    tmp_path: Path, files: tuple[int, ...]
) -> None:
    wanted = make_v3(tmp_path / "data", Layout(files=files, has_video=True))
    found = list(LerobotSource(tmp_path / "data", with_images=True).recordings())
    for theirs, ours in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(theirs.columns["observation.state"].values, ours.state)
        assert np.abs(theirs.columns[CAMERA].values.astype(int) - ours.images).mean() < LOSS


def test_episodes_that_share_a_row_group_are_parted_by_their_index(tmp_path: Path) -> None:
    wanted = make_v3(tmp_path / "data", Layout(files=(0, 0, 0)))
    path = tmp_path / "data" / V3_DATA.format(chunk_index=0, file_index=0)
    pq.write_table(pq.read_table(path), path)
    assert pq.ParquetFile(path).num_row_groups == 1
    found = list(LerobotSource(tmp_path / "data").recordings())
    for theirs, ours in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(theirs.columns["action"].values, ours.action)


def test_an_episode_may_span_row_groups(tmp_path: Path) -> None:
    wanted = make_v3(tmp_path / "data", Layout(files=(0, 0, 0)))
    path = tmp_path / "data" / V3_DATA.format(chunk_index=0, file_index=0)
    pq.write_table(pq.read_table(path), path, row_group_size=2)
    for theirs, ours in zip(LerobotSource(tmp_path / "data").recordings(), wanted, strict=True):
        np.testing.assert_array_equal(theirs.columns["action"].values, ours.action)


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        (["a", "b", "c"], ("a", "b", "c")),
        ({"motors": ["a", "b", "c"]}, ("a", "b", "c")),
        ({"left": ["a"], "right": ["b", "c"]}, ("a", "b", "c")),
        ({"c": 2, "a": 0, "b": 1}, ("a", "b", "c")),
        (None, ()),
        (["a", "b"], ()),
        ([["a", "b", "c"]], ()),
        ({"motors": 3}, ()),
    ],
    ids=str,
)
def test_names_are_taken_where_they_name_every_component(
    tmp_path: Path, stated: Any, names: tuple[str, ...]
) -> None:
    make_v3(tmp_path / "data", Layout(names=stated))
    columns = next(LerobotSource(tmp_path / "data").recordings()).columns
    assert columns["observation.state"].names == names
    assert columns["action"].names == ("left", "right")
    assert columns["observation.state"].units == (), "LeRobot states none"


def with_feature(root: Path, key: str, feature: dict[str, Any]) -> None:
    features = json.loads((root / "meta/info.json").read_text())["features"]
    change_info(root, features=features | {key: feature})


def png(image: np.ndarray) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width, encoder.pix_fmt = *image.shape[:2], "rgb24"
    encoder.time_base = Fraction(1, RATE_HZ)
    return b"".join(map(bytes, encoder.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))))


def with_png_images(root: Path, wanted: list[Made]) -> None:
    names = ["height", "width", "channels"]
    with_feature(root, "wrist", {"dtype": "image", "shape": [HEIGHT, WIDTH, 3], "names": names})
    path = root / V3_DATA.format(chunk_index=0, file_index=0)
    frames = [{"bytes": png(image), "path": None} for episode in wanted for image in episode.images]
    pq.write_table(pq.read_table(path).append_column("wrist", pa.array(frames)), path)


def test_images_within_the_rows_come_back_without_loss(tmp_path: Path) -> None:
    wanted = make_v3(tmp_path / "data", Layout(files=(0, 0, 0)))
    with_png_images(tmp_path / "data", wanted)
    assert "wrist" not in next(LerobotSource(tmp_path / "data").recordings()).columns
    found = LerobotSource(tmp_path / "data", with_images=True).recordings()
    for theirs, ours in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(theirs.columns["wrist"].values, ours.images)


@pytest.mark.parametrize(
    "feature",
    [
        {"dtype": "image", "shape": [4, 4, 1], "names": None, "info": {"is_depth_map": True}},
        {"dtype": "video", "shape": [4, 4, 3], "names": None, "video_info": {"video.is_depth_map": True}},
        {"dtype": "string", "shape": [1], "names": None},
    ],
    ids=["depth image", "depth video", "text"],
)
def test_what_is_not_read_is_named(tmp_path: Path, feature: dict[str, Any]) -> None:
    make_v3(tmp_path / "data", Layout())
    with_feature(tmp_path / "data", "other", feature)
    source = LerobotSource(tmp_path / "data", with_images=True)
    assert source.left_out.keys() == {"other"}
    assert source.count == len(list(source.recordings())) == 3


def test_a_png_s_size_is_looked_at_before_it_is_unpacked(tmp_path: Path) -> None:
    wanted = make_v3(tmp_path / "data", Layout(files=(0, 0, 0)))
    wanted[0].images = np.zeros((4, HEIGHT, WIDTH * 2, 3), np.uint8)
    with_png_images(tmp_path / "data", wanted)
    with pytest.raises(
        UnreadableFileError, match=r"an image is \(48, 128\) pixels, and info\.json states \(48, 64\)"
    ):
        list(LerobotSource(tmp_path / "data", with_images=True).recordings())
