"""Brings observations to zero mean and unit scale, for networks that expect it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.data.chunks import Array
from qgf_ros.errors import InvalidSetting, ShapeMismatch

ROWS_AT_ONCE = 100_000
SMALLEST_SCALE = 1e-2  # SI units; a joint that never moves must not turn its rounding into a feature


@dataclass(frozen=True)
class Normalizer:
    """`normalise(x) = (x - mean) / scale`; mean and scale (O,) float32 in the observation's units."""

    mean: Array
    scale: Array

    def __post_init__(self) -> None:
        """Check the shapes and the scale; raises ShapeMismatch, InvalidSetting."""
        if self.mean.shape != self.scale.shape or self.mean.ndim != 1:
            raise ShapeMismatch("normalizer scale", self.scale.shape, f"{self.mean.shape}")
        if not (self.scale > 0).all():
            raise InvalidSetting("normalizer scale", float(self.scale.min()), "above 0 in every entry")

    def normalise(self, observations: npt.NDArray[np.float32]) -> Array:
        """Observations (..., O) in units of their spread."""
        return np.asarray((observations - self.mean) / self.scale, dtype=np.float32)

    def part(self, place: slice) -> Normalizer:
        """For some components of the observation alone."""
        return Normalizer(self.mean[place], self.scale[place])

    def restore(self, normalised: npt.NDArray[np.float32]) -> Array:
        """The inverse of `normalise`."""
        return np.asarray(normalised * self.scale + self.mean, dtype=np.float32)


def fit_normalizer(observations: Iterable[Array]) -> Normalizer:
    """Mean and standard deviation over all rows of these (M, O) arrays, read block by block in float64.

    Raises:
        InvalidSetting: a value is no number.
    """
    count, total, squares = 0, np.zeros(()), np.zeros(())
    for part in observations:
        for start in range(0, len(part), ROWS_AT_ONCE):
            values = np.asarray(part[start : start + ROWS_AT_ONCE], dtype=np.float64)
            count, total = count + len(values), total + values.sum(0)
            squares = squares + np.square(values).sum(0)
    mean = total / count
    if not np.isfinite(mean).all():
        bad = int(np.flatnonzero(~np.isfinite(mean))[0])
        raise InvalidSetting(
            f"The mean of the data's observation component {bad}", float(mean[bad]), "finite"
        )
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
    return Normalizer(mean.astype(np.float32), np.maximum(deviation, SMALLEST_SCALE).astype(np.float32))
