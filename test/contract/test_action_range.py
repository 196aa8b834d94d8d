"""A policy's [-1, 1] and physical units are two words for one action."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import ROOT
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Action

CONTRACTS = sorted((ROOT / "config" / "contracts").glob("*.yaml"))


@pytest.fixture(scope="module", params=CONTRACTS, ids=lambda path: path.stem)
def action(request: pytest.FixtureRequest) -> Action:
    path: Path = request.param
    return load_contract(path).interface.action


@given(share=st.floats(-1.0, 1.0))
def test_each_is_found_again_from_the_other(action: Action, share: float) -> None:
    ranges = ActionRange(action)
    values = np.full((3, len(action.names)), share)
    np.testing.assert_allclose(ranges.normalised(ranges.physical(values)), values, rtol=0.0, atol=1e-12)


def test_the_ends_are_those_of_the_dimensions(action: Action) -> None:
    for sign in (-1.0, 0.0, 1.0):
        ends = [dimension.centre + sign * dimension.scale for dimension in action.dimensions]
        np.testing.assert_array_equal(ActionRange(action).physical(np.full(len(ends), sign)), ends)
