"""Detectors that somebody made to see nothing, or that no calibration makes: refused when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detectors import save_with_detector
from engine_cases import SHAPES, random_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.errors import QgfError
from qgf_ros.inference.caution import Caution
from qgf_ros.inference.detector_file import ARRAYS, JSON, load_detector
from qgf_ros.inference.novelty import RATES
from test.test_detector_file import CASE, assert_refused, change, change_arrays

COMPONENTS = CASE.observation_dim


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    """Of random networks."""
    return random_checkpoint(SHAPES[0], 0)


def wide(value: float) -> np.ndarray:
    """An array over the observation's components."""
    return np.full(COMPONENTS, value, np.float32)


def streams(folder: Path, checkpoint: Checkpoint, **levels: float) -> np.ndarray:
    """A level for each stream: `errors`, `outside`, `critics`."""
    save_with_detector(folder, checkpoint)
    found = load_detector(folder, checkpoint.interface)
    assert found is not None
    made = found.detector.usual.copy()
    errors = len(RATES) * len(found.detector.predicted)
    for name, part in (
        ("errors", slice(0, errors)),
        ("outside", slice(errors, -2)),
        ("critics", slice(-2, None)),
    ):
        if name in levels:
            made[part] = levels[name]
    return made.astype(np.float32)


DEAF: dict[str, tuple[Callable[..., None], dict[str, Any], str]] = {
    "an alarm that nothing raises": (change, {"threshold": 1e30}, "detector.threshold"),
    "an alarm that hardly anything raises": (change, {"threshold": 300.0}, "most of its streams"),
    "guidance that never fades": (change, {"reaction": {"gone": 1e9}}, "reaction.gone"),
    "speed that never falls": (change, {"reaction": {"slowest": 1.0}}, "reaction.slowest"),
    "a reaction that takes for ever": (change, {"reaction": {"fall": 1e-9}}, "reaction.fall"),
    "calm after a moment": (change, {"reaction": {"calm_chunks": 10**6}}, "reaction.calm_chunks"),
    "data without bounds": (change_arrays, {"upper": wide(1e30)}, "detector.upper"),
    "data that end before they begin": (change_arrays, {"lower": wide(2.0)}, "detector.lower"),
    "a scale on which nothing moves": (change_arrays, {"scale": wide(1e30)}, "detector.scale"),
    "a mean beyond everything": (change_arrays, {"mean": wide(1e30)}, "detector.mean"),
}


@pytest.mark.parametrize("name", DEAF)
def test_a_detector_that_sees_nothing_is_refused(tmp_path: Path, checkpoint: Checkpoint, name: str) -> None:
    alter, changed, words = DEAF[name]
    save_with_detector(tmp_path / "c", checkpoint)
    alter(tmp_path / "c", **changed)
    assert_refused(tmp_path / "c", checkpoint, words)


@pytest.mark.parametrize("levels", [{"errors": 9.0}, {"outside": 1.1}, {"critics": 1e7}, {"errors": -1.0}])
@pytest.mark.parametrize("which", ["usual", "beyond"])
def test_what_is_usual_lies_within_what_a_stream_can_reach(
    tmp_path: Path, checkpoint: Checkpoint, levels: dict[str, float], which: str
) -> None:
    factor = 3 if which == "beyond" else 1
    made = streams(tmp_path / "c", checkpoint, **{name: factor * level for name, level in levels.items()})
    change_arrays(tmp_path / "c", **{which: made})
    assert_refused(tmp_path / "c", checkpoint, f"detector.{which}")


CALIBRATIONS = {
    "false_alarms": [0.0, 1.0, -1.0],
    "confidence": [0.0, 1.5],
    "episodes": [0, 10**9],
    "rank": [0, 47],
    "success": [-0.1, 1.1],
    "first_seed": [-1],
    "candidates": [0, 10**9],
    "guidance_weight": [-1.0, 1e9],
    "task": ["x" * 1000],
    "chunks": ["x" * 1000],
    "dataset_sha256": ["x" * 1000],
}


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_a_calibration_that_never_was_is_refused(tmp_path: Path, checkpoint: Checkpoint, name: str) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    found = load_detector(tmp_path / "c", checkpoint.interface)
    assert found is not None
    for value in CALIBRATIONS[name]:
        change(tmp_path / "c", calibration=vars(found.calibration) | {name: value})
        assert_refused(tmp_path / "c", checkpoint, f"calibration.{name}")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, checkpoint: Checkpoint) -> Path:
    """A checkpoint with a detector."""
    folder = tmp_path_factory.mktemp("saved") / "c"
    save_with_detector(folder, checkpoint)
    return folder


@given(st.sampled_from([JSON, ARRAYS]), st.data())
def test_changed_bytes_give_a_detector_that_works_or_a_sentence(
    saved: Path, checkpoint: Checkpoint, name: str, data: st.DataObject
) -> None:
    whole = (saved / name).read_bytes()
    place, value = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.binary(min_size=1, max_size=8))
    (saved / name).write_bytes(whole[:place] + value + whole[place + len(value) :])
    try:
        found = load_detector(saved, checkpoint.interface)
    except QgfError:
        return
    finally:
        (saved / name).write_bytes(whole)
    assert found is not None
    caution = Caution(found.detector, checkpoint.interface, found.reaction)
    actions = np.zeros((checkpoint.interface.chunk_length, checkpoint.interface.action_dim))
    assert 0.0 < caution.look(Observation(np.zeros(COMPONENTS, np.float32), 1), actions).speed <= 1.0


def test_streams_that_cannot_be_computed_are_an_alarm(saved: Path, checkpoint: Checkpoint) -> None:
    """Critics whose numbers run over give no number, and none is larger than any."""
    found = load_detector(saved, checkpoint.interface)
    assert found is not None
    caution = Caution(found.detector, checkpoint.interface, found.reaction)
    actions = np.zeros((checkpoint.interface.chunk_length, checkpoint.interface.action_dim))
    seen = Observation(np.full(COMPONENTS, 3e38, np.float32), 1)
    with np.errstate(all="ignore"):
        alert = caution.look(seen, actions)
    assert alert.score == np.inf
    assert alert.is_cautious
