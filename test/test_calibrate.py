"""Calibrating: the threshold keeps its promise, and predictor and ranges are those of the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detectors import tiny_detector
from engine_cases import SHAPES, random_checkpoint

from qgf_ros.checkpoint import save_checkpoint
from qgf_ros.errors import DatasetTooShort, InvalidSetting
from qgf_ros.evaluate.calibrate import CONFIDENCE, CalibrateConfig, fewest_episodes, judged, threshold_rank
from qgf_ros.evaluate.predictor_fit import fit_predictor
from qgf_ros.inference.detector_file import read_critics


@pytest.mark.parametrize("false_alarms", [0.05, 0.2])
@pytest.mark.parametrize("episodes", [50, 200])
def test_the_rate_of_false_alarms_is_kept_with_the_stated_confidence(
    episodes: int, false_alarms: float
) -> None:
    """Scores uniform on 0..1, so that a threshold t has the false-alarm rate 1 - t: any continuous law maps to this."""
    rank = threshold_rank(episodes, false_alarms)
    draws = np.sort(np.random.default_rng(0).uniform(size=(4000, episodes)), axis=1)
    kept = float(np.mean(1.0 - draws[:, rank - 1] <= false_alarms))
    assert kept >= CONFIDENCE - 0.015  # three standard errors of 4000 draws
    if rank > 1:  # and the rank below would not do
        assert np.mean(1.0 - draws[:, rank - 2] <= false_alarms) <= CONFIDENCE + 0.015


def test_too_few_episodes_give_no_threshold() -> None:
    fewest = fewest_episodes(0.05)
    assert threshold_rank(fewest, 0.05) == fewest
    with pytest.raises(InvalidSetting, match=f"at least {fewest}"):
        threshold_rank(fewest - 1, 0.05)
    with pytest.raises(InvalidSetting, match="episodes"):
        CalibrateConfig(episodes=2 * fewest - 1)


@pytest.mark.parametrize(
    "wrong", [{"false_alarms": 0.0}, {"false_alarms": 1e-320}, {"false_alarms": 1.0}, {"steps": 0}]
)
def test_a_calibration_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(wrong))):
        CalibrateConfig(**wrong)  # type: ignore[arg-type]


def test_the_calibrating_episodes_are_flagged_as_often_as_the_rank_says(tmp_path: Path) -> None:
    checkpoint = random_checkpoint(SHAPES[0], 0)
    save_checkpoint(tmp_path / "c", checkpoint)
    blank = tiny_detector(checkpoint.interface, read_critics(tmp_path / "c"))
    highest = np.random.default_rng(0).lognormal(size=(200, blank.streams))
    detector, rank = judged(blank, highest, 0.05)
    scores = ((highest[100:] - detector.usual) / (detector.beyond * detector.threshold)).max(1)
    assert int((scores < 1.0).sum()) == rank  # the one that is the threshold raises no alarm itself
    assert (detector.beyond > 0.0).all()


def test_the_predictor_learns_what_follows_and_how_surely() -> None:
    """A component that our command moves with no noise, and one that is noise."""
    draw = np.random.default_rng(0)
    episodes = []
    for _ in range(20):
        command = np.cumsum(0.1 * draw.normal(size=100))
        followed = np.concatenate([[0.0], command[:-1]])
        episodes.append(np.stack([command, followed, draw.normal(size=100)], axis=1).astype(np.float32))
    predictor = fit_predictor(episodes, (0,), 2, 400, seed=0)
    errors, deviations = [], []
    for episode in episodes[:4]:
        for start in range(0, 90, 5):
            given = np.concatenate([episode[start], episode[start + 2, :1], [1.0]]).astype(np.float32)
            mean, deviation = predictor(given)
            errors.append((episode[start + 2] - episode[start])[1:] - mean)
            deviations.append(deviation)
    rms = np.sqrt(np.mean(np.square(errors), axis=0))
    assert rms[0] < 0.3 * rms[1]
    ratio = np.mean(deviations, axis=0) / rms
    assert ratio[1] == pytest.approx(1.0, abs=0.3)  # of noise of deviation 1 it knows how much it is


def test_episodes_shorter_than_a_prediction_are_refused() -> None:
    with pytest.raises(DatasetTooShort):
        fit_predictor([np.zeros((5, 3), np.float32)], (0,), 4, 1, seed=0)
