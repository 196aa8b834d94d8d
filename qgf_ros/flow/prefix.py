"""Committed actions: the first rows of a chunk that the robot executes while the chunk is computed. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import ShapeMismatch


@dataclass(frozen=True)
class Prefix:
    """What the chunk in play will do meanwhile, as the policy speaks: values in [-1, 1].

    `committed` (H, A) float32, of which the first `delay` rows will be executed whatever comes; `mask` (H,) float32 is
    the soft mask W: 1 on those rows, decaying, 0 on the last. Guidance is multiplied by 1 - W.
    """

    committed: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]
    delay: int

    def __post_init__(self) -> None:
        """Check the shapes; raises ShapeMismatch."""
        if self.committed.ndim != 2 or self.mask.shape != self.committed.shape[:1]:
            raise ShapeMismatch("prefix mask", self.mask.shape, f"{self.committed.shape[:1]}")
        if not 0 <= self.delay <= len(self.mask):
            raise ShapeMismatch("prefix delay", (self.delay,), f"from 0 to {len(self.mask)}")

    @property
    def entries(self) -> int:
        """How many entries of the action vector are committed: delay * A."""
        return self.delay * self.committed.shape[1]

    @property
    def vector(self) -> npt.NDArray[np.float32]:
        """`committed` as the action vector (D,) that the networks see, time-major."""
        return self.committed.reshape(-1)

    @property
    def freedom(self) -> npt.NDArray[np.float32]:
        """1 - W for each entry of the action vector (D,): by this guidance is multiplied."""
        return np.repeat(1.0 - self.mask, self.committed.shape[1]).astype(np.float32)
