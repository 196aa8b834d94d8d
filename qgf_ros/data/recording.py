"""What every reader of a format gives: recordings, column by column, before a contract says what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.schema import Interface
from qgf_ros.errors import ShapeMismatch

NO_COLUMNS: Mapping[str, Column] = MappingProxyType({})


@dataclass(frozen=True)
class Column:
    """One array of a recording: `values` (T, ...), a row a step; `names` and `units` of the components along its second axis.

    Names and units are as the file tells them, and empty where it tells none.
    """

    values: npt.NDArray[Any]
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """One episode as a file has it: columns of T rows by the names that the format gives them.

    `name` is unique within its source. `success` is the outcome as it was marked, None where nobody did.
    """

    name: str
    columns: Mapping[str, Column]
    success: bool | None = None
    task: str = ""

    def __post_init__(self) -> None:
        """Check that all columns have T rows; raises ShapeMismatch."""
        rows = self.rows
        for name, column in self.columns.items():
            if len(column.values) != rows:
                raise ShapeMismatch(
                    f"{self.name}: {name}", column.values.shape, f"{rows} rows, as many as the others have,"
                )

    @property
    def rows(self) -> int:
        """T, the number of steps."""
        return max((len(column.values) for column in self.columns.values()), default=0)


class Source(Protocol):
    """A data set in some format, opened: nothing is read before it is asked for, one recording at a time.

    `rate_hz` and `interface` where the files tell them; `left_out` names what of the recordings read so far was not taken, and why.
    """

    format: str
    rate_hz: float | None
    interface: Interface | None

    @property
    def left_out(self) -> dict[str, str]:
        """What was not taken, and why."""
        ...

    @property
    def count(self) -> int:
        """How many recordings there are."""
        ...

    def recordings(self) -> Iterator[Recording]:
        """Each recording in order. Raises UnreadableFileError, naming the file, where one is damaged or foreign."""
        ...


@dataclass(frozen=True)
class Episode:
    """T control periods of one run under an interface.

    observations (T, O) float32, in the interface's units; actions (T, A) float32, in [-1, 1] of each dimension's range. `extra`:
    further arrays of T rows that travel along, by name (`rewards`, `human`, `qpos`, images). `success` as in `Recording`.
    """

    name: str
    observations: npt.NDArray[np.float32]
    actions: npt.NDArray[np.float32]
    extra: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    success: bool | None = None
    task: str = ""

    @property
    def rows(self) -> int:
        """T, the number of control periods."""
        return len(self.observations)
