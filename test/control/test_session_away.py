"""An arm that stands away from the command at rest, and joint states that have only begun: where no pose may be commanded."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import two_joints
from session_bench import TICK_NS, Bench

from qgf_ros.control.session import SessionConfig, Tick
from qgf_ros.datatypes import Finding, Rung, Verdict
from qgf_ros.errors import MotionRefused, NotReadyError, ObservationRefused

WITHIN_TICKS = 11  # 0.1 s, and the tick at which it was seen first
LATE_TICKS = 20  # an arm may follow so late


def moved_by_hand(bench: Bench, ticks: int, shoulder: float = 1.5, elbow: float = -0.25) -> Tick:
    """Somebody holds the arm elsewhere than it is commanded; its encoders are never quite still."""
    for count in range(ticks):
        bench.see(shoulder=shoulder + 1e-6 * (count % 2), elbow=elbow - 1e-6 * (count % 2))
        tick = bench.tick(sees=False)
    return tick


# -- the arm is elsewhere ------------------------------------------------------------------------------------------------


def test_an_arm_that_is_moved_by_hand_while_it_is_held_is_sent_nothing_until_a_reset(bench: Bench) -> None:
    """The pose that was held is no longer where the arm is: a controller that becomes active again would leap to it."""
    bench.tick(50)
    begun = len(bench.ticks)
    moved_by_hand(bench, 30)
    sent = [tick.command is not None for tick in bench.ticks[begun:]]
    assert sent == sorted(sent, reverse=True)
    assert sum(sent) <= WITHIN_TICKS
    assert (bench.ticks[-1].rung, bench.ticks[-1].reason) == (Rung.HOLD, "away")
    assert bench.ticks[-1].findings == (Finding(Verdict.HOLD, "away"),)
    assert bench.session.sentence.startswith("Joint 'shoulder' stands 1.000 from the command, at rest")
    assert bench.session.is_at_rest
    command = bench.session.begin(bench.now_ns)
    np.testing.assert_allclose(command.positions, [1.5, -0.25], atol=1e-5)
    bench.positions["shoulder"] = 1.5
    assert bench.tick(30).command is not None
    assert bench.session.is_well


def test_an_arm_that_comes_back_to_the_command_is_not_commanded_again_by_itself(bench: Bench) -> None:
    bench.tick(50)
    moved_by_hand(bench, 30)
    bench.positions = {"shoulder": 0.5, "elbow": -0.25}
    assert bench.tick(30).command is None
    with pytest.raises(MotionRefused, match=r"stands 1\.000 from the command") as refused:
        bench.session.start(bench.now_ns)
    assert refused.value.reason == "away"
    assert bench.tick(sees=False).command is None
    bench.see()
    bench.session.begin(bench.now_ns)
    bench.session.start(bench.now_ns)


def test_what_start_error_allows_and_what_lasts_less_than_a_tenth_of_a_second_is_held(bench: Bench) -> None:
    bench.tick(50)
    assert moved_by_hand(bench, 50, shoulder=0.599).command is not None
    for _ in range(5):
        bench.positions = {"shoulder": 0.5, "elbow": -0.25}
        assert bench.tick(2).command is not None
        assert moved_by_hand(bench, 9).command is not None
        bench.positions = {"shoulder": 0.5, "elbow": -0.25}


def test_an_arm_that_comes_to_rest_later_than_its_command_is_held(bench: Bench) -> None:
    """One that follows a fifth of a second late: where it has been until then says nothing."""
    bench.run()
    bench.session.stop("stopped")
    bench.tick(60)
    late = [tick.command.positions for tick in bench.ticks if tick.command is not None]
    other = Bench(bench.contract)
    other.run()
    other.session.stop("stopped")
    for tick in range(60):
        shoulder, elbow = late[max(len(other.ticks) - LATE_TICKS, 0)].tolist()
        assert moved_by_hand(other, 1, shoulder, elbow).command is not None, tick


def test_fingers_whose_start_error_is_their_whole_range_may_stand_anywhere(tmp_path: object) -> None:
    def edit(content: dict[str, dict[str, dict[str, dict[str, float]]]]) -> None:
        content["deployment"]["limits"]["elbow"]["start_error"] = 2.5

    bench = Bench(two_joints(tmp_path, edit))  # type: ignore[arg-type]
    bench.tick(50)
    assert moved_by_hand(bench, 50, shoulder=0.5, elbow=1.4).command is not None


@pytest.mark.parametrize("reason", ["emergency", "tracking"])
def test_after_a_latched_stop_an_arm_that_stands_elsewhere_is_sent_nothing(bench: Bench, reason: str) -> None:
    """A controller that gave up leaves the arm where it is, and takes the next command when it is active again."""
    bench.run()
    if reason == "emergency":
        bench.session.emergency_stop()
    bench.tick(60) if reason == "emergency" else moved_by_hand(bench, 60, 1.9)
    tick = moved_by_hand(bench, 60, 1.9)
    assert (tick.command, tick.rung, tick.reason) == (None, Rung.STOP, reason)
    assert tick.findings == (Finding(Verdict.STOP, reason), Finding(Verdict.HOLD, "away"))
    assert "is sent until reset" in bench.session.sentence
    with pytest.raises(NotReadyError):
        bench.session.start(bench.now_ns)
    bench.see(shoulder=1.9)
    np.testing.assert_allclose(bench.session.begin(bench.now_ns).positions[0], 1.9)


def test_activating_anew_takes_the_measured_pose_too(bench: Bench) -> None:
    bench.tick(50)
    moved_by_hand(bench, 30)
    bench.session.clear()
    bench.positions["shoulder"] = 1.5
    command = bench.tick().command
    assert command is not None
    np.testing.assert_array_equal(command.positions, [1.5, -0.25])


def test_in_shadow_mode_the_arm_is_somebody_else_s_and_may_be_anywhere(bench: Bench) -> None:
    shadow = Bench(bench.contract, SessionConfig(shadow=True))
    shadow.tick(50)
    assert moved_by_hand(shadow, 50).command is not None


# -- joint states that have only begun -----------------------------------------------------------------------------------


def real_tick(bench: Bench) -> Tick:
    """A tick in real time, beside a steady clock, with joint states."""
    bench.see()
    bench.ticks.append(bench.session.tick(bench.now_ns, bench.now_ns))
    bench.now_ns += TICK_NS
    return bench.ticks[-1]


def test_in_real_time_the_command_is_placed_once_readings_have_agreed_for_a_twentieth_of_a_second(
    bench: Bench,
) -> None:
    ticks = [real_tick(bench) for _ in range(6)]
    assert [tick.command is None for tick in ticks] == [True] * 5 + [False]
    assert {(tick.rung, tick.reason) for tick in ticks[:5]} == {(Rung.HOLD, "unsettled")}


def test_a_driver_that_sends_zeros_at_its_start_places_no_command_there(bench: Bench) -> None:
    there = bench.positions
    bench.positions = {"elbow": 0.0, "shoulder": 0.0}
    real_tick(bench)
    bench.positions = there
    for _ in range(10):
        real_tick(bench)
    placed = [tick.command for tick in bench.ticks if tick.command is not None]
    assert len(placed) == 5
    for command in placed:
        np.testing.assert_array_equal(command.positions, [0.5, -0.25])


def test_one_message_alone_places_no_command_however_long_it_is_looked_at(bench: Bench) -> None:
    bench.see()
    for _ in range(8):
        tick = bench.session.tick(bench.now_ns, bench.now_ns)
        bench.now_ns += TICK_NS
        assert tick.command is None


def test_what_creeps_by_more_than_start_error_within_that_time_does_not_agree(bench: Bench) -> None:
    for _ in range(30):
        bench.positions["shoulder"] += 0.03
        assert real_tick(bench).command is None


def test_a_reset_while_nothing_is_placed_takes_the_reading_of_now(bench: Bench) -> None:
    real_tick(bench)
    bench.see()
    bench.session.begin(bench.now_ns)
    assert real_tick(bench).command is not None


# -- a reset on sensors in doubt -----------------------------------------------------------------------------------------


def test_a_reset_is_refused_while_somebody_objects_to_motion(bench: Bench) -> None:
    bench.tick(5)
    bench.session.suspend("second_publisher", "Someone else publishes commands.")
    with pytest.raises(ObservationRefused, match="Someone else"):
        bench.session.begin(bench.now_ns)
    bench.session.unsuspend("second_publisher")
    bench.see()
    bench.session.begin(bench.now_ns)
