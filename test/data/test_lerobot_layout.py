"""What is written as a LeRobot v3.0 data set, looked at with pyarrow and av alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.formats.lerobot_stats import QUANTILES, summarise, summarise_images
from test.data.lerobot_episodes import LOSS, RATE_HZ, made, write
from test.data.lerobot_folders import av, pa, pq


def test_lerobot_s_users_find_physical_actions_names_and_units(tmp_path: Path, interface: Interface) -> None:
    episode = made(interface, 4)
    write(tmp_path / "data", interface, [episode], robot_type="small_arm")
    info = json.loads((tmp_path / "data/meta/info.json").read_text())
    state, action = info["features"]["observation.state"], info["features"]["action"]
    assert (state["dtype"], state["shape"], state["names"]) == (
        "float32",
        [5],
        list(component_names(interface)),
    )
    assert (action["dtype"], action["shape"], action["names"]) == ("float32", [2], ["one", "two"])
    assert state["qgf_ros"]["units"] == list(component_units(interface))
    assert (info["codebase_version"], info["fps"], info["robot_type"]) == ("v3.0", 10, "small_arm")
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (1, 4, 1)
    table = pq.read_table(tmp_path / "data/data/chunk-000/file-000.parquet")
    assert table.schema.field("action").type == pa.list_(pa.float32(), 2)
    physical = np.array(table.column("action").to_pylist(), np.float32)
    np.testing.assert_allclose(physical, 0.1 * episode.actions, rtol=1e-6)
    assert set(table.column_names) == set(info["features"]), "LeRobot refuses columns that it was not told of"


def test_rows_and_lists_are_laid_out_as_lerobot_looks_for_them(tmp_path: Path, interface: Interface) -> None:
    lengths = [5, 1, 9]
    write(tmp_path / "data", interface, [made(interface, n, seed, True) for seed, n in enumerate(lengths)])
    table = pq.read_table(tmp_path / "data/data/chunk-000/file-000.parquet").to_pydict()
    ends = np.cumsum(lengths)
    assert table["index"] == list(range(15))
    assert table["episode_index"] == [0] * 5 + [1] + [2] * 9
    assert table["frame_index"] == [*range(5), 0, *range(9)]
    np.testing.assert_allclose(table["timestamp"], np.array(table["frame_index"]) / RATE_HZ, atol=1e-6)
    assert np.flatnonzero(table["next.done"]).tolist() == (ends - 1).tolist()
    assert table["next.success"] == table["next.done"]
    assert table["task_index"] == [0] * 5 + [1] + [0] * 9
    episodes = pq.read_table(tmp_path / "data/meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert episodes["dataset_from_index"] == [0, 5, 6]
    assert episodes["dataset_to_index"] == ends.tolist()
    assert episodes["tasks"] == [["reach"], ["push"], ["reach"]]
    for name in (
        "data/chunk_index",
        "data/file_index",
        "meta/episodes/chunk_index",
        "meta/episodes/file_index",
    ):
        assert episodes[name] == [0, 0, 0]
    tasks = pq.read_table(tmp_path / "data/meta/tasks.parquet")
    assert tasks.to_pydict() == {"task_index": [0, 1], "task": ["reach", "push"]}
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    assert pq.ParquetFile(tmp_path / "data/data/chunk-000/file-000.parquet").num_row_groups == 3


def test_frames_are_where_the_metadata_say_and_every_second_one_stands_for_itself(
    tmp_path: Path, interface: Interface
) -> None:
    episodes = [made(interface, n, seed, has_images=True) for seed, n in enumerate([5, 4])]
    write(tmp_path / "data", interface, episodes)
    key = "observation.images.front"
    listed = pq.read_table(tmp_path / "data/meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert listed[f"videos/{key}/from_timestamp"] == [0.0, 0.5]
    assert listed[f"videos/{key}/to_timestamp"] == [0.5, 0.9]
    with av.open(str(tmp_path / f"data/videos/{key}/chunk-000/file-000.mp4")) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert (stream.codec_context.name, stream.pix_fmt, float(stream.average_rate)) == (
            "h264",
            "yuv420p",
            10,
        )
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(9) / RATE_HZ, atol=1e-6)
    keys = [index for index, frame in enumerate(frames) if frame.key_frame]
    assert {0, 5} <= set(keys)
    assert np.diff([*keys, 9]).max() <= 2
    wanted = np.concatenate([episode.extra["front"] for episode in episodes])
    for frame, image in zip(frames, wanted, strict=True):
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - image).mean() < LOSS


def test_statistics_are_those_of_the_rows(tmp_path: Path, interface: Interface) -> None:
    episodes = [made(interface, n, seed, has_images=True) for seed, n in enumerate([30, 50])]
    write(tmp_path / "data", interface, episodes)
    stats = json.loads((tmp_path / "data/meta/stats.json").read_text())
    rows = np.concatenate([episode.observations for episode in episodes]).astype(np.float64)
    found = stats["observation.state"]
    for name, value in {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0),
        "std": rows.std(0),
    }.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9)
    assert found["count"] == [80]
    assert stats["action"]["max"] == pytest.approx(
        (0.1 * np.concatenate([episode.actions for episode in episodes]).astype(float)).max(0), rel=1e-6
    )
    images = stats["observation.images.front"]
    assert set(images) == {"min", "max", "mean", "std", "count", *QUANTILES}
    assert np.shape(images["mean"]) == (3, 1, 1)
    pixels = np.concatenate([episode.extra["front"] for episode in episodes]) / 255
    np.testing.assert_allclose(np.ravel(images["mean"]), pixels.mean((0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(np.ravel(images["std"]), pixels.std((0, 1, 2)), rtol=1e-9)


@given(st.integers(1, 40), st.integers(0, 5))
def test_quantiles_of_an_episode_are_numpy_s(rows: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    arrays = {
        "a": draw.normal(size=(rows, 3)),
        "b": draw.normal(size=rows),
        "c": draw.normal(size=(rows, 2, 4)),
    }
    for name, found in summarise(arrays).items():
        flat = arrays[name].reshape(-1, arrays[name].shape[-1] if arrays[name].ndim > 1 else 1)
        for place, share in enumerate(QUANTILES.values()):
            np.testing.assert_allclose(
                found.quantiles[place], np.quantile(flat, share, axis=0), rtol=1e-9, atol=1e-12
            )
        assert found.count == rows


def test_large_images_are_sampled_for_statistics() -> None:
    images = np.zeros((2000, 2, 300, 3), np.uint8)
    found = summarise_images(images)
    assert found.count == int(2000**0.75)
    assert found.most.shape == (3, 1, 1)


def test_files_end_before_they_exceed_their_size(tmp_path: Path, interface: Interface) -> None:
    draw = np.random.default_rng(0)
    episodes = [
        replace(
            made(interface, 40, seed),
            extra={
                "noise": draw.normal(size=(40, 2000)),
                "eye": draw.integers(0, 255, (40, 160, 192, 3), np.uint8),
            },
        )
        for seed in range(4)
    ]
    write(tmp_path / "data", interface, episodes, data_mib=1, video_mib=1)
    files = sorted((tmp_path / "data/data").rglob("*.parquet"))
    assert [path.name for path in files] == [f"file-{number:03d}.parquet" for number in range(len(files))]
    assert len(files) >= 2
    assert all(path.stat().st_size <= 1.05 * 1024**2 for path in files)
    videos = sorted((tmp_path / "data/videos").rglob("*.mp4"))
    assert len(videos) >= 2
    assert all(path.stat().st_size <= 1.05 * 1024**2 for path in videos)
    found = list(LerobotSource(tmp_path / "data", with_images=True).recordings())
    for theirs, ours in zip(found, episodes, strict=True):
        np.testing.assert_array_equal(theirs.columns["noise"].values, ours.extra["noise"])
        assert theirs.columns["eye"].values.shape == ours.extra["eye"].shape
