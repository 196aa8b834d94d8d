"""Between a policy's actions, in [-1, 1] of each dimension's range, and physical ones, in each dimension's unit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Action
from qgf_ros.datatypes import FloatArray


class ActionRange:
    """`centre` and `scale` (A,) of an action's dimensions, in their units: the ends of the range are at centre - scale and centre + scale."""

    def __init__(self, action: Action) -> None:
        self.centre: FloatArray = np.array([dimension.centre for dimension in action.dimensions])
        self.scale: FloatArray = np.array([dimension.scale for dimension in action.dimensions])

    def physical(self, values: npt.NDArray[np.floating]) -> FloatArray:
        """A policy's actions (..., A) in their units."""
        found: FloatArray = values * self.scale + self.centre
        return found

    def normalised(self, physical: FloatArray) -> FloatArray:
        """Physical actions (..., A) in [-1, 1] of their ranges, where they lie inside; nothing is clipped."""
        found: FloatArray = (physical - self.centre) / self.scale
        return found
