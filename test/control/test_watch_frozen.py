"""A sensor that stands while its command moves is found, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from watched import PAUSE, TICK_NS, moving, stamps

from qgf_ros.contract.schema import Contract
from qgf_ros.control.watch_clock import LookTime
from qgf_ros.control.watch_frozen import FrozenWatch
from qgf_ros.datatypes import FloatArray


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints that nothing keeps from moving."""
    return two_joints(tmp_path_factory.mktemp("watches"))


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


@given(rest=st.integers(1, 100))
def test_a_sensor_that_was_forgiven_is_not_frozen_again_by_a_command_that_rests(
    contract: Contract, rest: int
) -> None:
    """A reset places the command where the sensor says; that it repeats itself from then on is no sign of anything."""
    watch, where = FrozenWatch(contract), moving(30)[-1]
    for tick, command in enumerate(moving(30)):
        watch.note(tick * TICK_NS, stamps(tick), where, command)
    assert watch.frozen == (1,)
    watch.clear()
    watch.forgive()
    for tick in range(30, 30 + rest):
        watch.note(tick * TICK_NS, stamps(tick), where, where)
        assert watch.frozen == ()


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
