"""Intervals: laws and values that can be computed by hand."""

from __future__ import annotations

import math

import numpy as np

from qgf_ros.evaluate.compare import paired_difference, rate, wilson


def test_wilson_agrees_with_its_closed_form() -> None:
    p, n, z = 0.9, 100, 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    np.testing.assert_allclose(wilson(90, 100), (centre - half, centre + half), rtol=1e-9)


def test_more_episodes_narrow_the_interval() -> None:
    widths = [np.diff(wilson(count // 2, count))[0] for count in (10, 100, 1000)]
    assert widths[0] > widths[1] > widths[2]


def test_without_episodes_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_rate_lies_inside_its_interval() -> None:
    found = rate([True, False, True])
    assert found.interval[0] < found.success < found.interval[1]


def test_what_a_seed_does_to_both_cancels_out() -> None:
    difficulty = np.random.default_rng(0).normal(0, 100, 50)
    found = paired_difference((difficulty + 1.0).tolist(), difficulty.tolist())
    np.testing.assert_allclose([found.mean, *found.interval], 1.0, atol=1e-9)


def test_the_difference_changes_its_sign_with_the_order() -> None:
    one, other = [1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]
    forth, back = paired_difference(one, other), paired_difference(other, one)
    assert forth.mean == -back.mean
    assert forth.interval[0] == -back.interval[1]
