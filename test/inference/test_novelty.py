"""The detector's score: what it grows with, what it does not, and that it speaks of the right component."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from detectors import STEP_S, tiny_detector
from engine_cases import SHAPES, random_checkpoint

from qgf_ros.checkpoint import save_checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.inference.detector_file import read_critics
from qgf_ros.inference.novelty import CLIP, LONGEST, RATES, Watch
from qgf_ros.networks import NetworkConfig

CASE = SHAPES[0]
STEP_NS = round(STEP_S * 1e9)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """Over a detector of random critics and a predictor that expects no change."""
    checkpoint = random_checkpoint(CASE, 0)
    save_checkpoint(tmp_path / "c", checkpoint)
    return Watch(tiny_detector(checkpoint.interface, read_critics(tmp_path / "c")))


def seen(watch: Watch, rows: np.ndarray, step_ns: int = STEP_NS) -> list[np.ndarray]:
    action = np.zeros(CASE.vector_dim, np.float32)
    stamped = [Observation(row.astype(np.float32), (index + 1) * step_ns) for index, row in enumerate(rows)]
    return [watch.see(observation, action) for observation in stamped]


@pytest.mark.parametrize("config", SHAPES)
def test_critics_in_numpy_are_the_target_critics(config: NetworkConfig, tmp_path: Path) -> None:
    checkpoint = random_checkpoint(config, 3)
    save_checkpoint(tmp_path / "c", checkpoint)
    draw = np.random.default_rng(0)
    observation = draw.normal(size=config.observation_dim).astype(np.float32)
    action = draw.uniform(-1.0, 1.0, config.vector_dim).astype(np.float32)
    critic = checkpoint.networks.target_critic
    with torch.no_grad():
        features = critic.encode(torch.from_numpy(observation)[None])
        expected = critic.q(features, torch.from_numpy(action)[None])[:, 0].numpy()
    found = read_critics(tmp_path / "c")(observation, action)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)  # float32, sums in another order


def test_within_the_data_and_as_predicted_nothing_is_strange(watch: Watch) -> None:
    for streams in seen(watch, np.zeros((20, CASE.observation_dim))):
        assert watch.assess(streams).score <= 0.0


def test_a_component_outside_of_the_data_is_named_with_its_distance(watch: Watch) -> None:
    row = np.zeros((1, CASE.observation_dim))
    row[0, 4] = 1.25
    (streams,) = seen(watch, row)
    found = watch.assess(streams)
    assert found.score == pytest.approx(2.5)  # 0.25 beyond, in units of 0.1
    assert "0.25" in found.subject
    assert found.subject.endswith("outside of the data")


def test_an_error_that_keeps_its_sign_adds_up_and_one_that_changes_it_does_not(watch: Watch) -> None:
    count = 40
    rows = np.zeros((count, CASE.observation_dim))
    rows[:, 1] = 3.0 * np.arange(count)  # three standard deviations of change a step, always the same way
    rows[:, 2] = 1.5 * (-1.0) ** np.arange(count)  # as large, to and fro
    streams = seen(watch, rows)[-1].copy()
    predicted = CASE.observation_dim
    slow = streams[(len(RATES) - 1) * predicted : len(RATES) * predicted]
    assert slow[1] > 2.5
    assert slow[2] < 0.5


def test_one_error_counts_no_more_than_the_clip(watch: Watch) -> None:
    rows = np.zeros((2, CASE.observation_dim))
    rows[1, 0] = 1e6
    streams = seen(watch, rows)[-1]
    assert streams[: CASE.observation_dim].max() == pytest.approx(RATES[0] * CLIP)


@pytest.mark.parametrize("steps", [0.1, 4.0])
def test_observations_too_close_or_too_far_apart_predict_nothing(watch: Watch, steps: float) -> None:
    rows = np.zeros((2, CASE.observation_dim))
    rows[1, 0] = 0.9
    streams = seen(watch, rows, round(steps * STEP_NS))[-1]
    assert streams[: len(RATES) * CASE.observation_dim].max() == 0.0


def test_a_pause_is_no_time_without_progress(watch: Watch) -> None:
    """Someone stops the arm for a minute and lets it go on: what the critics say meanwhile is of nobody's doing."""
    values, action = np.zeros(CASE.observation_dim, np.float32), np.zeros(CASE.vector_dim, np.float32)
    stamps_s = np.cumsum([0.2, STEP_S, LONGEST * STEP_S, 60.0])
    found = [watch.see(Observation(values, round(at * 1e9)), action)[-1] for at in stamps_s]
    step, longest, pause = np.diff(found)
    assert step > 0.0
    assert longest == pytest.approx(LONGEST * step)
    assert pause == pytest.approx(longest)


def test_after_a_reset_the_episode_before_is_forgotten(watch: Watch) -> None:
    draw = np.random.default_rng(1).normal(size=(10, CASE.observation_dim))
    first = seen(watch, draw)
    watch.reset()
    np.testing.assert_array_equal(np.array(seen(watch, draw)), np.array(first))
