"""Where the robot stood in a data set, by the terms of its interface."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qgf_ros.contract.schema import Contract, Field
from qgf_ros.data.dataset import Slice
from qgf_ros.data.seen_joints import seen_in
from qgf_ros.errors import ContractError


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Shoulder and elbow are the first two entries of an observation."""
    return two_joints(tmp_path_factory.mktemp("seen"))


def on_the_circle(contract: Contract) -> Contract:
    """The same, its joints observed as cosines, then sines."""
    first, *others = contract.interface.observation
    terms = (replace(first, field=Field.POSITION_CIRCLE, unit="1"), *others)
    return replace(contract, interface=replace(contract.interface, observation=terms))


def part(contract: Contract, joints: np.ndarray[Any, np.dtype[np.float64]], ends: list[int]) -> Slice:
    """Rows (N, ...) that begin with `joints`; episodes end at `ends`."""
    rows = np.zeros((len(joints), contract.interface.observation_dim), np.float32)
    rows[:, : joints.shape[1]] = joints
    terminals = np.zeros(len(joints), np.bool_)
    terminals[ends] = True
    return Slice(Path("made.npz"), rows, np.zeros((len(joints), 2), np.float32), terminals)


@given(rows=arrays(np.float64, (9, 2), elements=st.floats(-2.0, 2.0, width=32)), end=st.integers(0, 7))
def test_the_ranges_are_those_of_all_rows_and_of_first_rows(
    contract: Contract, rows: np.ndarray[Any, np.dtype[np.float64]], end: int
) -> None:
    seen = seen_in(contract, [part(contract, rows[:5], [4]), part(contract, rows[5:], [3])])
    assert (seen.lower, seen.upper) == (tuple(rows.min(0)), tuple(rows.max(0)))
    first = rows[[0, 5]]
    assert (seen.start_lower, seen.start_upper) == (tuple(first.min(0)), tuple(first.max(0)))
    one = seen_in(contract, [part(contract, rows, [end])])
    assert one.start_upper == tuple(rows[[0, end + 1]].max(0))


@example(elbow=-1.0)  # its lower limit: rounding of cosine and sine puts it a hair below
@given(elbow=st.floats(-1.0, 1.5))
def test_a_joint_on_the_circle_is_put_into_its_range(contract: Contract, elbow: float) -> None:
    joints = np.array([[1.0, np.cos(elbow), 0.0, np.sin(elbow)]])
    seen = seen_in(on_the_circle(contract), [part(on_the_circle(contract), joints, [0])])
    assert seen.lower[1] == pytest.approx(elbow, abs=1e-6)  # single precision


def test_a_joint_that_turns_without_end_counts_as_seen_everywhere(contract: Contract) -> None:
    limits = contract.deployment.limits
    wide = limits | {"elbow": replace(limits["elbow"], lower=-9.0, upper=9.0)}
    turning = replace(contract, deployment=replace(contract.deployment, limits=wide))
    joints = np.array([[1.0, 1.0, 0.0, 0.0]])
    seen = seen_in(on_the_circle(turning), [part(on_the_circle(turning), joints, [0])])
    assert (seen.lower[1], seen.start_upper[1]) == (-9.0, 9.0)


def test_a_joint_that_is_not_observed_is_named(contract: Contract) -> None:
    terms = contract.interface.observation[1:]
    blind = replace(contract, interface=replace(contract.interface, observation=terms))
    with pytest.raises(ContractError, match="no term observes the position of 'shoulder'"):
        seen_in(blind, [part(blind, np.zeros((2, 2)), [1])])
