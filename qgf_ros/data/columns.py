"""From the columns of a recording to an episode under an interface: by names and units, never by guessing an order.

Columns that name their components are matched by name, whatever their order. Where a file names nothing, or other names, a
mapping says which column and component each term and each dimension is, and in which unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.data.mapping import Mapped, Place, check_names
from qgf_ros.data.recording import Column, Episode, Recording
from qgf_ros.errors import InvalidSetting, UnfitRecording

OBSERVATION, ACTION = "observation", "action"
# Names under which formats keep the whole vector: OGBench, LeRobot, robomimic and Minari.
OBSERVATION_COLUMNS = ("observations", "observation.state", "observation")
ACTION_COLUMNS = ("actions", "action")
NORMALISED = "normalised"  # the unit of an action component that is in [-1, 1] of the dimension's range
OUTSIDE = (
    1e-3  # of a dimension's range: so far outside of [-1, 1] a recorded action is clipped without a word
)

# From a unit of a file to the contract's: factor.
UNITS: Mapping[tuple[str, str], float] = {
    ("deg", "rad"): np.pi / 180,
    ("deg/s", "rad/s"): np.pi / 180,
    ("mm", "m"): 1e-3,
    ("cm", "m"): 1e-2,
    ("mm/s", "m/s"): 1e-3,
}


def episode_of(
    recording: Recording, interface: Interface, mapping: Mapped | None, is_trusted: bool
) -> Episode:
    """The episode in a recording. `is_trusted`: its source states this very interface, so that its order is known.

    Raises:
        UnfitRecording: a column or component is missing, named twice, in a unit that the contract's cannot be made from, or told
            without names or units where no mapping tells them; or a value is not finite.
        InvalidSetting: the mapping does not fit the interface.
    """
    finder = _Finder(recording, interface)
    if mapping is not None:
        observations, observed = finder.mapped_observations(mapping)
        actions, acted = finder.mapped_actions(mapping)
    else:
        observations, observed = finder.whole(OBSERVATION_COLUMNS, OBSERVATION, is_trusted)
        actions, acted = finder.whole(ACTION_COLUMNS, ACTION, is_trusted)
    for what, values in ((OBSERVATION, observations), (ACTION, actions)):
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise UnfitRecording(recording.name, f"its {what} of row {row} is not finite")
    used = observed | acted
    extra = {name: column.values for name, column in recording.columns.items() if name not in used}
    return Episode(
        recording.name,
        observations.astype(np.float32),
        actions.astype(np.float32),
        extra,
        recording.success,
        recording.task,
    )


class _Finder:
    """Takes vectors out of one recording. State: none but what it was made with."""

    def __init__(self, recording: Recording, interface: Interface) -> None:
        self._recording, self._interface = recording, interface
        self._names = {OBSERVATION: component_names(interface), ACTION: interface.action.names}
        self._units = {
            OBSERVATION: component_units(interface),
            ACTION: tuple(dimension.unit for dimension in interface.action.dimensions),
        }
        self._range = ActionRange(interface.action)

    # -- without a mapping ---------------------------------------------------------------------------------------------

    def whole(
        self, candidates: Sequence[str], what: str, is_trusted: bool
    ) -> tuple[npt.NDArray[np.float64], set[str]]:
        """The vectors (T, ...) in the one column that holds them, with that column's name."""
        found = [name for name in candidates if name in self._recording.columns]
        if len(found) != 1:
            known = ", ".join(sorted(self._recording.columns)) or "none"
            raise self._unfit(
                f"{len(found)} of its columns ({known}) can be the {what}; a mapping says which one is"
            )
        column = self._recording.columns[found[0]]
        wanted = self._names[what]
        if is_trusted:
            order, units = (
                np.arange(len(wanted)),
                self._units[what] if what == OBSERVATION else (NORMALISED,) * len(wanted),
            )
            if column.values.shape[1:] != (len(wanted),):
                raise self._unfit(
                    f"its {found[0]} is {column.values.shape[1:]} wide, and the interface {len(wanted)}"
                )
        else:
            order, units = self._by_name(column, found[0], wanted), column.units
        if not units:
            raise self._unfit(f"its {found[0]} tells no units; a mapping says which they are")
        values = self._numbers(column, found[0])[:, order]
        return self._in_units(values, [units[place] for place in order], what, found[0]), {found[0]}

    def _by_name(self, column: Column, name: str, wanted: Sequence[str]) -> npt.NDArray[np.int64]:
        """Where each wanted component stands."""
        if not column.names:
            raise self._unfit(f"its {name} names no components; a mapping says what they are")
        if len(set(column.names)) != len(column.names):
            raise self._unfit(f"its {name} names a component twice: {', '.join(column.names)}")
        missing = [entry for entry in wanted if entry not in column.names]
        if missing:
            found = ", ".join(column.names)
            raise self._unfit(
                f"its {name} has no '{missing[0]}', but {found}; a mapping says which one it is"
            )
        return np.array([column.names.index(entry) for entry in wanted])

    # -- with a mapping ------------------------------------------------------------------------------------------------

    def mapped_observations(self, mapping: Mapped) -> tuple[npt.NDArray[np.float64], set[str]]:
        """The observations (T, O) as the mapping says, and the columns that they were taken from."""
        terms = self._interface.observation
        check_names(OBSERVATION, mapping.observation, [term.name for term in terms])
        parts = []
        for term in terms:
            place = mapping.observation[term.name]
            taken = self._take(place, term.length, f"{OBSERVATION}.{term.name}")
            parts.append(
                self._converted(taken, place.unit or term.unit, term.unit, f"{OBSERVATION}.{term.name}")
            )
        return np.concatenate(parts, axis=1), {place.column for place in mapping.observation.values()}

    def mapped_actions(self, mapping: Mapped) -> tuple[npt.NDArray[np.float64], set[str]]:
        """The actions (T, A) in [-1, 1] as the mapping says, and the columns that they were taken from."""
        dimensions = self._interface.action.dimensions
        check_names(ACTION, mapping.action, [dimension.name for dimension in dimensions])
        taken, units = [], []
        for dimension in dimensions:
            place = mapping.action[dimension.name]
            taken.append(self._take(place, 1, f"{ACTION}.{dimension.name}"))
            units.append(place.unit or dimension.unit)
        values = np.concatenate(taken, axis=1)
        return self._in_units(values, units, ACTION, ACTION), {
            place.column for place in mapping.action.values()
        }

    def _take(self, place: Place, length: int, where: str) -> npt.NDArray[np.float64]:
        column = self._recording.columns.get(place.column)
        if column is None:
            known = ", ".join(sorted(self._recording.columns))
            raise self._unfit(
                f"it has no column '{place.column}', which the mapping names for {where}, but {known}"
            )
        if bool(place.names) == (place.start is not None):
            raise InvalidSetting(where, place, "given with either names or start")
        values = self._numbers(column, place.column)
        if place.names:
            order = self._by_name(column, place.column, place.names)
        else:
            assert place.start is not None, "one of the two is given"
            order = np.arange(place.start, place.start + length)
        if len(order) != length or order.min() < 0 or order.max() >= values.shape[1]:
            accepted = f"{length} of the {values.shape[1]} components of '{place.column}'"
            raise InvalidSetting(where, place, accepted)
        return place.offset + place.scale * values[:, order]

    # -- numbers and units ---------------------------------------------------------------------------------------------

    def _numbers(self, column: Column, name: str) -> npt.NDArray[np.float64]:
        if column.values.ndim not in (1, 2) or column.values.dtype.kind not in "biuf":
            raise self._unfit(
                f"its {name} is no vector of numbers a row, but {column.values.dtype} {column.values.shape[1:]}"
            )
        return column.values.reshape(len(column.values), -1).astype(np.float64)

    def _in_units(
        self, values: npt.NDArray[np.float64], units: Sequence[str], what: str, name: str
    ) -> npt.NDArray[np.float64]:
        """Each component in the interface's unit; actions in [-1, 1] of their range."""
        if what == ACTION and set(units) == {NORMALISED}:
            return self._bounded(values, name)
        columns = [
            self._converted(
                values[:, [place]], unit, self._units[what][place], f"{name}.{self._names[what][place]}"
            )
            for place, unit in enumerate(units)
        ]
        converted = np.concatenate(columns, axis=1)
        return self._bounded(self._range.normalised(converted), name) if what == ACTION else converted

    def _converted(
        self, values: npt.NDArray[np.float64], unit: str, wanted: str, where: str
    ) -> npt.NDArray[np.float64]:
        if unit == wanted:
            return values
        factor = UNITS.get((unit, wanted))
        if factor is None:
            known = ", ".join(source for source, target in UNITS if target == wanted)
            raise self._unfit(
                f"{where} is in '{unit}', and the contract's unit is {wanted}"
                + (f"; {known} can be turned into it" if known else "")
            )
        return values * factor

    def _bounded(self, values: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
        """Actions in [-1, 1]; what lies outside by more than rounding is refused: its unit is another one."""
        worst = float(np.abs(values).max(initial=0.0))
        if worst > 1.0 + OUTSIDE:
            row, place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
            dimension = self._names[ACTION][int(place)]
            raise self._unfit(
                f"{name}.{dimension} of row {row} is {worst:.3g} times the contract's range; its unit may be another one"
            )
        return np.clip(values, -1.0, 1.0)

    def _unfit(self, problem: str) -> UnfitRecording:
        return UnfitRecording(self._recording.name, problem)
