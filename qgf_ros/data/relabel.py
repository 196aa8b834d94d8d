"""Rewards and masks of a task, computed from recorded observations: one data set serves many tasks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.data.chunks import Array
from qgf_ros.errors import InvalidSetting


class MaskRule(Enum):
    """Where no value is added after a transition.

    SUCCESS is OGBench's rule; TIME_LIMIT is what the QGF authors' loader for large data sets does: it goes on past
    success and stops where a recording ends.
    """

    SUCCESS = "success"
    TIME_LIMIT = "time_limit"


@dataclass(frozen=True)
class Near:
    """True where a term lies within `radius` of another term (`to_term`) or of a fixed `point`, in the term's unit."""

    term: str
    radius: float
    to_term: str | None = None
    point: tuple[float, ...] | None = None

    def holds(self, interface: Interface, observations: Array) -> npt.NDArray[np.bool_]:
        """For observations (M, O), whether each satisfies the condition (M,).

        Raises:
            InvalidSetting: a term that the interface has not, or not exactly one of `to_term` and `point`.
        """
        if (self.to_term is None) == (self.point is None):
            raise InvalidSetting("relabel.near", self, "given with exactly one of to_term and point")
        values = _take(interface, observations, self.term)
        other = (
            _take(interface, observations, self.to_term)
            if self.to_term
            else np.asarray(self.point, np.float32)
        )
        if other.shape[-1] != values.shape[-1]:
            raise InvalidSetting(
                "relabel.near", self, f"of length {values.shape[-1]}, as the term {self.term}"
            )
        return np.asarray(np.linalg.norm(values - other, axis=-1) <= self.radius)


@dataclass(frozen=True)
class Relabel:
    """A task on recorded data: reward 0 where every condition holds, else -1. `masks`: see MaskRule (default OGBench's)."""

    near: tuple[Near, ...]
    masks: MaskRule = MaskRule.SUCCESS

    def reached(self, interface: Interface, observations: Array) -> npt.NDArray[np.bool_]:
        """Whether the goal holds in each of the observations (M, O). Raises InvalidSetting as `Near.holds`."""
        if not self.near:
            raise InvalidSetting("relabel.near", [], "a list of at least one condition")
        return np.logical_and.reduce([condition.holds(interface, observations) for condition in self.near])


def rewards_of(reached: npt.NDArray[np.bool_]) -> Array:
    """-1 a step until the goal holds, 0 while it does (M,)."""
    return reached.astype(np.float32) - 1.0


def masks_of(reached: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_], rule: MaskRule) -> Array:
    """1 where the value goes on after a transition, else 0 (M,)."""
    return 1.0 - (reached if rule is MaskRule.SUCCESS else ends).astype(np.float32)


def _take(interface: Interface, observations: Array, term: str) -> Array:
    try:
        place = interface.slice_of(term)
    except KeyError as error:
        names = ", ".join(entry.name for entry in interface.observation)
        raise InvalidSetting("relabel.near.term", term, f"a term of the interface: {names}") from error
    return observations[:, place]
