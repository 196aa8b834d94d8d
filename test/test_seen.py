"""Where the robot stood in the data: made from arrays, kept as JSON, read strictly."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qgf_ros.contract.load import load_contract
from qgf_ros.errors import (
    FileTooLarge,
    InvalidSetting,
    MissingFileError,
    QgfError,
    ShapeMismatch,
    UnknownKeys,
    UnreadableFileError,
)
from qgf_ros.seen import FILE, Seen, load_seen

ROOT = Path(__file__).parents[1]
SHIPPED = [path for path in sorted((ROOT / "checkpoints").iterdir()) if path.is_dir()]
JOINTS = ("shoulder", "elbow")
SEEN = Seen(JOINTS, (-1.0, 0.0), (1.0, 1.2), (0.0, 0.0), (0.1, 0.1))


def write(folder: Path, content: object) -> Path:
    """A folder whose file holds this."""
    (folder / FILE).write_text(json.dumps(content))
    return folder


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    SEEN.save(tmp_path)
    assert load_seen(tmp_path) == SEEN


@given(rows=arrays(np.float64, (7, 2), elements=st.floats(-9.0, 9.0)))
def test_no_pose_of_the_data_lies_outside_of_it(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    seen = Seen.of(JOINTS, rows, rows[:3])
    for row in rows:
        assert seen.outside(dict(zip(JOINTS, row.tolist(), strict=True)), 0.0) == []
    for row in rows[:3]:
        assert seen.outside_starts(dict(zip(JOINTS, row.tolist(), strict=True)), 0.0) == []


def test_joints_outside_are_named_whatever_else_is_measured() -> None:
    measured = {"elbow": 1.31, "wrist": 99.0, "shoulder": 0.5}
    assert SEEN.outside(measured, 0.1) == ["elbow"]
    assert SEEN.outside(measured, 0.12) == []
    assert SEEN.outside_starts(measured, 0.1) == ["shoulder", "elbow"]


def test_a_joint_that_is_not_a_number_is_outside() -> None:
    assert SEEN.outside({"elbow": float("nan")}, 0.1) == ["elbow"]


def test_a_joint_that_hardly_moved_has_room_for_a_radian() -> None:
    seen = Seen(("wrist",), (0.5,), (0.5,), (0.5,), (0.5,))
    assert seen.bounds("wrist") == (-0.5, 1.5)


def test_a_checkpoint_may_say_nothing_of_its_data(tmp_path: Path) -> None:
    assert load_seen(tmp_path) is None


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="nowhere"):
        load_seen(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"lowest": [0.0, 0.0]}, UnknownKeys),
        ({"lower": [0.0]}, InvalidSetting),
        ({"lower": [2.0, 0.0]}, InvalidSetting),
        ({"lower": ["a", 0.0]}, InvalidSetting),
        ({"upper": [float("inf"), 2.0]}, InvalidSetting),
        ({"start_lower": [float("nan"), 0.0]}, InvalidSetting),
        ({"joints": ["elbow", "elbow"]}, InvalidSetting),
        ({"joints": [], "lower": [], "upper": [], "start_lower": [], "start_upper": []}, InvalidSetting),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, object], error: type[QgfError]
) -> None:
    with pytest.raises(error) as caught:
        load_seen(write(tmp_path, asdict(SEEN) | change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[", "[" * 30_000, "[1]", '{"joints": 1, "joints": 2}', "9" * 9_000, "\udcff"]
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises((UnreadableFileError, InvalidSetting)):
        load_seen(tmp_path)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b" " * 65_537)
    with pytest.raises(FileTooLarge):
        load_seen(tmp_path)


def test_data_without_a_joint_of_the_contract_is_refused() -> None:
    SEEN.check_joints(("elbow",))
    with pytest.raises(InvalidSetting, match="it lacks wrist"):
        SEEN.check_joints(("elbow", "wrist"))


@pytest.mark.parametrize("rows", [np.zeros((0, 2)), np.zeros((3, 3)), np.zeros(2)])
def test_arrays_of_another_shape_are_refused(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(ShapeMismatch):
        Seen.of(JOINTS, rows, np.zeros((1, 2)))


def test_arrays_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InvalidSetting):
        Seen.of(JOINTS, np.full((3, 2), np.nan), np.zeros((1, 2)))


@pytest.mark.parametrize("checkpoint", SHIPPED, ids=lambda path: path.name)
def test_every_policy_that_ships_says_where_its_data_began(checkpoint: Path) -> None:
    seen = load_seen(checkpoint)
    assert seen is not None
    seen.check_joints(
        load_contract(ROOT / "config" / "contracts" / f"{checkpoint.name}.yaml").interface.joints
    )


@given(
    one=arrays(np.float64, (5, 2), elements=st.floats(-9.0, 9.0)),
    other=arrays(np.float64, (4, 2), elements=st.floats(-9.0, 9.0)),
)
def test_two_data_sets_together_have_the_ranges_of_all_their_rows(
    one: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    other: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    turned = Seen.of(JOINTS[::-1], other[:, ::-1], other[:1, ::-1])
    both = Seen.of(JOINTS, np.concatenate([one, other]), np.concatenate([one[:1], other[:1]]))
    assert Seen.of(JOINTS, one, one[:1]).joined(turned) == both


def test_data_of_another_robot_are_not_joined() -> None:
    with pytest.raises(InvalidSetting, match="it lacks elbow"):
        SEEN.joined(Seen(("shoulder",), (0.0,), (1.0,), (0.0,), (1.0,)))
