"""Data sets that Minari itself wrote, in both of its storages, as a source of recordings."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.bounds import SPACES_BYTES
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.minari import LAYOUT, MinariSource
from qgf_ros.data.recording import Recording
from qgf_ros.errors import FileTooLarge, MissingExtraError, MissingFileError, QgfError, UnreadableFileError

REASON = "needs minari, h5py and pyarrow: pip install 'qgf_ros[data,test]'"
h5py = pytest.importorskip("h5py", reason=REASON)
pa = pytest.importorskip("pyarrow", reason=REASON)
spaces = pytest.importorskip("gymnasium.spaces", reason=REASON)
EpisodeBuffer = pytest.importorskip("minari.data_collector", reason=REASON).EpisodeBuffer
MinariStorage = pytest.importorskip("minari.dataset.minari_storage", reason=REASON).MinariStorage

STORAGES = ("hdf5", "arrow")
EPISODES = 11  # more than ten: the order of numbers is not that of their names
ACTIONS = spaces.Tuple((spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)))
OBSERVATIONS = spaces.Dict(
    {
        "grid": spaces.Box(0, 1, (2, 4), np.float32),
        "joints": spaces.Box(-9, 9, (3,), np.float64),
        "pair": spaces.Tuple((spaces.Discrete(5), spaces.Box(0, 1, (2,), np.float32))),
        "said": spaces.Text(20),
    }
)
IMAGE = spaces.Box(0, 255, (40, 40, 3), np.uint8)


def buffers(count: int = EPISODES) -> Iterator[Any]:
    draw = np.random.default_rng(0)
    for number in range(count):
        steps = 3 + number
        yield EpisodeBuffer(
            observations={
                "grid": draw.random((steps + 1, 2, 4)).astype(np.float32),
                "joints": draw.normal(size=(steps + 1, 3)),
                "pair": (np.arange(steps + 1) % 5, draw.random((steps + 1, 2)).astype(np.float32)),
                "said": [f"at {row}" for row in range(steps + 1)],
            },
            actions=(draw.uniform(-1, 1, (steps, 2)).astype(np.float32), np.arange(steps) % 3),
            rewards=draw.random(steps),
            terminations=np.arange(steps) == steps - 1,
            truncations=np.zeros(steps, bool),
            infos={"success": np.arange(steps + 1) == steps, "deep": {"of": draw.random((steps + 1, 2, 2))}},
        )


def new(folder: Path, storage: str, observations: Any, **options: Any) -> Any:
    folder.mkdir(parents=True)
    return MinariStorage.new(folder / "data", observations, ACTIONS, data_format=storage, **options)


def written(folder: Path, storage: str, count: int = EPISODES) -> Path:
    new(folder, storage, OBSERVATIONS).update_episodes(buffers(count))
    return folder


def read(folder: Path) -> list[Recording]:
    return list(MinariSource(folder).recordings())


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


def stated(folder: Path, **changes: Any) -> Path:
    """The description of a data set, changed."""
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_format": "pickle"}, "'pickle', and hdf5 and arrow are read"),
        ({"data_format": ["hdf5"]}, "and hdf5 and arrow are read"),
        ({"total_episodes": 3}, "states 3 episodes, and 2 are there"),
        ({"observation_space": "[" * 100}, "nested more than"),
        ({"observation_space": "{"}, "Expecting"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    tmp_path: Path, storage: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        MinariSource(stated(written(tmp_path / "a-v0", storage, 2), **changes))


def test_a_description_longer_than_any_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path / "a-v0", "hdf5", 1)
    with (folder / "data" / "metadata.json").open("r+b") as file:
        file.truncate(SPACES_BYTES + 1)
    with pytest.raises(FileTooLarge):
        MinariSource(folder)


def test_a_folder_without_a_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        MinariSource(tmp_path)
    (written(tmp_path / "a-v0", "hdf5", 1) / "data" / "main_data.hdf5").unlink()
    with pytest.raises(MissingFileError):
        MinariSource(tmp_path / "a-v0")


@pytest.mark.parametrize("change", ["link", "objects", "rows", "others", "lost"])
def test_hdf5_that_leads_elsewhere_or_does_not_fit_is_refused(tmp_path: Path, change: str) -> None:
    folder = written(tmp_path / "a-v0", "hdf5", 2)
    shutil.copy(folder / "data" / "main_data.hdf5", folder / "data" / "other.hdf5")
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        if change == "link":
            del file["episode_0/rewards"]
            file["episode_0/rewards"] = h5py.ExternalLink("other.hdf5", "/episode_0/rewards")
        elif change == "objects":
            file.create_dataset("episode_0/infos/more", (4,), h5py.ref_dtype)
        elif change == "rows":
            file["episode_0/observations/joints"].resize(3, axis=0)
        elif change == "lost":
            del file["episode_1"]
        else:
            file.create_group("notes")
    words = {"link": "leads elsewhere", "objects": "only plain", "rows": "3 rewards", "lost": "1 are there"}
    with pytest.raises(UnreadableFileError, match=words.get(change, "belong there")):
        read(folder)


def arrow_file(folder: Path) -> Path:
    return folder / "data" / "1" / "part-0.arrow"


def rewritten(folder: Path, columns: dict[str, Any], compression: str | None = None, times: int = 1) -> None:
    """Episode 1 with other columns."""
    with pa.ipc.open_file(pa.py_buffer(arrow_file(folder).read_bytes())) as file:
        batch = file.get_batch(0)
    kept = {name: batch.column(name) for name in batch.schema.names} | columns
    made = pa.RecordBatch.from_pydict(kept)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(str(arrow_file(folder)), made.schema, options=options) as file:
        for _ in range(times):
            file.write_batch(made)


@pytest.mark.parametrize(
    ("columns", "times", "words"),
    [
        ({"rewards": pa.array(["a"] * 5)}, 1, "has no rewards"),
        ({"rewards": pa.array([1.0, None, 1.0, 1.0, 1.0])}, 1, "has no rewards"),
        ({}, 2, "has 2 batches, and not one"),
    ],
)
def test_arrow_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, Any], times: int, words: str
) -> None:
    folder = written(tmp_path / "a-v0", "arrow", 2)
    rewritten(folder, columns, times=times)
    with pytest.raises(UnreadableFileError, match=words):
        read(folder)


def test_arrow_packed_by_others_is_read_and_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    folder = written(tmp_path / "a-v0", "arrow", 2)
    rewritten(folder, {"lists": pa.array([[1], [], [2, 3], [4], [5]])}, "zstd")
    source = MinariSource(folder)
    [_, second] = source.recordings()
    assert second.rows == 5
    assert source.left_out == {"lists": "it holds list<item: int64>"}


def test_a_missing_or_a_second_arrow_file_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "a-v0", "arrow", 2)
    shutil.copy(arrow_file(folder), folder / "data" / "1" / "part-1.arrow")
    with pytest.raises(UnreadableFileError, match="episode 1 has 2 files in Arrow, and not one"):
        read(folder)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path, storage: str, share: float) -> None:
    folder = written(tmp_path / "a-v0", storage, 2)
    path = arrow_file(folder) if storage == "arrow" else folder / "data" / "main_data.hdf5"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableFileError, match="is not a Minari data set"):
        read(folder)


@pytest.mark.parametrize(("storage", "package"), [("hdf5", "h5py"), ("arrow", "pyarrow")])
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str, package: str
) -> None:
    folder = written(tmp_path / "a-v0", storage, 1)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*qgf_ros\[data\]"):
        MinariSource(folder)


@pytest.mark.parametrize("storage", STORAGES)
@given(place=st.integers(0, 2**20), value=st.integers(0, 255), count=st.integers(1, 4))
def test_changed_bytes_give_recordings_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, storage: str, place: int, value: int, count: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"changed-{storage}"
    path = arrow_file(folder) if storage == "arrow" else folder / "data" / "main_data.hdf5"
    if not folder.exists():
        written(folder, storage, 2)
        shutil.copy(path, folder / "whole")
    content = bytearray((folder / "whole").read_bytes())
    for step in range(count):
        content[(place + 977 * step) % len(content)] = value
    path.write_bytes(bytes(content))
    try:
        found: object = list(
            Apart(folder / "data", LAYOUT, "minari_file", storage, silent_s=20.0).recordings()
        )
    except QgfError as error:
        found = str(error)
    assert found
