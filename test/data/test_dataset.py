"""The data set: what it reads, what it refuses, what its windows promise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data import dataset as module
from qgf_ros.data.dataset import fingerprint, from_slices, open_dataset, read_slices, split
from qgf_ros.data.npz import open_arrays
from qgf_ros.data.relabel import MaskRule, Near, Relabel
from qgf_ros.errors import (
    DatasetTooShort,
    InterfaceMismatchError,
    InvalidSetting,
    MissingFileError,
    ShapeMismatch,
    UnreadableFileError,
)
from test.data.conftest import write_slice

ANYWHERE = Relabel((Near("object_position", 1.0, point=(0.0, 0.0, 0.0)),))


def test_a_mapped_file_holds_the_same_arrays_as_a_read_one(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [20, 30])
    mapped, read = (open_arrays(tmp_path / "a.npz", in_memory) for in_memory in (False, True))
    assert isinstance(mapped["observations"], np.memmap)
    assert mapped.keys() == read.keys()
    for name in read:
        np.testing.assert_array_equal(mapped[name], read[name])


def test_a_folder_larger_than_memory_gives_the_same_windows(
    tmp_path: Path, interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(3):
        write_slice(tmp_path / f"slice-{index}.npz", interface, [20, 30], seed=index)
    in_memory = open_dataset(tmp_path, interface, ANYWHERE)
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 0)
    mapped = open_dataset(tmp_path, interface, ANYWHERE)
    assert isinstance(mapped.slices[0].observations.base, np.memmap)
    drawn = [data.draw(16, 3, 0.9, np.random.default_rng(5)) for data in (in_memory, mapped)]
    for name, values in drawn[0].__dict__.items():
        np.testing.assert_array_equal(values, drawn[1].__dict__[name])


def test_data_serve_every_chunk_length_of_the_interface_they_were_recorded_under(
    tmp_path: Path, interface: Interface
) -> None:
    write_slice(tmp_path / "a.npz", interface, [20])
    longer = dataclasses.replace(interface, chunk_length=12)
    assert longer.digest != interface.digest
    windows = open_dataset(tmp_path, longer, ANYWHERE).draw(4, 12, 0.9, np.random.default_rng(0))
    assert windows.actions.shape == (4, 12, interface.action_dim)


def test_a_valid_window_lies_inside_one_episode_and_continues_by_one_step(
    tmp_path: Path, interface: Interface
) -> None:
    write_slice(tmp_path / "a.npz", interface, [7, 5, 9])
    raw = np.load(tmp_path / "a.npz")["observations"]
    rows = {row.tobytes(): index for index, row in enumerate(raw)}
    episode = np.repeat([0, 1, 2], [7, 5, 9])
    windows = open_dataset(tmp_path / "a.npz", interface, ANYWHERE).draw(
        500, 3, 0.9, np.random.default_rng(0)
    )
    seen = 0
    for start, successor, valid in zip(
        windows.observations, windows.next_observations, windows.valid, strict=True
    ):
        first = rows[start.tobytes()]
        for step in range(3):
            if valid[step]:
                following = rows[successor[step].tobytes()]
                assert following == first + step + 1
                assert episode[following] == episode[first]
                seen += 1
    assert seen > 500


def test_the_last_row_of_an_episode_never_begins_a_window(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [7, 5, 9])
    raw = np.load(tmp_path / "a.npz")["observations"]
    windows = open_dataset(tmp_path / "a.npz", interface, ANYWHERE).draw(
        500, 3, 0.9, np.random.default_rng(0)
    )
    for last in (6, 11, 20):
        assert not (windows.observations == raw[last]).all(axis=1).any()


def test_one_data_set_serves_several_tasks(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [50])
    wide, narrow = (
        open_dataset(
            tmp_path, interface, Relabel((Near("object_position", radius, point=(0.0, 0.0, 0.0)),))
        ).successes
        for radius in (2.0, 1.0)
    )
    assert 0 < narrow < wide


@pytest.mark.parametrize("rule", list(MaskRule))
def test_the_mask_rule_decides_where_values_stop(
    tmp_path: Path, interface: Interface, rule: MaskRule
) -> None:
    write_slice(tmp_path / "a.npz", interface, [20, 30])
    (part,) = open_dataset(tmp_path, interface, dataclasses.replace(ANYWHERE, masks=rule)).slices
    expected = 1.0 + part.rewards if rule is MaskRule.SUCCESS else part.terminals
    np.testing.assert_array_equal(1.0 - part.masks, expected)


def test_slices_are_held_out_whole_and_episodes_of_a_single_file_too(
    tmp_path: Path, interface: Interface
) -> None:
    for index in range(4):
        write_slice(tmp_path / f"{index}.npz", interface, [20], seed=index)
    training, held_out = split(read_slices(tmp_path, interface), 0.25)
    assert [part.path.name for part in held_out] == ["3.npz"]
    assert len(training) == 3
    write_slice(tmp_path / "many.npz", interface, [5, 6, 7, 8])
    (first,), (second,) = split(read_slices(tmp_path / "many.npz", interface), 0.25)
    assert (len(first.actions), len(second.actions)) == (18, 8)


def test_a_single_episode_cannot_be_split(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "one.npz", interface, [5])
    with pytest.raises(DatasetTooShort):
        split(read_slices(tmp_path / "one.npz", interface), 0.5)


def test_the_fingerprint_follows_the_data(tmp_path: Path, interface: Interface) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        write_slice(tmp_path / name / "0.npz", interface, [20], seed=seed)
    prints = [fingerprint(read_slices(tmp_path / name, interface)) for name in "abc"]
    assert prints[0] == prints[1] != prints[2]


def test_an_action_that_is_no_number_is_refused_with_its_row(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [20])
    arrays = dict(np.load(tmp_path / "a.npz"))
    arrays["actions"][7, 1] = np.nan
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UnreadableFileError, match="row 7 is not"):
        fingerprint(read_slices(tmp_path, interface))


def test_an_empty_folder_is_refused(tmp_path: Path, interface: Interface) -> None:
    with pytest.raises(MissingFileError, match="There is no file"):
        read_slices(tmp_path, interface)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [20])
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFileError, match="is not an npz file"):
        read_slices(tmp_path, interface)


def test_pickled_objects_are_never_loaded(
    tmp_path: Path, interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "a.npz", observations=np.array([{"code": 1}], dtype=object))
    for limit in (module.IN_MEMORY_BYTES, 0):
        monkeypatch.setattr(module, "IN_MEMORY_BYTES", limit)
        with pytest.raises(UnreadableFileError):
            read_slices(tmp_path, interface)


def test_a_compressed_file_too_large_for_memory_is_refused_with_the_remedy(
    tmp_path: Path, interface: Interface
) -> None:
    np.savez_compressed(tmp_path / "a.npz", observations=np.zeros((5, 5), np.float32))
    with pytest.raises(UnreadableFileError, match=r"save them with numpy\.savez"):
        open_arrays(tmp_path / "a.npz", in_memory=False)


def test_a_missing_array_is_named(tmp_path: Path, interface: Interface) -> None:
    np.savez(tmp_path / "a.npz", observations=np.zeros((5, 5), np.float32))
    with pytest.raises(UnreadableFileError, match="it lacks actions, terminals"):
        read_slices(tmp_path, interface)


def test_data_of_another_interface_are_refused_with_the_difference(
    tmp_path: Path, interface: Interface
) -> None:
    write_slice(tmp_path / "a.npz", dataclasses.replace(interface, control_period_s=0.2), [20])
    with pytest.raises(InterfaceMismatchError, match=r"control_period_s is 0\.1 here and 0\.2 there"):
        read_slices(tmp_path, interface)


def test_unlabelled_data_of_another_width_are_refused(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [20], labelled=False)
    wider = dataclasses.replace(interface, observation=interface.observation[:1])
    with pytest.raises(ShapeMismatch):
        read_slices(tmp_path, wider)


def test_arrays_of_different_lengths_are_refused(tmp_path: Path, interface: Interface) -> None:
    widths = interface.observation_dim, interface.action_dim
    arrays = {"observations": np.zeros((20, widths[0])), "actions": np.zeros((19, widths[1]))}
    np.savez(tmp_path / "a.npz", terminals=np.zeros(20, bool), **arrays)
    with pytest.raises(ShapeMismatch, match=r"actions has the shape \(19, .*but \(20, "):
        read_slices(tmp_path, interface)


def test_an_interface_that_cannot_be_read_is_refused(tmp_path: Path, interface: Interface) -> None:
    widths = interface.observation_dim, interface.action_dim
    arrays = {"observations": np.zeros((20, widths[0])), "actions": np.zeros((20, widths[1]))}
    np.savez(tmp_path / "a.npz", terminals=np.zeros(20, bool), interface=np.array("{"), **arrays)
    with pytest.raises(UnreadableFileError, match="its interface is not JSON"):
        read_slices(tmp_path, interface)


def test_a_slice_shorter_than_a_chunk_is_refused(tmp_path: Path, interface: Interface) -> None:
    write_slice(tmp_path / "a.npz", interface, [3])
    data = from_slices(read_slices(tmp_path, interface), interface, ANYWHERE)
    with pytest.raises(DatasetTooShort):
        data.draw(4, 3, 0.9, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("near", "message"),
    [
        (Near("nothing", 0.1, point=(0.0,)), "a term of the interface: joints, object_position"),
        (Near("joints", 0.1), "exactly one of to_term and point"),
        (Near("joints", 0.1, point=(0.0,)), "of length 2"),
        (Near("joints", 0.1, to_term="object_position"), "of length 2"),
    ],
)
def test_a_wrong_task_is_refused(tmp_path: Path, interface: Interface, near: Near, message: str) -> None:
    write_slice(tmp_path / "a.npz", interface, [20])
    with pytest.raises(InvalidSetting, match=message):
        open_dataset(tmp_path, interface, Relabel((near,)))
