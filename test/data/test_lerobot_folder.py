"""When a LeRobot data set that is written has its name, what an interruption leaves, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data.formats.lerobot import LerobotSource
from qgf_ros.data.formats.lerobot_writer import LerobotWriter
from qgf_ros.data.recording import Episode
from qgf_ros.errors import (
    CannotWriteError,
    FolderExistsError,
    InvalidSetting,
    ShapeMismatch,
    UnreadableFileError,
)
from test.data.lerobot_episodes import RATE_HZ, made, read, write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("has_images", [False, True], ids=["numbers", "images"])
def test_a_data_set_has_its_name_only_once_it_is_finished(
    tmp_path: Path, interface: Interface, has_images: bool
) -> None:
    with LerobotWriter(tmp_path / "data", interface, RATE_HZ) as writer:
        writer.write(made(interface, 5, has_images=has_images))
        assert [path.name for path in tmp_path.iterdir()] == ["data.part"]
        with pytest.raises(UnreadableFileError, match="footer is missing: the data set was not finalised"):
            LerobotSource(tmp_path / "data.part")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


KILLED = """
import os, signal, sys
from pathlib import Path
from qgf_ros.contract.load import load_contract
from qgf_ros.data.formats.lerobot_writer import LerobotWriter
from qgf_ros.data.recording import Episode
import numpy as np
interface = load_contract(Path(sys.argv[2])).interface
with LerobotWriter(Path(sys.argv[1]), interface, 20.0) as writer:
    for name in range(150):
        shape = (5, interface.observation_dim), (5, interface.action_dim)
        writer.write(Episode(str(name), *(np.zeros(size, np.float32) for size in shape)))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_kill_9_leaves_behind_is_recognised(tmp_path: Path) -> None:
    contract = ROOT / "config/contracts/jaco_reach.yaml"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "data"), str(contract)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "data").exists()
    with pytest.raises(UnreadableFileError, match="was not finalised"):
        LerobotSource(tmp_path / "data.part")


def test_after_a_failure_nothing_is_left(tmp_path: Path, interface: Interface) -> None:

    def fail() -> None:
        with LerobotWriter(tmp_path / "data", interface, RATE_HZ) as writer:
            writer.write(made(interface, 5, has_images=True))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())


def test_without_an_episode_there_is_no_data_set(tmp_path: Path, interface: Interface) -> None:
    write(tmp_path / "data", interface, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["data", "data.part"])
def test_a_data_set_is_never_mixed_into_another(tmp_path: Path, interface: Interface, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(FolderExistsError):
        LerobotWriter(tmp_path / "data", interface, RATE_HZ)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, interface: Interface) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWriteError):
        LerobotWriter(tmp_path / "file/data", interface, RATE_HZ)


def with_extra(name: str, array: Any) -> Callable[[Episode], Episode]:
    return lambda episode: replace(episode, extra={name: array})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (with_extra("a/b", np.zeros(5)), InvalidSetting, "without '/'"),
        (with_extra("index", np.zeros(5)), InvalidSetting, "does not use itself"),
        (with_extra("action", np.zeros(5)), InvalidSetting, "does not use itself"),
        (with_extra("text", np.array(["a"] * 5)), InvalidSetting, "numbers of at most 64 bits"),
        (with_extra("objects", np.array([None] * 5)), InvalidSetting, "numbers of at most 64 bits"),
        (with_extra("odd", np.zeros((5, 3, 4, 3), np.uint8)), InvalidSetting, "even, as H.264 asks for"),
        (with_extra("short", np.zeros(4)), ShapeMismatch, "5 rows"),
        (lambda episode: replace(episode, actions=episode.actions[:4]), ShapeMismatch, "actions"),
        (lambda episode: replace(episode, observations=episode.observations[:, :4]), ShapeMismatch, "5"),
        (
            lambda episode: replace(episode, actions=episode.actions.astype(np.float64)),
            InvalidSetting,
            "float32",
        ),
        (
            lambda episode: Episode("", episode.observations[:0], episode.actions[:0]),
            ShapeMismatch,
            "one row",
        ),
    ],
)
def test_what_lerobot_could_not_hold_is_refused(
    tmp_path: Path,
    interface: Interface,
    change: Callable[[Episode], Episode],
    error: type[Exception],
    words: str,
) -> None:
    with LerobotWriter(tmp_path / "data", interface, RATE_HZ) as writer, pytest.raises(error, match=words):
        writer.write(change(made(interface, 5)))


def test_episodes_of_another_layout_are_refused_by_the_array_s_name(
    tmp_path: Path, interface: Interface
) -> None:
    with LerobotWriter(tmp_path / "data", interface, RATE_HZ) as writer:
        writer.write(made(interface, 5))
        with pytest.raises(InvalidSetting, match=r"made/0: qpos.*one layout"):
            writer.write(replace(made(interface, 5), extra={}))
        writer.write(made(interface, 3))
    assert [entry.rows for entry in read(tmp_path / "data", interface)] == [5, 3]


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), 1e9])
def test_a_rate_is_checked(tmp_path: Path, interface: Interface, rate_hz: float) -> None:
    with pytest.raises(InvalidSetting, match="rate_hz"):
        LerobotWriter(tmp_path / "data", interface, rate_hz)
