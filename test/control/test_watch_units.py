"""Positions that cannot be are found: other units, leaps, no numbers."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from watched import stamps

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_units import UnitsWatch
from qgf_ros.datatypes import BoolArray
from qgf_ros.seen import Seen

SEEN = Seen(("shoulder", "elbow"), (-1.0, 0.0), (1.0, 1.2), (0.0, 0.0), (0.1, 0.1))


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints that nothing keeps from moving."""
    return two_joints(tmp_path_factory.mktemp("watches"))


def places(found: BoolArray) -> list[int]:
    """Where it is true."""
    return [place for place, is_so in enumerate(found.tolist()) if is_so]


def test_degrees_for_radians_are_found_by_the_range_of_the_data(contract: Contract) -> None:
    watch = UnitsWatch(contract, SEEN)
    assert places(watch.out_of_range(np.array([0.5, 0.9]))) == []
    assert places(watch.out_of_range(np.degrees([0.5, 0.9]))) == [0, 1]


@given(shoulder=st.floats(-3.0, 3.0), elbow=st.floats(-1.2, 2.4))
def test_up_to_its_width_beyond_the_range_a_position_is_believed(
    contract: Contract, shoulder: float, elbow: float
) -> None:
    assert places(UnitsWatch(contract, SEEN).out_of_range(np.array([shoulder, elbow]))) == []


def test_without_data_the_contract_s_range_counts(contract: Contract) -> None:
    watch = UnitsWatch(contract, None)
    assert places(watch.out_of_range(np.array([5.9, 3.9]))) == []
    assert places(watch.out_of_range(np.array([6.1, 4.1]))) == [0, 1]


def test_a_leap_by_more_than_half_a_turn_is_found_once(contract: Contract) -> None:
    watch = UnitsWatch(contract, None)
    assert places(watch.leaps(stamps(0), np.array([-1.6, 0.0]))) == []
    assert places(watch.leaps(stamps(1), np.array([1.6, 0.0]))) == [0]
    assert places(watch.leaps(stamps(2), np.array([1.6, 0.0]))) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_cannot_be_in_range(contract: Contract, bad: float) -> None:
    watch = UnitsWatch(contract, SEEN)
    for tick in range(2):
        watch.leaps(stamps(tick), np.array([bad, 0.5]))
        assert places(watch.out_of_range(np.array([bad, 0.5]))) == [0]
