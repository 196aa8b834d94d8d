"""Committed actions: the first rows of a chunk that the robot executes while the chunk is computed. Imports no torch.

Delay d, execution horizon s and chunk length H are counted in actions. Real-time chunking: arXiv 2506.07339.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import InvalidSetting, ShapeMismatch

Rows = npt.NDArray[np.float32]


class PrefixMethod(Enum):
    """How a walk is kept to committed actions; compared in docs/adr/0016-prefix-methods.md.

    OVERWRITING: their entries follow the line from noise to action (ours). PSEUDO_INVERSE: the estimate of the chunk is
    pulled to them through the policy's Jacobian, arXiv 2506.07339. CONDITIONED: the policy was trained to be told them,
    arXiv 2512.05964; it needs networks with `max_delay`.
    """

    OVERWRITING = "overwriting"
    PSEUDO_INVERSE = "pseudo_inverse"
    CONDITIONED = "conditioned"


@dataclass(frozen=True)
class Prefix:
    """What the chunk in play will do meanwhile, as the policy speaks: values in [-1, 1].

    `committed` (H, A) float32, of which the first `delay` rows will be executed whatever comes; `mask` (H,) float32 is
    the soft mask W: 1 on those rows, decaying, 0 on the last. Guidance is multiplied by 1 - W.
    """

    committed: Rows
    mask: Rows
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
    def vector(self) -> Rows:
        """`committed` as the action vector (D,) that the networks see, time-major."""
        return self.committed.reshape(-1)

    @property
    def rows(self) -> Rows:
        """1 for each committed row, else 0 (H,): the flags of a policy that is told."""
        return (np.arange(len(self.mask)) < self.delay).astype(np.float32)

    @property
    def freedom(self) -> Rows:
        """1 - W for each entry of the action vector (D,): by this guidance is multiplied."""
        return np.repeat(1.0 - self.mask, self.committed.shape[1]).astype(np.float32)


def check_feasible(horizon: int, delay: int, execution_horizon: int) -> None:
    """Raise InvalidSetting unless 0 <= d <= s and d + s <= H, s >= 1."""
    if not (
        0 <= delay <= execution_horizon and delay + execution_horizon <= horizon and execution_horizon >= 1
    ):
        found = f"d = {delay}, s = {execution_horizon} with H = {horizon}"
        accepted = (
            "a delay d and an execution horizon s >= 1 with d <= s and d + s <= H, all counted in actions"
        )
        raise InvalidSetting("real-time chunking", found, accepted)


def soft_mask(horizon: int, delay: int, execution_horizon: int) -> Rows:
    """Return W (H,): 1 on the first d rows, decaying, 0 on the last s. Equation (5) of arXiv 2506.07339.

    With d = 0 nothing is committed and W is 0 (ours: the paper's W pulls to the old chunk also then).

    Raises:
        InvalidSetting: not d <= s and d + s <= H.
    """
    check_feasible(horizon, delay, execution_horizon)
    if delay == 0:
        return np.zeros(horizon, np.float32)
    row, end = np.arange(horizon), horizon - execution_horizon
    closeness = (end - row) / (end - delay + 1)
    decaying = closeness * np.expm1(closeness) / np.expm1(1.0)
    return np.where(row < delay, 1.0, np.where(row < end, decaying, 0.0)).astype(np.float32)


def make_prefix(rest: Rows, horizon: int, delay: int, execution_horizon: int) -> Prefix | None:
    """Return the prefix for a chunk of `horizon` rows from what is left of the chunk in play; None for d = 0.

    `rest` (n, A), in [-1, 1], begins with the action in force when the chunk's first would be. Rows that it lacks are
    free.

    Raises:
        InvalidSetting: not d <= s and d + s <= H, or fewer than d rows are left.
    """
    mask = soft_mask(horizon, delay, execution_horizon)
    if delay == 0:
        return None
    if len(rest) < delay:
        raise InvalidSetting(
            "real-time chunking", f"d = {delay}", f"at most the {len(rest)} actions that are left"
        )
    kept = rest[:horizon].astype(np.float32)
    committed = np.zeros((horizon, rest.shape[1]), np.float32)
    committed[: len(kept)] = kept
    mask[len(kept) :] = 0.0
    return Prefix(committed, mask, delay)
