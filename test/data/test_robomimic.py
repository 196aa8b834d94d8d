"""robomimic's HDF5 as a source of recordings: nothing lost, nothing made up."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import episode_of
from qgf_ros.data.formats.robomimic import RobomimicSource
from qgf_ros.data.formats.robomimic_environment import Environment
from qgf_ros.data.mapping import Mapped, Place
from qgf_ros.errors import InvalidSetting, MissingExtraError
from test.data.robomimic_files import ROWS, h5py, read, written


def test_nothing_is_lost_and_the_last_observation_has_a_row(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    found = {entry.name.split("/")[1]: entry for entry in read(path)}
    with h5py.File(path) as file:
        for name, demo in file["data"].items():
            columns = found[name].columns
            rows = len(demo["actions"])
            assert found[name].rows == rows + 1
            for key in ("joints", "image"):
                seen = columns[f"obs/{key}"].values
                np.testing.assert_array_equal(seen[:-1], demo[f"obs/{key}"])
                np.testing.assert_array_equal(seen[1:], demo[f"next_obs/{key}"])
                assert seen.dtype == demo[f"obs/{key}"].dtype
            for key in ("actions", "states", "rewards", "dones"):
                np.testing.assert_array_equal(columns[key].values[:-1], demo[key])
                assert columns[key].values.dtype == demo[key].dtype


def test_the_last_row_repeats_an_action_and_claims_nothing_else(tmp_path: Path) -> None:
    for entry in read(written(tmp_path / "lift.hdf5")):
        values = {name: column.values for name, column in entry.columns.items()}
        assert values["final_row"].tolist() == [False] * (entry.rows - 1) + [True]
        np.testing.assert_array_equal(values["actions"][-1], values["actions"][-2])
        assert (values["rewards"][-1], values["dones"][-1]) == (0, 0)


def test_demonstrations_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    source = RobomimicSource(written(tmp_path / "lift.hdf5"))
    assert [entry.name for entry in source.recordings()] == ["lift/demo_1", "lift/demo_2", "lift/demo_10"]
    assert source.count == 3


def test_a_filter_picks_its_demonstrations(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    source = RobomimicSource(path, "train")
    assert set(source.filters()) == {"train", "valid"}
    assert [entry.name for entry in source.recordings()] == ["lift/demo_2", "lift/demo_10"]
    assert source.count == 2
    with pytest.raises(InvalidSetting, match="train or valid"):
        RobomimicSource(path, "test")


def test_rate_task_and_unit_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "lift.hdf5")
    assert RobomimicSource(path).rate_hz == 20.0
    [first, *_] = read(path)
    assert first.task == "Lift"
    assert first.columns["actions"].units == ("normalised", "normalised")
    assert first.columns["actions"].names == ()


def test_a_mapping_makes_an_episode_of_it(tmp_path: Path, interface: Interface) -> None:
    mapping = Mapped(
        {"joints": Place("obs/joints", start=0), "object_position": Place("obs/joints", start=0)},
        {name: Place("actions", start=place, unit="normalised") for place, name in enumerate(("one", "two"))},
    )
    [first, *_] = read(written(tmp_path / "lift.hdf5"))
    episode = episode_of(first, interface, mapping, is_trusted=False)
    np.testing.assert_allclose(episode.actions, first.columns["actions"].values, atol=1e-7)
    assert episode.success is True


@pytest.mark.parametrize(
    ("stated", "rewards", "success"),
    [
        (True, [0, 0, 1], True),
        (True, [0, 1, 0], True),  # reached, and left again
        (True, [0, 0, 0.5], False),  # one of two objects in its place
        (True, [0, 0, 2], None),  # on another scale
        (True, [0, np.nan, 1], None),
        (False, [0, 0, 1], None),
    ],
)
def test_success_is_told_only_by_rewards_of_which_the_file_says_what_they_are(
    stated: bool, rewards: list[float], success: bool | None
) -> None:
    assert Environment("", None, stated).success(np.array(rewards)) is success


def test_the_outcome_is_that_of_unshaped_rewards_and_else_open(tmp_path: Path) -> None:
    assert [entry.success for entry in read(written(tmp_path / "a.hdf5"))] == [True, False, False]

    def shaped(file: Any) -> None:
        file["data"].attrs["env_args"] = json.dumps({"env_kwargs": {"reward_shaping": True}})

    assert [entry.success for entry in read(written(tmp_path / "b.hdf5", shaped))] == [None] * 3


@pytest.mark.parametrize("lacking", ["obs", "next_obs", "next_obs/image", "rewards", "dones", "states"])
def test_a_file_may_lack_what_the_format_lets_it_lack(tmp_path: Path, lacking: str) -> None:
    def drop(file: Any) -> None:
        del file["mask"]
        for demo in file["data"].values():
            del demo[lacking]

    source = RobomimicSource(written(tmp_path / "lift.hdf5", drop))
    assert source.filters() == ()
    [first, *_] = source.recordings()
    extra = 0 if lacking.startswith(("obs", "next_obs")) else 1
    assert first.rows == ROWS[1] + extra, "no row is made up where an observation is missing for it"
    assert not any(name.split("/")[0] == lacking for name in first.columns)


def test_what_has_not_a_row_a_step_is_left_out_and_said(tmp_path: Path) -> None:
    def add(file: Any) -> None:
        for demo in file["data"].values():
            demo["datagen_info/source"] = np.arange(2)
            demo["seed"] = 3

    source = RobomimicSource(written(tmp_path / "lift.hdf5", add))
    assert all("seed" not in entry.columns for entry in source.recordings())
    assert source.left_out.keys() == {"datagen_info/source", "seed"}


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "lift.hdf5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.*qgf_ros\[data\]"):
        RobomimicSource(path)


def test_who_wants_no_more_leaves_nothing_running(tmp_path: Path) -> None:
    recordings = RobomimicSource(written(tmp_path / "lift.hdf5")).recordings()
    next(recordings)
    recordings.close()  # type: ignore[attr-defined]
    assert list(recordings) == []
