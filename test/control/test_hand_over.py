"""A person takes over from the policy and hands back: no jump, nobody else's chunk, and an arm that rests when they let go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given, settings
from hypothesis import strategies as st
from limit_checks import assert_inside_limits
from session_bench import FULL_SPEED, TICK_NS, Bench

from qgf_ros.control.chunk_request import SILENCE_NS
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import Rung, Sender
from qgf_ros.errors import ChunkRefused

BACKWARDS = np.array([[-0.1, -0.2]] * 4)


def drive(bench: Bench, ticks: int, sender: Sender, actions: np.ndarray) -> None:
    """Ticks in which this sender answers each wish."""
    for _ in range(ticks):
        bench.tick()
        if bench.ticks[-1].wanted_from_ns:
            bench.offer(actions, source=sender.value)


@pytest.mark.parametrize("to", list(Sender), ids=[to.value for to in Sender])
def test_each_takes_over_from_the_other_in_motion_inside_the_limits(tmp_path: Path, to: Sender) -> None:
    other = next(sender for sender in Sender if sender is not to)
    bench = Bench(two_joints(tmp_path), SessionConfig(full_speed_confirmed=True, in_command=other))
    bench.tick()
    bench.session.start(bench.now_ns)
    drive(bench, 12, other, np.array([[0.1, 0.2]] * 4))
    assert not bench.session.is_at_rest
    bench.session.hand_over(to)
    drive(bench, 60, to, BACKWARDS)
    assert_inside_limits(bench.contract, bench.commands())
    assert bench.ticks[-1].rung is Rung.CHUNK
    assert bench.ticks[-1].in_command is to
    assert bench.ticks[-1].command is not None
    assert bench.ticks[-1].command.source == to.value
    assert bench.ticks[-1].command.velocities[0] < 0


@settings(max_examples=25, deadline=None)
@given(
    moments=st.lists(st.integers(1, 25), min_size=1, max_size=8),
    scale=st.floats(-0.2, 0.2),
)
def test_no_sequence_of_hand_overs_breaks_a_limit_or_plays_a_chunk_of_who_is_not_in_command(
    tmp_path_factory: pytest.TempPathFactory, moments: list[int], scale: float
) -> None:
    bench = Bench(two_joints(tmp_path_factory.mktemp("contract")))
    bench.tick()
    bench.session.start(bench.now_ns)
    for place, ticks in enumerate(moments):
        sender = list(Sender)[place % 2]
        bench.session.hand_over(sender)
        drive(bench, ticks, sender, np.full((4, 2), scale * (-1) ** place))
    assert_inside_limits(bench.contract, bench.commands())
    for tick in bench.ticks:
        if tick.command is not None and tick.command.chunk_stamp_ns:
            assert tick.command.source == tick.in_command.value


def test_what_is_left_of_the_others_chunk_is_dropped_and_the_arm_rests_at_the_target_it_has(
    bench: Bench,
) -> None:
    bench.run()
    bench.session.hand_over(Sender.TELEOP)
    first = bench.tick()
    assert (first.rung, first.in_command) == (Rung.TAIL, Sender.TELEOP)
    assert first.command is not None
    assert (first.command.chunk_stamp_ns, first.command.source) == (0, "")
    assert first.wanted_from_ns == bench.now_ns - TICK_NS + 1
    bench.tick(200)
    assert bench.session.is_at_rest


def test_a_chunk_of_who_is_not_in_command_is_refused_and_counted_and_changes_no_command(
    tmp_path: Path,
) -> None:
    disturbed, twin = Bench(two_joints(tmp_path)), Bench(two_joints(tmp_path))
    for bench in (disturbed, twin):
        bench.run()
        bench.session.hand_over(Sender.TELEOP)
        bench.tick(2)
    with pytest.raises(ChunkRefused, match="policy, and teleop is in command"):
        disturbed.offer(np.full((9, 9), np.nan))  # not even a malformed one stops who is in command
    assert disturbed.tick().refused == "chunk_not_in_command"
    assert disturbed.session.counts["refused:chunk_not_in_command"] == 1
    twin.tick()
    np.testing.assert_array_equal(disturbed.commands(), twin.commands())


def test_handing_over_to_who_is_in_command_changes_nothing(tmp_path: Path) -> None:
    told, twin = Bench(two_joints(tmp_path)), Bench(two_joints(tmp_path))
    for bench in (told, twin):
        bench.run()
        if bench is told:
            bench.session.hand_over(Sender.POLICY)
        bench.tick(30)
    np.testing.assert_array_equal(told.commands(), twin.commands())


def test_who_takes_over_from_an_arm_that_holds_must_start_it(bench: Bench) -> None:
    bench.run()
    bench.session.stop("stopped")
    bench.session.hand_over(Sender.TELEOP)
    assert bench.tick(50).rung is Rung.HOLD
    assert not bench.session.wants_chunk


def test_a_person_is_asked_after_every_action(bench: Bench) -> None:
    bench.run()
    bench.session.hand_over(Sender.TELEOP)
    asked = len(bench.ticks)
    drive(bench, 50, Sender.TELEOP, BACKWARDS)
    wishes = sum(tick.wanted_from_ns > 0 for tick in bench.ticks[asked:])
    assert wishes >= 50 // bench.contract.ticks_per_action


def test_a_person_who_does_not_answer_while_the_arm_moves_brakes_it_and_may_go_on_when_it_rests(
    bench: Bench,
) -> None:
    """Slow and far: without the watch the arm would go on to its target."""
    bench.run()
    bench.session.hand_over(Sender.TELEOP)
    bench.session.speed_scaling(20.0, bench.now_ns)
    drive(bench, 2, Sender.TELEOP, np.array([[0.1, 0.2]] * 4))
    bench.session.speed_scaling(20.0, bench.now_ns)
    begun = len(bench.ticks)
    bench.tick(100)
    braked = [tick for tick in bench.ticks[begun:] if tick.reason == "teleop_silent"]
    assert braked
    assert {tick.rung for tick in braked} == {Rung.HOLD}
    asked = next(tick for tick in bench.ticks[begun:] if tick.wanted_from_ns)
    assert braked[0].command is not None
    assert braked[0].command.stamp_ns - asked.wanted_from_ns > SILENCE_NS
    assert bench.session.is_at_rest
    drive(bench, 20, Sender.TELEOP, BACKWARDS)
    assert bench.ticks[-1].rung is Rung.CHUNK
    assert_inside_limits(bench.contract, bench.commands())


def test_a_policy_that_does_not_answer_is_no_reason_to_brake(bench: Bench) -> None:
    bench.run()
    bench.session.speed_scaling(20.0, bench.now_ns)
    bench.tick(100)
    assert "teleop_silent" not in {tick.reason for tick in bench.ticks}


def test_the_first_in_command_is_configured(tmp_path: Path) -> None:
    assert Bench(two_joints(tmp_path), FULL_SPEED).session.in_command is Sender.POLICY
    config = SessionConfig(in_command=Sender.TELEOP)
    assert Bench(two_joints(tmp_path), config).session.in_command is Sender.TELEOP


def test_in_lockstep_a_tick_waits_for_a_policys_chunk_and_for_no_persons(bench: Bench) -> None:
    bench.run()
    bench.tick(4 * bench.contract.ticks_per_action)
    assert bench.session.needs_chunk(bench.now_ns)
    bench.session.hand_over(Sender.TELEOP)
    bench.tick()
    assert bench.session.wants_chunk
    assert not bench.session.needs_chunk(bench.now_ns)
