"""What the verifier makes of emergency stops, by topic and by service."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_files import two_joints

from qgf_ros.certificate import Certificate
from qgf_ros.datatypes import Rung
from qgf_ros.verify.latches import LatchWatch
from qgf_ros.verify.violation import What

MOST = 5  # ticks: a control period of the contract


@pytest.fixture
def watch(tmp_path: Path) -> LatchWatch:
    return LatchWatch(two_joints(tmp_path))


def found(watch: LatchWatch, rung: Rung, count: int = 1, begun_anew: bool = False) -> list[What]:
    """What does not hold in so many ticks of a rung."""
    certificate = Certificate(rung=rung.value, positions=(0.0, 0.0))
    return [what for _ in range(count) for what, *_ in watch.check(certificate, 1, begun_anew)]


def test_a_call_of_the_service_that_nobody_obeys_is_found_after_a_control_period(watch: LatchWatch) -> None:
    watch.call()
    assert found(watch, Rung.CHUNK, MOST) == []
    assert found(watch, Rung.CHUNK) == [What.EMERGENCY]


def test_after_a_call_that_was_obeyed_a_reset_lets_the_arm_move(watch: LatchWatch) -> None:
    """Found by the soak: a service releases nothing, since it presses nothing."""
    watch.call()
    assert found(watch, Rung.STOP) == []
    assert found(watch, Rung.HOLD, begun_anew=True) == []
    assert found(watch, Rung.CHUNK, 3 * MOST) == []


def test_while_the_topic_says_pressed_no_reset_lets_the_arm_move(watch: LatchWatch) -> None:
    watch.press(True)
    assert found(watch, Rung.STOP) == []
    found(watch, Rung.HOLD, begun_anew=True)
    assert What.EMERGENCY in found(watch, Rung.CHUNK, MOST + 1)


def test_a_stop_outlives_configuring_anew(watch: LatchWatch) -> None:
    """Where the count of commands begins anew nobody was asked: a reset follows a tick that still said stop."""
    assert found(watch, Rung.STOP) == []
    watch.configure()
    assert found(watch, Rung.HOLD, begun_anew=True) == [What.LATCH]


def test_after_configuring_anew_a_reset_opens_the_stop_that_still_stood(watch: LatchWatch) -> None:
    assert found(watch, Rung.STOP) == []
    watch.configure()
    silent = Certificate(rung=Rung.STOP.value)
    assert watch.check(silent, 1, False) == []
    assert found(watch, Rung.HOLD, begun_anew=True) == []
    assert found(watch, Rung.CHUNK, 3 * MOST) == []


def test_configuring_anew_without_a_stop_latches_none(watch: LatchWatch) -> None:
    assert found(watch, Rung.HOLD) == []
    watch.configure()
    assert found(watch, Rung.HOLD, begun_anew=True) == []


def test_a_silent_tick_that_forgets_the_stop_is_found(watch: LatchWatch) -> None:
    assert found(watch, Rung.STOP) == []
    assert [what for what, *_ in watch.check(Certificate(rung=Rung.HOLD.value), 1, False)] == [What.LATCH]
