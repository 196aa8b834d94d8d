"""What a certificate may say was checked: what ran for that tick, and nothing that did not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contract_files import two_joints
from session_bench import BEGIN_NS, FULL_SPEED, TICK_NS, Bench

from qgf_ros.control.session import SessionConfig

ALWAYS = {"joint_states", "units"}


def bench(folder: Path, config: SessionConfig = FULL_SPEED) -> Bench:
    return Bench(two_joints(folder), config)


def test_a_tick_in_motion_ran_every_watch_of_the_session(tmp_path: Path) -> None:
    it = bench(tmp_path)
    it.run()
    it.see()
    tick = it.session.tick(it.now_ns, it.now_ns)
    assert set(tick.checks) == ALWAYS | {"clock", "frozen", "tracking"}


def test_without_a_steady_clock_as_in_lockstep_the_clock_is_compared_with_nothing(tmp_path: Path) -> None:
    it = bench(tmp_path)
    it.run()
    assert set(it.ticks[-1].checks) == ALWAYS | {"frozen", "tracking"}


def test_in_shadow_mode_nobody_asks_whether_the_arm_follows_a_command_that_was_not_sent(
    tmp_path: Path,
) -> None:
    it = bench(tmp_path, replace(FULL_SPEED, shadow=True))
    it.run()
    assert set(it.ticks[-1].checks) == ALWAYS


def test_an_arm_that_rests_and_is_not_started_is_not_tracked(tmp_path: Path) -> None:
    assert set(bench(tmp_path).tick().checks) == ALWAYS | {"frozen"}


def test_where_joint_states_cannot_be_trusted_the_watches_over_motion_did_not_run(tmp_path: Path) -> None:
    it = bench(tmp_path)
    it.run()
    it.now_ns += 20 * TICK_NS
    assert set(it.tick(sees=False).checks) == ALWAYS


def test_where_somebody_objects_not_even_the_joint_states_are_read(tmp_path: Path) -> None:
    it = bench(tmp_path)
    it.run()
    it.session.suspend("second_publisher", "Somebody else commands.")
    assert it.tick().checks == ()


def test_joints_whose_tracking_error_is_their_whole_range_are_no_reason_to_name_their_watches(
    tmp_path: Path,
) -> None:
    def edit(content):  # type: ignore[no-untyped-def]
        for limits in content["deployment"]["limits"].values():
            limits["tracking_error"] = 4.0

    it = Bench(two_joints(tmp_path, edit))
    it.run()
    assert set(it.ticks[-1].checks) == ALWAYS


@pytest.mark.parametrize("times", [1, 3])
def test_what_ran_before_an_announcement_is_named_once(tmp_path: Path, times: int) -> None:
    it = bench(tmp_path)
    it.tick(times)
    assert sorted(it.session.start(BEGIN_NS + times * TICK_NS).checks) == sorted(ALWAYS)
