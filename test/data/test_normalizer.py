"""The normalizer's laws."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from qgf_ros.data.normalizer import SMALLEST_SCALE, Normalizer, fit_normalizer
from qgf_ros.errors import InvalidSetting, ShapeMismatch


def test_normalise_then_restore_is_identity() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (50, 4)).astype(np.float32)
    normalizer = fit_normalizer([values])
    np.testing.assert_allclose(
        normalizer.restore(normalizer.normalise(values)), values, atol=1e-5
    )  # float32 rounding


def test_the_fit_does_not_depend_on_how_rows_are_split() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (60, 4)).astype(np.float32)
    whole, parts = fit_normalizer([values]), fit_normalizer([values[:7], values[7:]])
    np.testing.assert_allclose(whole.mean, parts.mean, rtol=1e-6)
    np.testing.assert_allclose(whole.scale, parts.scale, rtol=1e-6)


def test_normalised_data_have_zero_mean_and_unit_scale() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (500, 4)).astype(np.float32)
    normalised = fit_normalizer([values]).normalise(values)
    np.testing.assert_allclose(normalised.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(normalised.std(0), 1.0, atol=1e-5)


def test_a_constant_column_is_not_blown_up() -> None:
    values = np.full((20, 1), 2.0, np.float32)
    assert fit_normalizer([values]).scale[0] == np.float32(SMALLEST_SCALE)


def test_mean_and_scale_must_agree() -> None:
    with pytest.raises(ShapeMismatch):
        Normalizer(np.zeros(3, np.float32), np.ones(2, np.float32))


def test_a_file_larger_than_memory_is_read_block_by_block() -> None:
    """A data set may be one file; a copy of it in float64 would be twice as large."""
    observations = np.ones((400_000, 8), np.float32)
    observations[::2] = 3.0
    tracemalloc.start()
    found = fit_normalizer([observations])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2 * observations.nbytes
    np.testing.assert_allclose(found.mean, 2.0)
    np.testing.assert_allclose(found.scale, 1.0)


def test_data_that_are_no_numbers_are_refused() -> None:
    observations = np.ones((10, 3), np.float32)
    observations[4, 1] = np.nan
    with pytest.raises(InvalidSetting, match="component 1 is nan, but it must be finite"):
        fit_normalizer([observations])
