"""The last observation of an episode as a row of its own, where a format keeps one more observation than steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FINAL_ROW = "final_row"  # the column that marks it
ACTION = "action"  # how the columns of actions begin

Arrays = Mapping[str, npt.NDArray[Any]]


def with_final_row(seen: Arrays, done: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Columns of T + 1 rows out of what was seen (T + 1 rows each) and what was done (T rows each), with FINAL_ROW (T + 1,) bool.

    In a data set the next observation is the next row's, so the last one needs a row. There nothing was done: actions stand there
    as in the row before, since any other value may lie outside of a dimension's range; all else is zero, false or empty. The last
    row of an episode has no successor and is never the start of a window, so no value and no first action is learned from it.
    As later actions of a window that crosses the end it follows the last real one, where otherwise the next episode's would.
    """
    final = np.zeros(1 + max(len(values) for values in done.values()), bool)
    final[-1] = True
    extended = {name: _extended(name, values) for name, values in done.items()}
    return {**seen, **extended, FINAL_ROW: final}


def _extended(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    row = values[-1:] if name.startswith(ACTION) else np.zeros((1, *values.shape[1:]), values.dtype)
    return np.concatenate([values, row])
