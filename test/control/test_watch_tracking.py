"""A joint that does not follow is found, and one that follows late is not taken for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from watched import PAUSE, SECOND_NS, TICK_NS, moving

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_clock import LookTime
from qgf_ros.control.watch_tracking import TrackingWatch
from qgf_ros.datatypes import FloatArray


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints that nothing keeps from moving."""
    return two_joints(tmp_path_factory.mktemp("watches"))


def first_lost(
    contract: Contract, measured: FloatArray, commanded: FloatArray, pauses: Mapping[int, int] | None = None
) -> int | None:
    """The first tick at which a joint counts as lost, or None; rows (T, J). `pauses`: ticks that passed unserved before one."""
    watch, time, now_ns = TrackingWatch(contract), LookTime(contract.tick_ns), SECOND_NS
    rows = zip(measured, commanded, strict=True)
    for tick, (position, command) in enumerate(rows):
        now_ns += TICK_NS * (1 + (pauses or {}).get(tick, 0))
        if watch.lost(time.look(now_ns), position, command):
            return tick
    return None


@given(lag=st.integers(0, 20), speed=st.floats(0.0, 3.14))
def test_an_arm_that_follows_up_to_two_tenths_of_a_second_late_is_not_lost(
    contract: Contract, lag: int, speed: float
) -> None:
    commanded = moving(100, speed)
    measured = np.concatenate([np.zeros((lag, 2)), commanded])[:100]
    assert first_lost(contract, measured, commanded) is None


@given(at=st.integers(30, 60), error=st.floats(0.301, 2.0))
def test_a_joint_that_is_pushed_away_is_lost_after_a_tenth_of_a_second(
    contract: Contract, at: int, error: float
) -> None:
    commanded = np.zeros((100, 2))
    measured = commanded.copy()
    measured[at:, 0] += error
    assert first_lost(contract, measured, commanded) == at + 9  # 0.1 s after it was last near


def test_a_joint_that_is_away_for_a_moment_is_not_lost(contract: Contract) -> None:
    measured = np.zeros((100, 2))
    measured[40:49, 1] = 2.0
    assert first_lost(contract, measured, np.zeros((100, 2))) is None


def test_a_stuck_joint_is_lost(contract: Contract) -> None:
    found = first_lost(contract, np.zeros((100, 2)), moving(100, 1.0))
    assert found is not None
    assert found == 20 + 30 + 10  # 0.2 s of lateness, 0.3 rad, 0.1 s


@given(pause=PAUSE, lag=st.integers(0, 20), speed=st.floats(0.1, 3.14))
def test_an_arm_that_came_to_rest_at_the_last_command_while_no_tick_was_served_is_not_lost(
    contract: Contract, pause: int, lag: int, speed: float
) -> None:
    """A controller that holds the last set-point, as with group outputs; the path goes on where it was."""
    commanded = moving(100, speed)
    measured = np.concatenate([np.zeros((lag, 2)), commanded])[:100]
    measured[50 : 50 + lag] = commanded[50]
    assert first_lost(contract, measured, commanded, {50: pause}) is None


@given(pause=PAUSE, lag=st.integers(0, 17), speed=st.floats(0.1, 3.14))
def test_an_arm_that_stood_still_with_the_computer_is_not_lost(
    contract: Contract, pause: int, lag: int, speed: float
) -> None:
    """A simulated one, or one whose controller was stalled too: it follows as late as before, not later by the pause."""
    commanded = moving(100, speed)
    measured = np.concatenate([np.zeros((lag, 2)), commanded])[:100]
    assert first_lost(contract, measured, commanded, {50: pause}) is None


@given(pause=PAUSE)
def test_what_a_single_tick_after_a_pause_shows_is_no_tenth_of_a_second(
    contract: Contract, pause: int
) -> None:
    measured = np.zeros((100, 2))
    measured[50:54, 0] = 2.0
    assert first_lost(contract, measured, np.zeros((100, 2)), {50: pause}) is None


@given(pause=PAUSE, error=st.floats(0.301, 2.0))
def test_a_joint_that_stays_away_after_a_pause_is_lost_a_tenth_of_a_second_after_it(
    contract: Contract, pause: int, error: float
) -> None:
    measured = np.zeros((100, 2))
    measured[50:, 0] += error
    found = first_lost(contract, measured, np.zeros((100, 2)), {50: pause})
    assert found is not None
    assert 50 + 7 <= found <= 50 + 10
