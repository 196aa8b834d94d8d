"""How fast the session lets the path be followed: first run, first motion, the controller's own speed; and shadow mode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints
from limit_checks import assert_inside_limits
from session_bench import FULL_SPEED, TICK_NS, Bench

from qgf_ros.contract.schema import Contract
from qgf_ros.control.first_motion import FirstMotion
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import Finding, Rung, Verdict
from qgf_ros.errors import InvalidSetting, MotionRefused, NotReadyError
from qgf_ros.seen import Seen

JOINTS = ("shoulder", "elbow")
HERE = Seen(JOINTS, (-2.0, -1.0), (2.0, 1.5), (0.4, -0.3), (0.6, -0.2))
STARTS_ELSEWHERE = replace(HERE, start_lower=(-1.0, -0.3), start_upper=(0.3, -0.2))
ALL_ELSEWHERE = Seen(JOINTS, (1.0, -0.3), (1.5, -0.2), (1.0, -0.3), (1.5, -0.2))
GENTLE = np.array([[0.01, -0.01]] * 4)  # asks for no more than the limits allow
SLOW = {"first_run": 0.25, "first_motion": 0.1}


def played(bench: Bench, ticks: int) -> list[float]:
    """Starts, and plays chunks for so many ticks; the path's speed at each."""
    bench.tick()
    bench.session.start(bench.now_ns)
    speeds = []
    for _ in range(ticks):
        if bench.session.needs_chunk(bench.now_ns):
            bench.offer(GENTLE)
        tick = bench.tick()
        assert tick.command is not None
        speeds.append(tick.command.speed)
    assert_inside_limits(bench.contract, bench.commands())
    return speeds


def reasons(bench: Bench) -> set[str]:
    """Why the last tick was slow."""
    found = bench.ticks[-1].findings
    return {entry.reason for entry in found if entry.verdict is Verdict.SLOW} & {*SLOW, "speed_scaling"}


def with_scaling(folder: Path) -> Contract:
    """A contract whose controller says how fast it follows."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["speed_scaling"] = "speed_scaling"

    return two_joints(folder, edit)


# -- first run and first motion ----------------------------------------------------------------------------------------


def test_until_full_speed_is_confirmed_the_path_is_followed_at_a_quarter(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), SessionConfig(), HERE)
    assert set(played(bench, 40)) == {0.25}
    assert reasons(bench) == {"first_run"}
    assert "not been confirmed" in bench.session.warning


def test_full_speed_is_confirmed_only_at_rest(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), SessionConfig(), HERE)
    played(bench, 10)
    with pytest.raises(NotReadyError, match="at rest"):
        bench.session.confirm_full_speed(True)
    bench.session.stop("stopped")
    bench.tick(100)
    bench.session.confirm_full_speed(True)
    bench.session.begin(bench.now_ns)
    assert bench.session.warning == ""


def test_where_episodes_of_the_data_began_motion_begins_at_full_speed(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), FULL_SPEED, HERE)
    assert set(played(bench, 40)) == {1.0}
    assert bench.session.warning == ""


def test_elsewhere_within_the_data_motion_is_slow_for_two_seconds(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), FULL_SPEED, STARTS_ELSEWHERE)
    speeds = played(bench, 200 + 100)
    assert set(speeds[:200]) == {0.1}
    assert speeds[-1] == 1.0


def test_outside_of_the_data_motion_stays_slow(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), FULL_SPEED, ALL_ELSEWHERE)
    assert set(played(bench, 300)) == {0.1}
    assert reasons(bench) == {"first_motion"}
    assert "with shoulder more than 0.1 away" in bench.session.warning


def test_if_so_configured_motion_elsewhere_is_refused(tmp_path: Path) -> None:
    config = replace(FULL_SPEED, first_motion=FirstMotion.REFUSE)
    bench = Bench(two_joints(tmp_path), config, STARTS_ELSEWHERE)
    bench.tick()
    with pytest.raises(MotionRefused, match="shoulder more than") as caught:
        bench.session.start(bench.now_ns)
    assert caught.value.reason == "unseen"
    assert not bench.session.wants_chunk
    assert set(played(Bench(bench.contract, config, HERE), 20)) == {1.0}


def test_without_knowing_the_data_unconfirmed_motion_begins_slowly(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), SessionConfig())
    speeds = played(bench, 250)
    assert (set(speeds[:200]), speeds[-1]) == ({0.1}, 0.25)


def test_data_of_another_robot_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="lacks elbow"):
        Bench(two_joints(tmp_path), FULL_SPEED, Seen(("wrist", "shoulder"), *[(0.0, 0.0)] * 4))


def test_positions_far_outside_of_the_data_hold_the_arm(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), FULL_SPEED, HERE)
    bench.run()
    bench.see(shoulder=float(np.degrees(bench.positions["shoulder"])))
    tick = bench.tick(sees=False)
    assert (tick.rung, tick.reason) == (Rung.HOLD, "units")
    assert "shoulder" in bench.session.sentence


# -- a controller that follows slowly ----------------------------------------------------------------------------------


def test_the_path_is_followed_as_fast_as_the_controller_says(tmp_path: Path) -> None:
    bench = Bench(with_scaling(tmp_path))
    bench.session.speed_scaling(40.0, bench.now_ns)
    assert set(played(bench, 40)) == {0.4}
    assert reasons(bench) == {"speed_scaling"}


def test_before_the_controller_has_said_anything_the_arm_stands_still(tmp_path: Path) -> None:
    bench = Bench(with_scaling(tmp_path))
    assert set(played(bench, 40)) == {0.0}
    assert bench.session.is_at_rest
    assert bench.ticks[-1].rung is not Rung.HOLD
    assert "Nothing has come on 'speed_scaling' yet" in bench.session.warning


def test_a_controller_that_falls_silent_counts_as_slow_as_it_lately_was(tmp_path: Path) -> None:
    bench = Bench(with_scaling(tmp_path))
    for percent in (20.0, 90.0):
        bench.session.speed_scaling(percent, bench.now_ns)
    speeds = played(bench, 100)
    assert (speeds[0], speeds[-1]) == (0.9, 0.2)
    assert "for 0.5 s: the slowest that it said counts, 20%" in bench.session.warning


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -5.0])
def test_a_speed_that_is_none_stands_still(tmp_path: Path, nonsense: float) -> None:
    bench = Bench(with_scaling(tmp_path))
    bench.session.speed_scaling(nonsense, bench.now_ns)
    assert set(played(bench, 20)) == {0.0}


@pytest.mark.parametrize("percent", [0.0, 0.5])
def test_after_a_long_stand_the_old_chunk_is_not_played_to_its_end(tmp_path: Path, percent: float) -> None:
    """The world has moved on: another chunk is asked for. After a short one it goes on. Hardly any speed is none."""
    for ticks, asks in ((30, False), (70, True)):
        bench = Bench(with_scaling(tmp_path))
        bench.session.speed_scaling(100.0, bench.now_ns)
        bench.run()
        for share in [percent] * ticks + [100.0]:
            bench.session.speed_scaling(share, bench.now_ns)
            tick = bench.tick()
        assert (tick.wanted_from_ns > 0) is asks
        assert_inside_limits(bench.contract, bench.commands())


def test_where_the_arm_cannot_go_on_after_a_long_stand_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(with_scaling(tmp_path))
    bench.session.speed_scaling(100.0, bench.now_ns)
    bench.run()

    def leans() -> None:
        raise MotionRefused("tilted", "The tool leans.")

    monkeypatch.setattr(bench.gate, "start", leans)
    for share in [0.0] * 70 + [100.0] * 5:
        bench.session.speed_scaling(share, bench.now_ns)
        tick = bench.tick()
    assert (tick.rung, tick.reason) == (Rung.HOLD, "tilted")
    assert bench.session.sentence == "The tool leans."


# -- shadow ------------------------------------------------------------------------------------------------------------


def test_in_shadow_mode_the_command_begins_where_somebody_else_has_moved_the_arm(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), replace(FULL_SPEED, shadow=True))
    bench.tick()
    bench.session.start(bench.now_ns)
    for place in (0.1, 0.9):
        for _ in range(150):
            bench.read(("shoulder", "elbow"), [place, 0.0])
            bench.ticks.append(bench.session.tick(bench.now_ns))
            bench.now_ns += TICK_NS
        assert bench.session.is_at_rest
        bench.offer(np.array([[0.1, 0.0]] * 4))
        first = bench.session.tick(bench.now_ns).command
        assert first is not None
        assert abs(first.positions[0] - place) < 1e-3
        assert first.rung is Rung.CHUNK
        assert first.findings == ()


def test_in_shadow_mode_an_arm_that_goes_its_own_way_is_no_fault(tmp_path: Path) -> None:
    bench = Bench(two_joints(tmp_path), replace(FULL_SPEED, shadow=True))
    bench.run()
    for tick in range(60):
        bench.see(shoulder=-1.0 + 0.01 * tick)
        bench.ticks.append(bench.session.tick(bench.now_ns))
        bench.now_ns += TICK_NS
    assert all(tick.rung in (Rung.CHUNK, Rung.TAIL, Rung.HOLD) for tick in bench.ticks)
    assert Finding(Verdict.STOP, "tracking") not in bench.ticks[-1].findings
