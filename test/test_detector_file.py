"""Detectors as files: what is saved comes back, for the weights and the interface it was made for, and nothing else is accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detectors import calibrated, save_with_detector, tiny_detector
from engine_cases import SHAPES, random_checkpoint
from safetensors.numpy import load_file, save
from sized_interface import interface_of_sizes

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.errors import CheckpointError
from qgf_ros.inference.detector_file import (
    ARRAYS,
    JSON,
    Calibrated,
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


def file_of(place: Path, name: str) -> Path:
    """A detector's file, in a checkpoint's folder or beside an exported policy."""
    return place / name if place.is_dir() else place.with_suffix(f".{name}")


def change(place: Path, **changed: Any) -> None:
    """Another description."""
    description = file_of(place, JSON)
    description.write_text(json.dumps(json.loads(description.read_text()) | changed))


def replace_arrays(place: Path, content: bytes) -> None:
    """Other bytes for arrays, with the digest to match."""
    file_of(place, ARRAYS).write_bytes(content)
    change(place, arrays_sha256=hashlib.sha256(content).hexdigest())


def change_arrays(place: Path, **changed: Any) -> None:
    """Other arrays, with the digest to match."""
    arrays = load_file(file_of(place, ARRAYS)) | changed
    replace_arrays(place, save({name: value for name, value in arrays.items() if value is not None}))


def assert_refused(place: Path, checkpoint: Checkpoint, words: str) -> None:
    """The detector is refused in a sentence with these words."""
    with pytest.raises(CheckpointError, match=words):
        load_detector(place, checkpoint.interface)


def exported_with_detector(folder: Path, checkpoint: Checkpoint) -> tuple[Path, Calibrated]:
    """What stands for an exported policy, with a tiny detector that brings the critics along."""
    save_checkpoint(folder / "c", checkpoint)
    policy = folder / "policy.onnx"
    policy.write_bytes(b"weights")
    made = calibrated(tiny_detector(checkpoint.interface, read_critics(folder / "c")))
    save_detector(policy, made, checkpoint.interface)
    return policy, made


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
    policy, made = exported_with_detector(tmp_path, checkpoint)
    loaded = load_detector(policy, checkpoint.interface)
    assert loaded is not None
    np.testing.assert_allclose(scores(Watch(loaded.detector)), scores(Watch(made.detector)), rtol=1e-5)
    policy.write_bytes(b"other weights")
    assert_refused(policy, checkpoint, "belongs to other weights")


def test_it_serves_only_the_weights_and_the_interface_it_was_made_for(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    folder = tmp_path / "c"
    save_with_detector(folder, checkpoint)
    other = interface_of_sizes(CASE.observation_dim, CASE.action_dim, CASE.horizon + 1)
    with pytest.raises(CheckpointError, match="another interface"):
        load_detector(folder, other)
    change(folder, weights_sha256="0" * 64)
    assert_refused(folder, checkpoint, "other weights; `qgf calibrate` makes a new one")


@pytest.mark.parametrize(
    ("alter", "changed", "words"),
    [
        (change, {"format": 2}, "format 2"),
        (change, {"surprise": 1}, "unknown keys surprise"),
        (change, {"threshold": "high"}, "threshold"),
        (change, {"threshold": 0.0}, "threshold"),
        (change, {"step_s": -1.0}, "step_s"),
        (change, {"arrays_sha256": "0"}, "sha256"),
        (change, {"reaction": {"fall": 2.0}}, "reaction"),
        (change_arrays, {"mean": np.zeros(3, np.float32)}, "detector.mean"),
        (change_arrays, {"usual": None}, "lacks 'usual'"),
        (change_arrays, {"beyond": np.zeros(46, np.float32)}, "beyond"),
        (change_arrays, {"scale": np.full(CASE.observation_dim, np.nan, np.float32)}, "not of finite"),
        (change_arrays, {"lower": np.zeros(CASE.observation_dim)}, "not of finite float32"),
        (change_arrays, {"predictor.1.kernel": np.zeros((4, 3), np.float32)}, "predictor"),
        (change_arrays, {"predictor.0.kernel": np.zeros((), np.float32)}, "predictor"),
    ],
)
def test_another_description_and_other_arrays_are_refused_in_a_sentence(
    tmp_path: Path,
    checkpoint: Checkpoint,
    alter: Callable[..., None],
    changed: dict[str, Any],
    words: str,
) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    alter(tmp_path / "c", **changed)
    assert_refused(tmp_path / "c", checkpoint, words)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("hidden.0.kernel", (5,)),
        ("hidden.0.kernel", (0, 23, 48)),
        ("hidden.1.kernel", (2, 5, 48)),
        ("hidden.1.bias", ()),
        ("norm.2.scale", None),
        ("norm.2.scale", (48,)),
        ("out.kernel", (2, 48, 2)),
        ("out.bias", ()),
    ],
)
def test_critics_that_do_not_fit_together_are_refused_before_the_first_chunk(
    tmp_path: Path, checkpoint: Checkpoint, name: str, shape: tuple[int, ...] | None
) -> None:
    policy = exported_with_detector(tmp_path, checkpoint)[0]
    array = None if shape is None else np.zeros(shape, np.float32)
    change_arrays(policy, **{f"target_critic.layers.{name}": array})
    assert_refused(policy, checkpoint, r"the critics' |it lacks")


def test_arrays_that_are_cut_short_are_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_with_detector(tmp_path / "c", checkpoint)
    replace_arrays(tmp_path / "c", (tmp_path / "c" / ARRAYS).read_bytes()[:-8])
    assert_refused(tmp_path / "c", checkpoint, "cannot be loaded: detector")


def test_a_source_names_checkpoint_and_detector(tmp_path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(tmp_path / "c", checkpoint)
    without = digest_of(tmp_path / "c")
    save_with_detector(tmp_path / "c", checkpoint)
    with_detector = digest_of(tmp_path / "c")
    assert len(without) == 12
    assert without != with_detector
    change(tmp_path / "c", threshold=2.0)
    assert digest_of(tmp_path / "c") not in (without, with_detector)
