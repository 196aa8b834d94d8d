"""Statistics as LeRobot keeps them of each feature, for an episode and for a whole data set: its policies normalise by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
_MOST_IMAGES = 100  # of an episode of 500 frames; more in proportion to their number to the power of 3/4
_LONG_SIDE, _TARGET_SIDE = 300, 150  # pixels: larger images are thinned out before they are counted

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Of `count` rows, each component: arrays of one shape; `quantiles` has one more axis in front, in the order of QUANTILES."""

    count: int
    least: Array
    most: Array
    mean: Array
    std: Array
    quantiles: Array

    def part(self, columns: slice, shape: tuple[int, ...]) -> Summary:
        """Some components, in another shape."""
        return Summary(
            self.count,
            self.least[columns].reshape(shape),
            self.most[columns].reshape(shape),
            self.mean[columns].reshape(shape),
            self.std[columns].reshape(shape),
            self.quantiles[:, columns].reshape(-1, *shape),
        )

    def merged(self, other: Summary) -> Summary:
        """Both together. Quantiles are the mean of both, weighed: as LeRobot 0.4 does, since rows are no longer there."""
        count = self.count + other.count
        share = other.count / count
        step = other.mean - self.mean
        variance = (1 - share) * self.std**2 + share * other.std**2 + share * (1 - share) * step**2
        return Summary(
            count,
            np.minimum(self.least, other.least),
            np.maximum(self.most, other.most),
            self.mean + share * step,
            np.sqrt(variance),
            (1 - share) * self.quantiles + share * other.quantiles,
        )

    def stated(self) -> dict[str, Any]:
        """By LeRobot's names, as plain lists."""
        found = {"min": self.least, "max": self.most, "mean": self.mean, "std": self.std}
        found |= dict(zip(QUANTILES, self.quantiles, strict=True))
        return {**{name: values.tolist() for name, values in found.items()}, "count": [self.count]}


def summarise(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Summary]:
    """Of arrays of T rows of numbers. Vectors and scalars are sorted as one matrix; arrays of more axes along their last one."""
    flat = {name: array.reshape(len(array), -1) for name, array in arrays.items() if array.ndim <= 2}
    whole = _summary(np.concatenate(list(flat.values()), axis=1, dtype=np.float64)) if flat else None
    found, start = {}, 0
    for name, array in arrays.items():
        if array.ndim > 2:
            rows = _summary(array.reshape(-1, array.shape[-1]).astype(np.float64))
            found[name] = Summary(len(array), rows.least, rows.most, rows.mean, rows.std, rows.quantiles)
        elif whole is not None:
            width = flat[name].shape[1]
            found[name] = whole.part(slice(start, start + width), (width,))
            start += width
    return found


def _summary(rows: Array) -> Summary:
    ordered = np.sort(rows, axis=0)
    places = np.array(list(QUANTILES.values())) * (len(rows) - 1)
    low = np.floor(places).astype(int)
    share = (places - low)[:, None]
    quantiles = (1 - share) * ordered[low] + share * ordered[np.minimum(low + 1, len(rows) - 1)]
    return Summary(len(rows), ordered[0], ordered[-1], rows.mean(axis=0), rows.std(axis=0), quantiles)


def summarise_images(images: npt.NDArray[np.uint8]) -> Summary:
    """Of (T, height, width, 3): each channel over a sample of images and pixels, in [0, 1], as (3, 1, 1)."""
    count = min(len(images), max(_MOST_IMAGES, min(int(len(images) ** 0.75), 10_000)))
    chosen = np.round(np.linspace(0, len(images) - 1, count)).astype(int)
    height, width = images.shape[1:3]
    stride = max(height, width) // _TARGET_SIDE if max(height, width) >= _LONG_SIDE else 1
    counts = np.zeros((3, 256))
    for index in chosen:
        pixels = images[index, ::stride, ::stride]
        for channel in range(3):
            counts[channel] += np.bincount(pixels[..., channel].ravel(), minlength=256)
    levels, total = np.arange(256) / 255, counts[0].sum()
    shares = np.cumsum(counts, axis=1) / total
    mean = counts @ levels / total
    std = np.sqrt(np.maximum(counts @ levels**2 / total - mean**2, 0))
    seen = [np.flatnonzero(row) for row in counts]
    least, most = (np.array([levels[row[place]] for row in seen]) for place in (0, -1))
    quantiles = np.array([[levels[np.searchsorted(row, q)] for row in shares] for q in QUANTILES.values()])
    return Summary(count, least, most, mean, std, quantiles).part(slice(None), (3, 1, 1))
