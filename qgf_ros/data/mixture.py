"""New data beside old in every batch, in a stated share: what was learned is not forgotten while something new is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qgf_ros.data.chunks import Windows
from qgf_ros.data.dataset import ALL, Dataset, joined
from qgf_ros.errors import InvalidSetting


class Windowed(Protocol):
    """What training draws its batches from."""

    def draw(
        self, count: int, horizon: int, discount: float, generator: np.random.Generator, share: slice = ALL
    ) -> Windows:
        """`count` windows of `horizon` steps, of which `share` is given. Raises DatasetTooShort."""
        ...


@dataclass(frozen=True)
class Mixture:
    """Of each draw the `share` (0, 1) comes from the new data, the rest from the old, each uniformly."""

    new: Dataset
    old: Dataset
    share: float

    def __post_init__(self) -> None:
        """Check the share; raises InvalidSetting."""
        if not 0.0 < self.share < 1.0:
            raise InvalidSetting(
                "share of new data", self.share, "between 0 and 1; without old data there is nothing to mix"
            )

    def draw(
        self, count: int, horizon: int, discount: float, generator: np.random.Generator, share: slice = ALL
    ) -> Windows:
        """Windows of the new data first; of `count` at least one of each, where there are two or more. Raises DatasetTooShort."""
        fresh = min(max(round(self.share * count), 1), max(count - 1, 1))
        parts = [self.new.draw(fresh, horizon, discount, generator)]
        if count > fresh:
            parts.append(self.old.draw(count - fresh, horizon, discount, generator))
        return Windows(**{name: array[share] for name, array in joined(parts).__dict__.items()})
