"""Minari data sets that lie, lead elsewhere, are cut short or changed: refused with a sentence, whatever the library does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.bounds import SPACES_BYTES
from qgf_ros.data.formats.apart import Apart
from qgf_ros.data.formats.minari import LAYOUT, MinariSource
from qgf_ros.errors import FileTooLarge, MissingFileError, QgfError, UnreadableFileError
from test.data.minari_files import STORAGES, arrow_file, h5py, pa, read, rewritten, written


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
