"""Ages that a certificate states, against the joint states that came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.datatypes import JointReading
from qgf_ros.verify.ages import KEPT, JointAges

NAMES = ("shoulder", "elbow")
TICK_NS = 10_000_000
NOTHING = np.zeros(0)


@pytest.fixture
def ages(tmp_path: Path) -> JointAges:
    """After many readings, of which the verifier keeps the newest only."""
    found = JointAges(two_joints(tmp_path), 0)
    for number in range(1, 2 * KEPT + 1):
        found.take(JointReading(number * TICK_NS, NAMES, np.zeros(2), NOTHING, NOTHING))
    return found


NOW_NS = 2 * KEPT * TICK_NS


def test_the_newest_reading_has_the_age_that_follows(ages: JointAges) -> None:
    assert ages.check((0.0, 0.0), NOW_NS, moves=True, begins=False) == []


def test_a_reading_that_never_came_is_found(ages: JointAges) -> None:
    assert ages.check((0.003, 0.003), NOW_NS, moves=False, begins=False)


def test_an_age_beyond_what_is_kept_is_believed_of_a_hold_and_never_of_motion(ages: JointAges) -> None:
    """As when every message since was misshapen: the hold states the age of the last one that could be used."""
    old_s = (KEPT + 10) * TICK_NS * 1e-9
    assert ages.check((old_s, old_s), NOW_NS, moves=False, begins=False) == []
    assert ages.check((old_s, old_s), NOW_NS, moves=True, begins=False)


def test_a_stamp_from_the_future_is_refused_and_not_waited_for(ages: JointAges) -> None:
    """The node forgets it: when its time has come, the newest is still the last true one."""
    ahead_ns = NOW_NS + 400_000_000
    ages.take(JointReading(ahead_ns, NAMES, np.zeros(2), NOTHING, NOTHING))
    ages.check((0.0, 0.0), NOW_NS, moves=False, begins=False)
    later_ns = ahead_ns - TICK_NS
    ages.take(JointReading(later_ns - TICK_NS, NAMES, np.zeros(2), NOTHING, NOTHING))
    assert ages.check((0.01, 0.01), later_ns, moves=True, begins=False) == []


def test_a_hold_may_state_a_stamp_from_the_future_and_motion_may_not(ages: JointAges) -> None:
    """As while the node's clock stands, and the robot's goes on."""
    assert ages.check((-0.5, -0.5), NOW_NS, moves=False, begins=False) == []
    assert ages.check((-0.5, -0.5), NOW_NS, moves=True, begins=False)
