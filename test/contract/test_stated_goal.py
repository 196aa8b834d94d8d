"""What is taken for a goal, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from goal_world import goal_contract

from qgf_ros.contract.stated_goal import stated_goal
from qgf_ros.datatypes import PoseReading
from qgf_ros.errors import ObservationRefused

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def pose(x: float, frame: str = "base_link", stamp_ns: int = 0) -> PoseReading:
    """A goal at (x, 0, 0)."""
    return PoseReading(stamp_ns, frame, np.array([x, 0.0, 0.0]), UPRIGHT)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (None, "No goal came yet on 'goal'"),
        (pose(0.1, "camera"), "in frame 'camera'; the contract accepts 'base_link'"),
        (pose(float("nan")), "is not finite"),
    ],
)
def test_what_is_no_goal_is_refused_by_name(tmp_path: Path, reading: PoseReading, words: str) -> None:
    with pytest.raises(ObservationRefused, match=words) as refused:
        stated_goal(goal_contract(tmp_path), reading)
    assert refused.value.reason == "goal"


def test_a_goal_does_not_age(tmp_path: Path) -> None:
    contract = goal_contract(tmp_path)
    for stamp_ns in (0, 1, 10**18):
        np.testing.assert_array_equal(stated_goal(contract, pose(0.3, stamp_ns=stamp_ns)), [0.3, 0.0, 0.0])
