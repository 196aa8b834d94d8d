"""What each watch takes for a fault, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_clock import ClockState, ClockWatch, LookTime
from qgf_ros.control.watch_frozen import FrozenWatch
from qgf_ros.control.watch_tracking import TrackingWatch
from qgf_ros.control.watch_units import UnitsWatch
from qgf_ros.datatypes import BoolArray, FloatArray
from qgf_ros.seen import Seen

TICK_NS = 10_000_000
SECOND_NS = 1_000_000_000
SEEN = Seen(("shoulder", "elbow"), (-1.0, 0.0), (1.0, 1.2), (0.0, 0.0), (0.1, 0.1))


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints that nothing keeps from moving."""
    return two_joints(tmp_path_factory.mktemp("watches"))


def stamps(tick: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Both joints' stamps at a tick."""
    return np.full(2, SECOND_NS + tick * TICK_NS)


def first_frozen(
    contract: Contract, measured: FloatArray, commanded: FloatArray, pauses: Mapping[int, int] | None = None
) -> int | None:
    """The first tick at which a joint counts as frozen, or None; rows (T, J). `pauses`: ticks that passed unserved before one."""
    watch, time, passed = FrozenWatch(contract), LookTime(contract.tick_ns), 0
    for tick, (position, command) in enumerate(zip(measured, commanded, strict=True)):
        passed += 1 + (pauses or {}).get(tick, 0)
        watch.note(time.look(passed * TICK_NS), stamps(passed), position, command)
        if watch.frozen:
            return tick
    return None


def moving(ticks: int, speed: float = 0.5) -> FloatArray:
    """A command (T, 2) that moves the elbow from the first tick on, rad/s."""
    return np.stack([np.zeros(ticks), speed * TICK_NS * 1e-9 * np.arange(ticks)], axis=1)


# -- frozen sensors ----------------------------------------------------------------------------------------------------


@given(speed=st.floats(0.15, 2.0))
def test_a_sensor_that_freezes_while_the_command_moves_is_found_within_a_tenth_of_a_second(
    contract: Contract, speed: float
) -> None:
    commanded = moving(40, speed)
    measured = commanded.copy()
    measured[20:] = measured[20]
    found = first_frozen(contract, measured, commanded)
    assert found is not None
    assert 20 < found <= 31


@given(ticks=st.integers(1, 300))
def test_a_robot_at_rest_with_quantised_encoders_is_not_frozen(contract: Contract, ticks: int) -> None:
    still = np.zeros((ticks, 2))
    assert first_frozen(contract, still, still + 0.2) is None


@given(rest=st.integers(0, 100), lag=st.integers(0, 9))
def test_an_arm_that_follows_late_after_a_rest_is_not_frozen(contract: Contract, rest: int, lag: int) -> None:
    commanded = np.concatenate([np.zeros((rest, 2)), moving(60, 2.0)])
    measured = np.concatenate([np.zeros((lag, 2)), commanded])[: len(commanded)]
    assert first_frozen(contract, measured, commanded) is None


def test_a_command_that_creeps_by_less_than_a_hundredth_freezes_nothing(contract: Contract) -> None:
    assert first_frozen(contract, np.zeros((99, 2)), moving(99, 0.01)) is None


def test_a_finger_that_an_object_keeps_from_closing_is_not_frozen(tmp_path: Path) -> None:
    def edit(content: dict[str, dict[str, dict[str, dict[str, float]]]]) -> None:
        content["deployment"]["limits"]["elbow"]["tracking_error"] = 2.5

    assert first_frozen(two_joints(tmp_path, edit), np.zeros((40, 2)), moving(40)) is None


def test_a_frozen_sensor_stays_frozen_until_its_value_changes(contract: Contract) -> None:
    watch = FrozenWatch(contract)
    for tick, command in enumerate(moving(30)):
        watch.note(tick * TICK_NS, stamps(tick), np.zeros(2), command)
    for tick in range(30, 60):
        watch.note(tick * TICK_NS, stamps(tick), np.zeros(2), moving(30)[-1])  # the arm was braked
    assert watch.frozen == (1,)
    assert watch.remaining(np.zeros(2)) == (1,)
    assert watch.remaining(np.array([0.0, 1e-9])) == ()


PAUSE = st.integers(2, 200)  # ticks that the computer did not serve


@given(pause=PAUSE, lag=st.integers(2, 8), speed=st.floats(0.5, 3.0))
def test_an_arm_that_stood_still_with_the_computer_is_not_frozen(
    contract: Contract, pause: int, lag: int, speed: float
) -> None:
    """It had been told to move and had not begun to; stamps went on while nobody looked."""
    commanded = np.concatenate([np.zeros((20, 2)), moving(60, speed)])
    measured = np.concatenate([np.zeros((lag, 2)), commanded])[: len(commanded)]
    assert first_frozen(contract, measured, commanded, {20 + lag: pause}) is None


@given(pause=PAUSE)
def test_a_sensor_that_is_frozen_after_a_pause_is_found_within_a_tenth_of_a_second_of_it(
    contract: Contract, pause: int
) -> None:
    measured = moving(80)
    measured[40:] = measured[40]
    found = first_frozen(contract, measured, moving(80), {40: pause})
    assert found is not None
    assert 40 < found <= 51


# -- tracking ----------------------------------------------------------------------------------------------------------


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


def places(found: BoolArray) -> list[int]:
    """Where it is true."""
    return [place for place, is_so in enumerate(found.tolist()) if is_so]


# -- units -------------------------------------------------------------------------------------------------------------


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


# -- clocks ------------------------------------------------------------------------------------------------------------


@given(steps=st.lists(st.integers(0, 100_000_000), min_size=1), rate=st.floats(0.1, 5.0))
def test_a_clock_that_runs_slow_or_fast_beside_the_steady_one_is_fine(steps: list[int], rate: float) -> None:
    watch, now, steady = ClockWatch(), SECOND_NS, 7 * SECOND_NS
    for step in steps:
        now, steady = now + max(1, round(rate * step)), steady + step
        assert watch.look(now, steady) is ClockState.FINE


@pytest.mark.parametrize("steady", [None, 3 * SECOND_NS])
def test_a_clock_that_goes_back_is_found_with_or_without_a_steady_one(steady: int | None) -> None:
    watch = ClockWatch()
    watch.look(SECOND_NS, steady)
    assert watch.look(SECOND_NS - 51_000_000, steady) is ClockState.BACK
    assert watch.look(SECOND_NS - 41_000_000, steady) is ClockState.FINE


def test_a_leap_ahead_is_told_from_a_pause_of_the_process(contract: Contract) -> None:
    watch = ClockWatch()
    watch.look(SECOND_NS, 0)
    assert watch.look(5 * SECOND_NS, 4 * SECOND_NS) is ClockState.FINE
    assert watch.look(6 * SECOND_NS, 4 * SECOND_NS + TICK_NS) is ClockState.AHEAD
    assert watch.look(6 * SECOND_NS + TICK_NS, 4 * SECOND_NS + 2 * TICK_NS) is ClockState.FINE


@pytest.mark.parametrize("leap_ns", [60_000_000, 400_000_000, 2 * SECOND_NS, -70_000_000])
def test_every_leap_is_counted_that_is_more_than_a_clock_set_right(leap_ns: int) -> None:
    """Also one that nothing follows from: else it would look like ticks that were missed."""
    watch = ClockWatch()
    watch.look(SECOND_NS, 0)
    watch.look(SECOND_NS + TICK_NS + 40_000_000, TICK_NS)
    assert watch.leaps == 0
    watch.look(SECOND_NS + 2 * TICK_NS + 40_000_000 + leap_ns, 2 * TICK_NS)
    watch.look(SECOND_NS + 3 * TICK_NS + 40_000_000 + leap_ns, 3 * TICK_NS)
    assert watch.leaps == 1


def test_a_clock_that_stands_is_found_after_half_a_second_and_forgiven_when_it_goes_on() -> None:
    watch = ClockWatch()
    states = [watch.look(SECOND_NS, tick * TICK_NS) for tick in range(60)]
    assert states == [ClockState.FINE] * 51 + [ClockState.STANDING] * 9
    assert watch.look(SECOND_NS + 1, 60 * TICK_NS) is ClockState.FINE
