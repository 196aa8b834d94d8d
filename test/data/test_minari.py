"""Data sets that Minari itself wrote, in both of its storages, as a source of recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.data.formats.minari import MinariSource
from qgf_ros.errors import MissingExtraError
from test.data.minari_files import (
    EPISODES,
    IMAGE,
    STORAGES,
    EpisodeBuffer,
    MinariStorage,
    buffers,
    new,
    pa,
    read,
    rewritten,
    spaces,
    written,
)


def flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The arrays within dictionaries and tuples, by path."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from flat(entry, f"{path}/{key}")
    elif isinstance(value, tuple):
        for place, entry in enumerate(value):
            yield from flat(entry, f"{path}/_index_{place}")
    else:
        yield path, np.asarray(value)


@pytest.mark.parametrize("storage", STORAGES)
def test_nothing_is_lost_and_the_last_observation_has_a_row(tmp_path: Path, storage: str) -> None:
    source = MinariSource(written(tmp_path / "pick-v0", storage))
    found = list(source.recordings())
    assert source.count == len(found) == EPISODES
    assert source.left_out == {}
    for number, (entry, given_) in enumerate(zip(found, buffers(), strict=True)):
        assert entry.name == f"pick-v0/{number}"
        steps = len(given_.rewards)
        assert entry.rows == steps + 1
        wanted = {
            name: array
            for key in ("observations", "actions", "rewards", "terminations", "truncations", "infos")
            for name, array in flat(getattr(given_, key), key)
        }
        assert entry.columns.keys() == {*wanted, "final_row"}
        for name, array in wanted.items():
            values = entry.columns[name].values
            np.testing.assert_array_equal(values[: len(array)], array)
            assert values.dtype == array.dtype or array.dtype.kind == "U"


@pytest.mark.parametrize("storage", STORAGES)
def test_the_last_row_repeats_an_action_and_claims_nothing_else(tmp_path: Path, storage: str) -> None:
    for entry in read(written(tmp_path / "pick-v0", storage, 2)):
        values = {name: column.values for name, column in entry.columns.items()}
        assert values["final_row"].tolist() == [False] * (entry.rows - 1) + [True]
        for name in ("actions/_index_0", "actions/_index_1"):
            np.testing.assert_array_equal(values[name][-1], values[name][-2])
        assert values["rewards"][-1] == 0
        assert not values["terminations"][-1]
        assert entry.success is None, "a termination is not always a success"


@pytest.mark.parametrize("storage", STORAGES)
def test_a_plain_vector_is_one_column_and_the_inner_folder_will_do(tmp_path: Path, storage: str) -> None:
    box = spaces.Box(-1, 1, (2,), np.float32)
    folder = tmp_path / "plain-v0"
    folder.mkdir()
    made = MinariStorage.new(folder / "data", box, box, data_format=storage)
    rows = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    made.update_episodes(
        [
            EpisodeBuffer(
                observations=rows,
                actions=rows[:4],
                rewards=[0.0] * 4,
                terminations=[False] * 4,
                truncations=[False] * 4,
            )
        ]
    )
    [entry] = read(folder / "data")
    assert entry.name == "plain-v0/0"
    np.testing.assert_array_equal(entry.columns["observations"].values, rows)


@pytest.mark.parametrize("storage", STORAGES)
def test_jpeg_images_are_left_out_and_said_raw_ones_are_read(tmp_path: Path, storage: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3)).astype(np.uint8)
    for encoding in (True, False):
        folder = tmp_path / f"images{encoding}-v0"
        made = new(folder, storage, spaces.Dict({"image": IMAGE}), jpeg_encoding=encoding)
        made.update_episodes(
            [
                EpisodeBuffer(
                    observations={"image": pixels},
                    actions=(np.zeros((3, 2), np.float32), np.zeros(3, np.int64)),
                    rewards=[0.0] * 3,
                    terminations=[False] * 3,
                    truncations=[False] * 3,
                )
            ]
        )
        source = MinariSource(folder)
        [entry] = source.recordings()
        assert ("observations/image" in source.left_out) is encoding
        assert ("observations/image" in entry.columns) is not encoding
        if not encoding:
            np.testing.assert_array_equal(entry.columns["observations/image"].values, pixels)


def test_arrow_packed_by_others_is_read_and_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    folder = written(tmp_path / "a-v0", "arrow", 2)
    rewritten(folder, {"lists": pa.array([[1], [], [2, 3], [4], [5]])}, "zstd")
    source = MinariSource(folder)
    [_, second] = source.recordings()
    assert second.rows == 5
    assert source.left_out == {"lists": "it holds list<item: int64>"}


@pytest.mark.parametrize(("storage", "package"), [("hdf5", "h5py"), ("arrow", "pyarrow")])
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str, package: str
) -> None:
    folder = written(tmp_path / "a-v0", storage, 1)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*qgf_ros\[data\]"):
        MinariSource(folder)
