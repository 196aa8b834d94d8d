"""The bets behind a promotion: nobody gains by them, in the mean, where the hypothesis holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from qgf_ros.evaluate.betting import better, not_better

COUNTS = st.integers(0, 400)
EFFECTS = st.floats(0.01, 0.9)


def wealth(logarithm: np.ndarray) -> float:
    return float(np.exp(logarithm))


@given(EFFECTS)
def test_a_bet_begins_with_a_wealth_of_one(effect: float) -> None:
    assert wealth(better(0, 0)) == pytest.approx(1.0)
    assert wealth(not_better(0, 0, 0, effect)) == pytest.approx(1.0)


@given(COUNTS, COUNTS, st.floats(0.0, 0.5))
def test_a_pair_that_decides_pays_nothing_in_the_mean_while_the_candidate_is_not_better(
    wins: int, losses: int, rate: float
) -> None:
    now = better(wins, losses)
    paid = rate * np.exp(better(wins + 1, losses) - now)
    paid += (1.0 - rate) * np.exp(better(wins, losses + 1) - now)
    assert paid <= 1.0 + 1e-7


@given(COUNTS, COUNTS, COUNTS, EFFECTS, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_pair_pays_nothing_in_the_mean_while_the_candidate_is_better_by_the_effect(
    wins: int, losses: int, ties: int, effect: float, lost_share: float, more: float
) -> None:
    lost = lost_share * (1.0 - effect) / 2.0
    won = min(
        lost + effect + more * (1.0 - 2.0 * lost - effect), 1.0 - lost
    )  # so that the mean is the effect or more
    count = wins + losses + ties
    now = not_better(wins, losses, count, effect)
    paid = won * np.exp(not_better(wins + 1, losses, count + 1, effect) - now)
    paid += lost * np.exp(not_better(wins, losses + 1, count + 1, effect) - now)
    paid += (1.0 - won - lost) * np.exp(not_better(wins, losses, count + 1, effect) - now)
    assert paid <= 1.0 + 1e-7


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 1), (1, 3), (20, 11), (40, 60)])
def test_the_closed_form_is_the_integral(wins: int, losses: int) -> None:
    value, _ = quad(lambda q: (2 * q) ** wins * (2 * (1 - q)) ** losses, 0.5, 1.0)
    assert wealth(better(wins, losses)) == pytest.approx(2.0 * value, rel=1e-6)


@given(COUNTS, COUNTS)
def test_a_win_more_is_more_evidence_for_the_candidate_and_a_loss_more_is_less(
    wins: int, losses: int
) -> None:
    assert better(wins + 1, losses) > better(wins, losses) > better(wins, losses + 1)


@given(COUNTS, COUNTS, EFFECTS)
def test_for_the_futility_of_going_on_it_is_the_other_way(wins: int, losses: int, effect: float) -> None:
    count = wins + losses + 1
    won, tied, lost = (
        not_better(*found, count, effect)
        for found in ((wins + 1, losses), (wins, losses), (wins, losses + 1))
    )
    assert won < tied < lost


def test_thousands_of_pairs_are_no_trouble() -> None:
    assert np.isfinite([better(50_000, 0), not_better(0, 50_000, 50_000, 0.1)]).all()
    assert wealth(better(0, 50_000)) == 0.0
