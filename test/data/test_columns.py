"""From columns to an episode: by names and units, and refused where either is not told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.components import component_names, component_units
from qgf_ros.contract.schema import Interface
from qgf_ros.data.columns import NORMALISED, episode_of
from qgf_ros.data.mapping import Mapped, Place, load_mapping
from qgf_ros.data.recording import Column, Recording
from qgf_ros.errors import InvalidSetting, ShapeMismatch, UnfitRecording, UnknownKeys

ROWS = 7


@pytest.fixture
def observed(interface: Interface) -> Column:
    values = np.random.default_rng(0).normal(size=(ROWS, interface.observation_dim))
    return Column(values, component_names(interface), component_units(interface))


@pytest.fixture
def acted(interface: Interface) -> Column:
    values = np.random.default_rng(1).uniform(-1, 1, (ROWS, interface.action_dim))
    return Column(values, interface.action.names, (NORMALISED,) * interface.action_dim)


def recording(observed: Column, acted: Column, **others: Column) -> Recording:
    return Recording("demo_3", {"observation.state": observed, "action": acted, **others}, True, "reach")


def nameless(observed: Column, acted: Column) -> Recording:
    return Recording("0", {"flat": Column(observed.values), "control": Column(acted.values)})


def terms(interface: Interface) -> dict[str, Place]:
    """Each term where the interface has it, in the column `flat`."""
    return {
        term.name: Place("flat", start=interface.slice_of(term.name).start) for term in interface.observation
    }


def controls(interface: Interface) -> dict[str, Place]:
    names = interface.action.names
    return {name: Place("control", start=index, unit=NORMALISED) for index, name in enumerate(names)}


def test_an_episode_has_the_interfaces_order_whatever_the_order_of_the_file(
    interface: Interface, observed: Column, acted: Column
) -> None:
    straight = episode_of(recording(observed, acted), interface, None, is_trusted=False)
    order = np.random.default_rng(2).permutation(interface.observation_dim)
    shuffled = Column(
        observed.values[:, order],
        tuple(observed.names[place] for place in order),
        tuple(observed.units[place] for place in order),
    )
    found = episode_of(recording(shuffled, acted), interface, None, is_trusted=False)
    np.testing.assert_array_equal(found.observations, straight.observations)
    np.testing.assert_allclose(straight.observations, observed.values, rtol=1e-6)


def test_what_no_contract_asks_for_travels_along(
    interface: Interface, observed: Column, acted: Column
) -> None:
    qpos = Column(np.arange(ROWS * 3.0).reshape(ROWS, 3))
    found = episode_of(recording(observed, acted, qpos=qpos), interface, None, is_trusted=False)
    assert set(found.extra) == {"qpos"}
    np.testing.assert_array_equal(found.extra["qpos"], qpos.values)
    assert (found.success, found.task, found.rows) == (True, "reach", ROWS)


def test_physical_actions_become_values_of_their_range(
    interface: Interface, observed: Column, acted: Column
) -> None:
    dimensions = interface.action.dimensions
    physical = np.array([d.centre for d in dimensions]) + acted.values * [d.scale for d in dimensions]
    told = Column(physical, interface.action.names, tuple(d.unit for d in dimensions))
    found = episode_of(recording(observed, told), interface, None, is_trusted=False)
    np.testing.assert_allclose(found.actions, acted.values, atol=1e-6)


def test_degrees_that_are_told_become_radians(interface: Interface, observed: Column, acted: Column) -> None:
    units = tuple("deg" if unit == "rad" else unit for unit in observed.units)
    assert "deg" in units
    factors = [180 / np.pi if unit == "deg" else 1.0 for unit in units]
    told = Column(observed.values * factors, observed.names, units)
    found = episode_of(recording(told, acted), interface, None, is_trusted=False)
    np.testing.assert_allclose(found.observations, observed.values, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, names=()), "names no components"),
        (lambda c: replace(c, units=()), "tells no units"),
        (lambda c: replace(c, units=("furlong",) * len(c.units)), "is in 'furlong'"),
        (lambda c: replace(c, names=(c.names[1], *c.names[1:])), "names a component twice"),
        (lambda c: replace(c, names=("other", *c.names[1:])), "has no"),
        (lambda c: replace(c, values=c.values.astype("U5")), "no vector of numbers"),
        (
            lambda c: replace(c, values=np.where(np.arange(ROWS)[:, None] == 2, np.nan, c.values)),
            "row 2 is not finite",
        ),
    ],
)
def test_an_observation_that_can_only_be_guessed_is_refused(
    interface: Interface, observed: Column, acted: Column, change: object, words: str
) -> None:
    with pytest.raises(UnfitRecording, match=words):
        episode_of(recording(change(observed), acted), interface, None, is_trusted=False)  # type: ignore[operator]


def test_an_action_outside_its_range_is_refused_as_another_unit(
    interface: Interface, observed: Column, acted: Column
) -> None:
    with pytest.raises(UnfitRecording, match="times the contract's range"):
        episode_of(
            recording(observed, replace(acted, values=57.3 * acted.values)), interface, None, is_trusted=False
        )


def test_a_source_that_states_the_interface_is_read_in_its_order(
    interface: Interface, observed: Column, acted: Column
) -> None:
    bare = recording(Column(observed.values), Column(acted.values))
    found = episode_of(bare, interface, None, is_trusted=True)
    np.testing.assert_allclose(found.observations, observed.values, rtol=1e-6)
    narrow = recording(Column(observed.values[:, 1:]), Column(acted.values))
    with pytest.raises(UnfitRecording, match="wide"):
        episode_of(narrow, interface, None, is_trusted=True)


def test_two_columns_that_could_be_the_observation_are_refused(
    interface: Interface, observed: Column, acted: Column
) -> None:
    with pytest.raises(UnfitRecording, match="2 of its columns"):
        episode_of(recording(observed, acted, observations=observed), interface, None, is_trusted=False)


def test_a_mapping_says_what_nameless_columns_are(
    interface: Interface, observed: Column, acted: Column
) -> None:
    found = episode_of(
        nameless(observed, acted), interface, Mapped(terms(interface), controls(interface)), is_trusted=False
    )
    np.testing.assert_allclose(found.observations, observed.values, rtol=1e-6)
    np.testing.assert_allclose(found.actions, acted.values, atol=1e-6)


def test_a_mapping_may_turn_round_and_shift(interface: Interface, observed: Column, acted: Column) -> None:
    turned = {name: replace(place, scale=-0.5, offset=0.25) for name, place in controls(interface).items()}
    found = episode_of(
        nameless(observed, acted), interface, Mapped(terms(interface), turned), is_trusted=False
    )
    np.testing.assert_allclose(found.actions, 0.25 - 0.5 * acted.values, atol=1e-6)


def test_a_mapping_with_unknown_or_missing_terms_is_refused(
    interface: Interface, observed: Column, acted: Column
) -> None:
    with pytest.raises(UnknownKeys, match=r"mapping\.observation"):
        episode_of(
            recording(observed, acted), interface, Mapped({"nothing": Place("x", start=0)}), is_trusted=False
        )


@pytest.mark.parametrize(
    "place", [Place("flat"), Place("flat", names=("a",), start=0), Place("flat", start=1000)]
)
def test_a_place_that_is_none_is_refused(
    interface: Interface, observed: Column, acted: Column, place: Place
) -> None:
    places = {term.name: place for term in interface.observation}
    with pytest.raises(InvalidSetting):
        episode_of(
            nameless(observed, acted), interface, Mapped(places, controls(interface)), is_trusted=False
        )


def test_a_mapping_is_a_yaml_file(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("observation:\n  angles: {column: obs/joints, names: [a, b], unit: deg}\n")
    assert load_mapping(path) == Mapped({"angles": Place("obs/joints", ("a", "b"), unit="deg")})
    path.write_text("observation:\n  angles: {colum: obs/joints}\n")
    with pytest.raises(UnknownKeys, match="colum"):
        load_mapping(path)


def test_columns_of_different_lengths_are_no_recording() -> None:
    with pytest.raises(ShapeMismatch):
        Recording("0", {"a": Column(np.zeros(3)), "b": Column(np.zeros(4))})
