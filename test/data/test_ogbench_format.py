"""The OGBench layout as a source of recordings, and as what episodes are written to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import episode_of
from qgf_ros.data.dataset import open_dataset
from qgf_ros.data.formats.ogbench import OgbenchSource
from qgf_ros.data.formats.ogbench_writer import OgbenchWriter
from qgf_ros.data.recording import Episode
from qgf_ros.data.relabel import Near, Relabel
from qgf_ros.errors import FolderExistsError, MissingFileError, UnreadableFileError
from test.data.conftest import write_slice

ANYWHERE = Relabel((Near("object_position", 1.0, point=(0.0, 0.0, 0.0)),))


def made(interface: Interface, rows: int, seed: int = 0, success: bool | None = None) -> Episode:
    draw = np.random.default_rng(seed)
    return Episode(
        f"made/{seed}",
        draw.normal(size=(rows, interface.observation_dim)).astype(np.float32),
        draw.uniform(-1, 1, (rows, interface.action_dim)).astype(np.float32),
        {"qpos": draw.normal(size=(rows, 3)), "human": draw.random(rows) < 0.5},
        success,
        "reach",
    )


def read(folder: Path, interface: Interface) -> list[Episode]:
    source = OgbenchSource(folder)
    assert source.interface == interface
    return [episode_of(entry, interface, None, is_trusted=True) for entry in source.recordings()]


def test_nothing_is_lost_between_writing_and_reading(tmp_path: Path, interface: Interface) -> None:
    written = [
        made(interface, rows, seed, mark)
        for seed, (rows, mark) in enumerate([(5, True), (1, None), (9, False)])
    ]
    with OgbenchWriter(tmp_path / "data", interface) as writer:
        for episode in written:
            writer.write(episode)
    found = read(tmp_path / "data", interface)
    assert OgbenchSource(tmp_path / "data").count == len(written)
    for theirs, ours in zip(found, written, strict=True):
        np.testing.assert_array_equal(theirs.observations, ours.observations)
        np.testing.assert_array_equal(theirs.actions, ours.actions)
        assert theirs.extra.keys() == ours.extra.keys()
        for name in ours.extra:
            np.testing.assert_array_equal(theirs.extra[name], ours.extra[name])
        assert (theirs.success, theirs.task) == (ours.success, ours.task)


def test_what_is_written_can_be_trained_on(tmp_path: Path, interface: Interface) -> None:
    with OgbenchWriter(tmp_path / "data", interface) as writer:
        for seed in range(3):
            writer.write(made(interface, 20, seed))
    windows = open_dataset(tmp_path / "data", interface, ANYWHERE).draw(8, 3, 0.9, np.random.default_rng(0))
    assert windows.observations.shape == (8, interface.observation_dim)


def test_slices_end_with_whole_episodes_of_one_layout(tmp_path: Path, interface: Interface) -> None:
    with OgbenchWriter(tmp_path / "data", interface, slice_bytes=1) as writer:
        writer.write(made(interface, 5))
        writer.write(made(interface, 6))
    assert len(writer.files) == 2
    with OgbenchWriter(tmp_path / "mixed", interface) as writer:
        writer.write(made(interface, 5))
        writer.write(replace(made(interface, 5), extra={}))
    assert len(writer.files) == 2
    assert [len(entry.extra) for entry in read(tmp_path / "mixed", interface)] == [2, 0]


def test_a_data_set_is_never_mixed_into_another(tmp_path: Path, interface: Interface) -> None:
    with OgbenchWriter(tmp_path / "data", interface) as writer:
        writer.write(made(interface, 5))
    with pytest.raises(FolderExistsError):
        OgbenchWriter(tmp_path / "data", interface)


def test_after_a_failure_no_half_slice_stands_there(tmp_path: Path, interface: Interface) -> None:

    def fail() -> None:
        with OgbenchWriter(tmp_path / "data", interface) as writer:
            writer.write(made(interface, 5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list((tmp_path / "data").iterdir())


def test_compressed_files_are_read_too(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "plain.npz", interface, [4, 5])
    arrays = dict(np.load(tmp_path / "plain.npz"))
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    found, wanted = (
        list(OgbenchSource(tmp_path / name).recordings()) for name in ("packed.npz", "plain.npz")
    )
    assert [entry.rows for entry in found] == [4, 5]
    for theirs, ours in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(
            theirs.columns["observations"].values, ours.columns["observations"].values
        )


def test_a_file_without_an_interface_names_nothing(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "foreign.npz", interface, [4], labelled=False)
    source = OgbenchSource(tmp_path / "foreign.npz")
    assert source.interface is None
    assert all(not column.names for entry in source.recordings() for column in entry.columns.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"terminals": None}, "lacks terminals"),
        ({"terminals": np.zeros(4, bool)}, "has no end"),
        ({"terminals": np.zeros(3, bool)}, "differ in length"),
        ({"outcomes": np.zeros(3, np.int8)}, "outcomes"),
    ],
)
def test_a_file_of_another_layout_is_refused(
    tmp_path: Path, interface: Interface, change: dict[str, np.ndarray | None], words: str
) -> None:
    write_slice(tmp_path / "good.npz", interface, [4])
    arrays = {**np.load(tmp_path / "good.npz"), **change}
    np.savez(tmp_path / "bad.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(UnreadableFileError, match=words):
        list(OgbenchSource(tmp_path / "bad.npz").recordings())


def test_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        OgbenchSource(tmp_path)
