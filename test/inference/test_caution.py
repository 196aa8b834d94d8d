"""The reaction to the detector's score: nothing below the alarm, gradually above it, back only after calm."""

from __future__ import annotations

import numpy as np
import pytest
from detectors import STEP_S, tiny_detector
from engine_cases import SHAPES, random_checkpoint
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.checkpoint import save_checkpoint
from qgf_ros.datatypes import Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.inference.caution import Alert, Caution, Reaction
from qgf_ros.inference.detector_file import read_critics

CASE = SHAPES[0]
REACTION = Reaction()


@pytest.fixture(scope="module")
def caution(tmp_path_factory: pytest.TempPathFactory) -> Caution:
    """Over a tiny detector whose score is ten times the distance from the data."""
    folder = tmp_path_factory.mktemp("caution") / "c"
    checkpoint = random_checkpoint(CASE, 0)
    save_checkpoint(folder, checkpoint)
    interface = checkpoint.interface
    return Caution(tiny_detector(interface, read_critics(folder)), interface, REACTION)


def alerts(caution: Caution, scores: list[float]) -> list[Alert]:
    """What follows from scores in an episode."""
    caution.reset()
    found = []
    for index, score in enumerate(scores):
        values = np.zeros(CASE.observation_dim, np.float32)
        values[0] = 1.0 + 0.1 * score
        # far apart in time, so that nothing is predicted
        observation = Observation(values, (index + 1) * round(100 * STEP_S * 1e9))
        found.append(caution.look(observation, np.zeros((CASE.horizon, CASE.action_dim))))
    return found


@given(st.lists(st.floats(0.0, 0.99), min_size=1, max_size=20))
def test_below_the_alarm_nothing_happens(caution: Caution, scores: list[float]) -> None:
    for alert in alerts(caution, scores):
        assert (alert.share, alert.speed, alert.flagged, alert.is_cautious) == (1.0, 1.0, False, False)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40))
def test_guidance_and_speed_change_gradually_and_stay_in_range(caution: Caution, scores: list[float]) -> None:
    before = 1.0
    for alert in alerts(caution, scores):
        assert 0.0 <= alert.share <= 1.0
        assert -REACTION.fall - 1e-9 <= alert.share - before <= REACTION.rise + 1e-9
        assert alert.speed == pytest.approx(
            REACTION.slowest + (1.0 - REACTION.slowest) * alert.share
        )  # so from `slowest` to 1
        before = alert.share


def test_far_above_the_alarm_guidance_goes_and_half_the_speed_stays(caution: Caution) -> None:
    last = alerts(caution, [2.0] * 4)[-1]
    assert (last.share, last.speed) == (0.0, REACTION.slowest)


def test_between_alarm_and_gone_a_share_stays(caution: Caution) -> None:
    assert alerts(caution, [1.25] * 6)[-1].share == pytest.approx(0.5, abs=1e-5)  # float32 observations


def test_guidance_comes_back_only_after_calm_chunks_in_a_row(caution: Caution) -> None:
    calm, waits = 0.5 * REACTION.calm, REACTION.calm_chunks
    shares = [alert.share for alert in alerts(caution, [2.0] * 4 + [calm] * (waits + 20))]
    assert shares[4 : 4 + waits - 1] == [0.0] * (waits - 1)
    assert shares[4 + waits - 1] == pytest.approx(REACTION.rise)
    assert shares[-1] == 1.0
    unquiet = [0.5 * (REACTION.calm + 1.0) if index % waits == 0 else calm for index in range(40)]
    assert alerts(caution, [2.0] * 4 + unquiet)[-1].share == 0.0


def test_an_episode_stays_flagged_and_says_why(caution: Caution) -> None:
    found = alerts(caution, [0.0, 1.2] + [0.0] * 40)
    assert [alert.flagged for alert in found[:2]] == [False, True]
    assert found[-1].flagged
    assert "outside of the data" in found[1].in_words
    assert "careful" in found[3].in_words
    assert found[-1].in_words == "as in the data"


@pytest.mark.parametrize(
    "wrong",
    [{"gone": 1.0}, {"fall": 0.0}, {"rise": 1.5}, {"calm": 0.0}, {"calm_chunks": 0}, {"slowest": 0.0}],
)
def test_a_reaction_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidSetting, match=next(iter(wrong))):
        Reaction(**wrong)
