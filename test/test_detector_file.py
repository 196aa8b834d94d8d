"""Detectors as files: what is saved comes back, for the weights and the interface it was made for, and nothing else is accepted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detectors import calibrated, save_with_detector, tiny_detector
from engine_cases import SHAPES, random_checkpoint
from safetensors.numpy import load_file, save_file
from sized_interface import interface_of_sizes

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.errors import CheckpointError
from qgf_ros.inference.detector_file import (
    ARRAYS,
    JSON,
    digest_of,
    load_detector,
    read_critics,
    save_detector,
)
from qgf_ros.inference.novelty import Watch

CASE = SHAPES[0]


@pytest.fixture
def checkpoint() -> Checkpoint:
    """Of random networks."""
    return random_checkpoint(CASE, 0)


def change(folder: Path, **changed: Any) -> None:
    content = json.loads((folder / JSON).read_text()) | changed
    (folder / JSON).write_text(json.dumps(content))


def change_arrays(folder: Path, **changed: Any) -> None:
    """Other arrays, with the digest to match."""
    arrays = {
        name: value for name, value in (load_file(folder / ARRAYS) | changed).items() if value is not None
    }
    save_file(arrays, folder / ARRAYS)
    change(folder, arrays_sha256=hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest())


def scores(watch: Watch) -> list[float]:
    draw = np.random.default_rng(0)
    found = []
    for index in range(5):
        values = draw.normal(size=CASE.observation_dim).astype(np.float32)
        action = draw.uniform(-1.0, 1.0, CASE.vector_dim).astype(np.float32)
        found.append(watch.assess(watch.see(Observation(values, index * 200_000_000), action)).score)
    return found


def test_a_checkpoint_without_a_detector_has_none(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    assert load_detector(tmp_path / "c", checkpoint.interface) is None


def test_what_is_saved_comes_back_and_scores_the_same(tmp_path: Path, checkpoint: Checkpoint) -> None:
    made = save_with_detector(tmp_path / "c", checkpoint)
    loaded = load_detector(tmp_path / "c", checkpoint.interface)
    assert loaded is not None
    assert (loaded.reaction, loaded.calibration) == (made.reaction, made.calibration)
    np.testing.assert_allclose(  # `beyond` is stored as float32
        scores(Watch(loaded.detector)), scores(Watch(made.detector)), rtol=1e-5
    )


def test_beside_an_exported_policy_it_brings_the_critics_along(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    policy = tmp_path / "policy.onnx"
    policy.write_bytes(b"weights")
    made = calibrated(tiny_detector(checkpoint.interface, read_critics(tmp_path / "c")))
    save_detector(policy, made, checkpoint.interface)
    loaded = load_detector(policy, checkpoint.interface)
    assert loaded is not None
    np.testing.assert_allclose(scores(Watch(loaded.detector)), scores(Watch(made.detector)), rtol=1e-5)
    policy.write_bytes(b"other weights")
    with pytest.raises(CheckpointError, match="belongs to other weights"):
        load_detector(policy, checkpoint.interface)


def test_it_serves_only_the_weights_and_the_interface_it_was_made_for(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    folder = tmp_path / "c"
    save_with_detector(folder, checkpoint)
    other = interface_of_sizes(CASE.observation_dim, CASE.action_dim, CASE.horizon + 1)
    with pytest.raises(CheckpointError, match="another interface"):
        load_detector(folder, other)
    change(folder, weights_sha256="0" * 64)
    with pytest.raises(CheckpointError, match="other weights; `qgf calibrate` makes a new one"):
        load_detector(folder, checkpoint.interface)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "format 2"),
        ({"surprise": 1}, "unknown keys surprise"),
        ({"threshold": "high"}, "threshold"),
        ({"threshold": 0.0}, "threshold"),
        ({"step_s": -1.0}, "step_s"),
        ({"arrays_sha256": "0"}, "sha256"),
        ({"reaction": {"fall": 2.0}}, "reaction"),
    ],
)
def test_another_description_is_refused_in_a_sentence(
    tmp_path: Path, checkpoint: Checkpoint, changed: dict[str, Any], words: str
) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    change(tmp_path / "c", **changed)
    with pytest.raises(CheckpointError, match=words):
        load_detector(tmp_path / "c", checkpoint.interface)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mean": np.zeros(3, np.float32)}, "detector.mean"),
        ({"usual": None}, "usual"),
        ({"beyond": np.zeros(46, np.float32)}, "beyond"),
        ({"scale": np.full(CASE.observation_dim, np.nan, np.float32)}, "not of finite"),
        ({"lower": np.zeros(CASE.observation_dim)}, "not of finite float32"),
        ({"predictor.1.kernel": np.zeros((4, 3), np.float32)}, "predictor"),
    ],
)
def test_other_arrays_are_refused_in_a_sentence(
    tmp_path: Path, checkpoint: Checkpoint, changed: dict[str, Any], words: str
) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    change_arrays(tmp_path / "c", **changed)
    with pytest.raises(CheckpointError, match=words):
        load_detector(tmp_path / "c", checkpoint.interface)


def test_arrays_that_are_cut_short_are_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    content = (tmp_path / "c" / ARRAYS).read_bytes()[:-8]
    (tmp_path / "c" / ARRAYS).write_bytes(content)
    change(tmp_path / "c", arrays_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(CheckpointError):
        load_detector(tmp_path / "c", checkpoint.interface)


def test_a_source_names_checkpoint_and_detector(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    without = digest_of(tmp_path / "c")
    save_with_detector(tmp_path / "c", checkpoint)
    with_detector = digest_of(tmp_path / "c")
    assert len(without) == 12
    assert without != with_detector
    change(tmp_path / "c", threshold=2.0)
    assert digest_of(tmp_path / "c") not in (without, with_detector)
