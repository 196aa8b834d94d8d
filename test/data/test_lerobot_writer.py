"""Nothing is lost between writing a LeRobot data set and reading it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qgf_ros.contract.schema import Action, Dimension, Interface, Reference
from qgf_ros.data.columns import episode_of
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.recording import Episode
from qgf_ros.errors import (
    UnreadableFileError,
)
from test.data.lerobot_episodes import assert_same, made, read, write
from test.data.lerobot_folders import pa, pq


@pytest.mark.parametrize("has_images", [False, True], ids=["numbers", "images"])
def test_nothing_is_lost_between_writing_and_reading(
    tmp_path: Path, interface: Interface, has_images: bool
) -> None:
    marks = [(5, True), (1, None), (9, False)]
    written = [made(interface, rows, seed, mark, has_images) for seed, (rows, mark) in enumerate(marks)]
    write(tmp_path / "data", interface, written)
    for theirs, ours in zip(read(tmp_path / "data", interface), written, strict=True):
        assert_same(theirs, ours)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixture never changes
@given(
    centre=st.floats(-10, 10),
    scale=st.floats(1e-3, 10),
    values=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=8),
)
def test_actions_come_back_bit_by_bit_whatever_their_range(
    tmp_path_factory: pytest.TempPathFactory,
    interface: Interface,
    centre: float,
    scale: float,
    values: list[float],
) -> None:
    shifted = replace(interface, action=Action(Reference.ABSOLUTE, (Dimension("one", scale, "rad", centre),)))
    actions = np.array(values, np.float32).reshape(-1, 1)
    observations = np.zeros((len(values), interface.observation_dim), np.float32)
    folder = tmp_path_factory.mktemp("law") / "data"
    write(folder, shifted, [Episode("one", observations, actions)])
    [found] = read(folder, shifted)
    np.testing.assert_array_equal(found.actions, actions)


def test_a_data_set_of_ours_without_its_interface_is_read_by_names_and_units(
    tmp_path: Path, interface: Interface
) -> None:
    """As after a tool of LeRobot has written info.json anew."""
    episode = made(interface, 4, success=True)
    write(tmp_path / "data", interface, [episode])
    path = tmp_path / "data/meta/info.json"
    info = json.loads(path.read_text())
    del info["qgf_ros"]
    path.write_text(json.dumps(info))
    source = LerobotSource(tmp_path / "data")
    assert source.interface is None
    [recording] = source.recordings()
    found = episode_of(recording, interface, None, is_trusted=False)
    np.testing.assert_array_equal(found.observations, episode.observations)
    np.testing.assert_allclose(found.actions, episode.actions, atol=1e-6)
    assert found.success is True


def test_actions_that_another_tool_has_changed_are_not_taken_for_ours(
    tmp_path: Path, interface: Interface
) -> None:
    write(tmp_path / "data", interface, [made(interface, 4)])
    path = tmp_path / "data/data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    moved = pa.array([[0.05, 0.05]] * 4, pa.list_(pa.float32(), 2))
    pq.write_table(table.set_column(table.column_names.index("action"), "action", moved), path)
    with pytest.raises(UnreadableFileError, match=r"action and qgf_ros\.normalised_action differ"):
        list(LerobotSource(tmp_path / "data").recordings())
    pq.write_table(table.drop_columns(["qgf_ros.normalised_action"]), path)
    with pytest.raises(UnreadableFileError, match=r"column 'qgf_ros\.normalised_action'"):
        list(LerobotSource(tmp_path / "data").recordings())


def test_many_episodes_are_listed_in_order(tmp_path: Path, interface: Interface) -> None:
    write(tmp_path / "data", interface, [made(interface, 1 + seed % 3, seed) for seed in range(230)])
    found = read(tmp_path / "data", interface)
    assert len(found) == 230
    for seed in (0, 99, 100, 229):
        assert_same(found[seed], made(interface, 1 + seed % 3, seed))


def test_an_episode_without_a_task_gets_the_one_that_is_stated(tmp_path: Path, interface: Interface) -> None:
    write(tmp_path / "data", interface, [replace(made(interface, 2), task="")], default_task="reach it")
    assert read(tmp_path / "data", interface)[0].task == "reach it"
