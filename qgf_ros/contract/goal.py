"""When a goal holds, told from an observation alone: a pose near a place or inside a box, a gripper between two angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.errors import InvalidSetting

Array = npt.NDArray[np.float32]
Truths = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Near:
    """True where a term lies within `radius` of another term (`to_term`) or of a fixed `point`, in the term's unit."""

    term: str
    radius: float
    to_term: str | None = None
    point: tuple[float, ...] | None = None

    def holds(self, interface: Interface, observations: Array) -> Truths:
        """For observations (M, O), whether each satisfies the condition (M,).

        Raises:
            InvalidSetting: a term that the interface has not, or not exactly one of `to_term` and `point`.
        """
        if (self.to_term is None) == (self.point is None):
            raise InvalidSetting("relabel.near", self, "given with exactly one of to_term and point")
        values = _take(interface, observations, self.term, "near")
        if self.to_term:
            other = _take(interface, observations, self.to_term, "near")
        else:
            other = np.asarray(self.point, np.float32)
        if other.shape[-1] != values.shape[-1]:
            raise InvalidSetting(
                "relabel.near", self, f"of length {values.shape[-1]}, as the term {self.term}"
            )
        return np.asarray(np.linalg.norm(values - other, axis=-1) <= self.radius)


@dataclass(frozen=True)
class Inside:
    """True where every component of a term lies from `lower` to `upper`, in the term's unit: a box, or a gripper's state."""

    term: str
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def holds(self, interface: Interface, observations: Array) -> Truths:
        """For observations (M, O), whether each satisfies the condition (M,).

        Raises:
            InvalidSetting: a term that the interface has not, bounds of another length, or none between them.
        """
        return np.asarray(self.lacking(interface, observations) == 0)

    def lacking(self, interface: Interface, observations: Array) -> Counts:
        """For observations (M, O), how many components lie outside (M,). Raises InvalidSetting as `holds`."""
        values = _take(interface, observations, self.term, "inside")
        length = values.shape[-1]
        if len(self.lower) != length or len(self.upper) != length:
            raise InvalidSetting(
                "relabel.inside", self, f"with {length} lower and upper bounds, as the term {self.term}"
            )
        if any(low > high for low, high in zip(self.lower, self.upper, strict=True)):
            raise InvalidSetting("relabel.inside", self, "with each lower bound at most the upper one")
        lower, upper = (np.asarray(bound, np.float32) for bound in (self.lower, self.upper))
        return np.asarray(((values < lower) | (values > upper)).sum(axis=-1))


@dataclass(frozen=True)
class Goal:
    """Holds where every one of its conditions does."""

    near: tuple[Near, ...] = ()
    inside: tuple[Inside, ...] = ()

    def holds(self, interface: Interface, observations: Array) -> Truths:
        """Whether the goal holds in each of the observations (M, O). Raises InvalidSetting as its conditions, or without any."""
        return np.asarray(self.lacking(interface, observations) == 0)

    def lacking(self, interface: Interface, observations: Array) -> Counts:
        """How many things are not in place in each of the observations (M, O): terms not near, components not inside (M,).

        Raises InvalidSetting as `holds`.
        """
        if not (self.near or self.inside):
            raise InvalidSetting("relabel", "without near and inside", "given with at least one condition")
        apart = [(~condition.holds(interface, observations)).astype(np.int64) for condition in self.near]
        outside = [condition.lacking(interface, observations) for condition in self.inside]
        return np.asarray(np.sum([*apart, *outside], axis=0))


def _take(interface: Interface, observations: Array, term: str, kind: str) -> Array:
    try:
        place = interface.slice_of(term)
    except KeyError as error:
        names = ", ".join(entry.name for entry in interface.observation)
        raise InvalidSetting(f"relabel.{kind}.term", term, f"a term of the interface: {names}") from error
    return observations[:, place]
