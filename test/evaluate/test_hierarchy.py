"""Laws of differences over tasks and trainings."""

from __future__ import annotations

import numpy as np
import pytest

from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.compare import RESAMPLES, paired_difference
from qgf_ros.evaluate.hierarchy import agresti_min, rate_interval, resampled, resolved

EXACT = 1e-9
DRAWN = 0.02  # of an interval's end, between two bootstraps


def pairs(gained: int, lost: int, of: int) -> FloatArray:
    """Differences of so many pairs."""
    return np.array([1.0] * gained + [-1.0] * lost + [0.0] * (of - gained - lost))


def test_of_one_training_it_is_the_bootstrap_of_pairs() -> None:
    own = pairs(30, 10, 100)
    found = paired_difference(own.tolist(), np.zeros(100).tolist())
    np.testing.assert_allclose(np.quantile(resampled([own]), [0.025, 0.975]), found.interval, atol=DRAWN)


def test_the_mean_of_resampled_means_is_the_mean() -> None:
    units = [pairs(30, 10, 100), pairs(50, 0, 100)]
    means = resampled(units)
    assert means.shape == (RESAMPLES,)
    np.testing.assert_allclose(means.mean(), resolved(units).mean, atol=DRAWN / 4)


def test_units_that_agree_leave_the_spread_of_their_pairs() -> None:
    own = pairs(30, 10, 100)
    spread = own.std() / np.sqrt(400)
    np.testing.assert_allclose(resampled([own] * 4).std(), spread, rtol=0.05)


def test_trainings_that_differ_widen_the_interval_however_many_episodes_there_are() -> None:
    """Two trainings of +-1: half of the resamples have twice the same one."""
    units = [pairs(1000, 0, 1000), pairs(0, 1000, 1000)]
    means = resampled(units)
    np.testing.assert_allclose(
        [np.mean(means == value) for value in (-1, 0, 1)], [0.25, 0.5, 0.25], atol=0.02
    )
    assert resolved(units).interval == (-1.0, 1.0)
    assert not resolved(units).is_difference


def test_more_pairs_and_more_units_resolve_more() -> None:
    few, more, most = (
        [pairs(share, share // 2, 5 * share)] * units for share, units in ((4, 2), (40, 2), (40, 8))
    )
    resolutions = [resolved(units).resolution for units in (few, more, most)]
    assert resolutions[0] > resolutions[1] > resolutions[2]


def test_pairs_that_all_agree_still_have_an_interval_and_a_resolution() -> None:
    found = resolved([np.zeros(4)])
    assert found.interval[0] < 0.0 < found.interval[1]
    assert found.resolution > 0.3
    assert not found.is_difference


def test_swapping_the_two_swaps_the_sign() -> None:
    forth, back = resolved([pairs(30, 10, 100)] * 3), resolved([pairs(10, 30, 100)] * 3)
    assert forth.mean == pytest.approx(-back.mean, abs=EXACT)
    np.testing.assert_allclose(forth.interval, [-end for end in reversed(back.interval)], atol=DRAWN)


def test_agresti_and_min_add_half_a_pair_to_each_outcome() -> None:
    """By hand: 3 gained, 1 lost of 10: (3.5 - 1.5) / 12, sqrt(5 - 4 / 12) / 12."""
    np.testing.assert_allclose(agresti_min(pairs(3, 1, 10)), (2 / 12, np.sqrt(5 - 4 / 12) / 12), rtol=EXACT)


def test_a_large_clear_difference_is_called_one() -> None:
    found = resolved([pairs(60, 5, 100)] * 6)
    assert found.is_difference
    assert found.interval[0] > 0.0
    assert (found.units, found.pairs) == (6, 600)


def test_what_lies_below_the_resolution_is_no_difference_even_where_its_interval_is_clear_of_zero() -> None:
    found = resolved([pairs(20, 8, 100)])
    assert found.interval[0] > 0.0
    assert found.mean < found.resolution
    assert not found.is_difference


@pytest.mark.parametrize("units", [2, 3, 6])
def test_where_trainings_differ_and_methods_do_not_few_trainings_claim_seldom(units: int) -> None:
    """Of 100 comparisons an interval alone at 5 % would claim 5."""
    random, claimed = np.random.default_rng(0), 0
    for means in random.normal(0.0, 0.4, (100, units)).clip(-1.0, 1.0):
        gained = [round(10 + 10 * mean) for mean in means]
        claimed += resolved([pairs(count, 20 - count, 20) for count in gained]).is_difference
    assert claimed <= 5


def test_the_resolution_of_three_trainings_is_student_s() -> None:
    """By hand: means 0.1, 0.2, 0.6 have the standard error 0.1528; quantiles 4.303 and 1.061 of two degrees of freedom."""
    found = resolved([pairs(count, 0, 1000) for count in (100, 200, 600)])
    assert found.resolution == pytest.approx((4.3027 + 1.0607) * 0.15275, rel=1e-4)


def test_where_nothing_differs_one_is_claimed_seldom() -> None:
    """Of 60 void comparisons 3 are usual for an interval alone."""
    random = np.random.default_rng(0)
    shares = random.normal(0.5, 0.1, (60, 6, 2)).clip(0.05, 0.95)
    outcomes = random.random((60, 6, 2, 25)) < shares[..., None]
    differences = outcomes[:, :, 0].astype(float) - outcomes[:, :, 1]
    claimed = sum(resolved(list(units)).is_difference for units in differences)
    assert claimed <= 6


def test_a_rate_of_one_training_has_wilson_s_interval_and_of_several_a_wider_one() -> None:
    even, uneven = [np.array([1.0, 0.0] * 50)] * 2, [np.ones(100), np.zeros(100)]
    low, high = rate_interval(uneven)
    assert (low, high) == (0.0, 1.0)
    low, high = rate_interval(even)
    assert 0.42 < low < 0.5 < high < 0.58
    assert rate_interval([np.ones(10)])[0] == pytest.approx(0.722, abs=0.001)
