"""Latched stops: what closes them, what the arm does then, and what alone opens them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from limit_checks import assert_inside_limits
from session_bench import TICK_NS, Bench
from stopping_bound import stopping_distance

from qgf_ros.datatypes import Finding, Rung, Verdict
from qgf_ros.errors import ChunkRefused, NotReadyError, ObservationRefused


def assert_stopped(bench: Bench, reason: str, sees: bool = True) -> None:
    """From now on: rung STOP with commands, inside the limits, to rest; and nothing but a reset changes that."""
    begun = len(bench.ticks)
    bench.tick(150, sees=sees)
    assert {(tick.rung, tick.reason) for tick in bench.ticks[begun:]} == {(Rung.STOP, reason)}
    assert all(tick.command is not None and tick.command.rung is Rung.STOP for tick in bench.ticks[begun:])
    assert bench.session.is_at_rest
    assert not bench.session.is_well
    assert_inside_limits(bench.contract, bench.commands())
    with pytest.raises(NotReadyError, match=f"stopped \\({reason}\\); call reset first"):
        bench.session.start(bench.now_ns)
    with pytest.raises(ChunkRefused, match="not asked for"):
        bench.offer()


def lose_tracking(bench: Bench) -> None:
    """Something pushes a joint away and keeps it there, while commands are followed otherwise."""
    for _ in range(12):
        bench.see(shoulder=bench.positions["shoulder"] + 0.4)
        bench.tick(sees=False)


CAUSES: dict[str, Callable[[Bench], None]] = {
    "emergency": lambda bench: bench.session.emergency_stop(),
    "exception": lambda bench: bench.session.fail("A bug"),
    "tracking": lose_tracking,
}


@pytest.mark.parametrize("reason", CAUSES)
def test_a_latched_stop_brakes_to_rest_under_commands_and_stays(bench: Bench, reason: str) -> None:
    bench.run()
    CAUSES[reason](bench)
    assert_stopped(bench, reason)


@pytest.mark.parametrize("reason", CAUSES)
def test_a_reset_begins_anew_at_the_measured_pose(bench: Bench, reason: str) -> None:
    bench.run()
    CAUSES[reason](bench)
    bench.tick(100)
    bench.see(shoulder=0.9)
    command = bench.session.begin(bench.now_ns)
    np.testing.assert_array_equal(command.positions, [0.9, bench.positions["elbow"]])
    bench.positions["shoulder"] = 0.9
    assert bench.session.is_well
    bench.session.start(bench.now_ns)
    bench.offer()
    assert bench.tick().rung is Rung.CHUNK


@pytest.mark.parametrize("reason", CAUSES)
def test_a_latched_stop_asks_for_the_black_box_once(bench: Bench, reason: str) -> None:
    bench.run()
    CAUSES[reason](bench)
    bench.tick(10)
    assert bench.session.black_box_due == reason
    assert bench.session.take_black_box() == reason
    bench.tick(10)
    assert bench.session.black_box_due == ""


def test_the_tick_after_an_emergency_stop_brakes(bench: Bench) -> None:
    bench.run()
    before = bench.gate.limiter.state
    bench.session.emergency_stop()
    command = bench.tick().command
    assert command is not None
    assert command.findings == (Finding(Verdict.STOP, "emergency"),)
    slower = np.sign(before.velocities) * (command.accelerations - before.accelerations)
    assert (slower < 0.0).all()


def test_after_an_emergency_stop_no_joint_moves_further_than_the_bound(bench: Bench) -> None:
    bench.run()
    called_at = bench.gate.limiter.state.positions
    bench.session.emergency_stop()
    bench.tick(200)
    way = np.abs(bench.commands()[8:, 0] - called_at).max(axis=0)
    for joint, moved in zip(bench.contract.interface.joints, way.tolist(), strict=True):
        limits = bench.contract.deployment.limits[joint]
        assert moved <= stopping_distance(limits.velocity, limits, TICK_NS * 1e-9)


def test_an_emergency_stop_holds_whatever_becomes_of_the_joint_states(bench: Bench) -> None:
    bench.run()
    bench.session.emergency_stop()
    assert_stopped(bench, "emergency", sees=False)


def test_while_the_emergency_stop_is_pressed_a_reset_is_refused(bench: Bench) -> None:
    bench.run()
    bench.session.emergency_stop(is_pressed=True)
    bench.tick(100)
    with pytest.raises(NotReadyError, match="still pressed"):
        bench.session.begin(bench.now_ns)
    bench.session.emergency_release()
    assert bench.tick().rung is Rung.STOP
    bench.session.begin(bench.now_ns)
    assert bench.tick(sees=True).rung is Rung.HOLD


def test_a_call_of_the_service_does_not_release_what_is_pressed(bench: Bench) -> None:
    bench.session.emergency_stop(is_pressed=True)
    bench.session.emergency_stop()
    bench.see()
    with pytest.raises(NotReadyError):
        bench.session.begin(bench.now_ns)


def test_a_reset_on_joint_states_in_doubt_leaves_the_stop_as_it_was(bench: Bench) -> None:
    bench.run()
    bench.session.emergency_stop()
    bench.tick(100, sees=False)
    with pytest.raises(ObservationRefused):
        bench.session.begin(bench.now_ns)
    assert bench.tick(sees=False).rung is Rung.STOP
    assert bench.session.sentence.startswith("The emergency stop was called")


def test_before_the_command_is_placed_an_emergency_stop_keeps_the_arm_silent(bench: Bench) -> None:
    bench.session.emergency_stop()
    tick = bench.tick(5)
    assert (tick.command, tick.rung, tick.reason) == (None, Rung.STOP, "emergency")
    bench.session.begin(bench.now_ns)
    assert bench.tick().command is not None


def test_activating_anew_does_not_clear_a_latched_stop(bench: Bench) -> None:
    bench.run()
    bench.session.emergency_stop()
    bench.tick(100)
    bench.session.clear()
    tick = bench.tick(5)
    assert (tick.command, tick.rung, tick.reason) == (None, Rung.STOP, "emergency")


def test_a_session_that_replaces_another_goes_on_with_its_stop(bench: Bench) -> None:
    bench.session.emergency_stop(is_pressed=True)
    other = Bench(bench.contract)
    other.session.take_latch_of(bench.session)
    assert other.tick().rung is Rung.STOP
    with pytest.raises(NotReadyError, match="still pressed"):
        other.session.begin(other.now_ns)


def test_an_emergency_stop_is_named_before_a_stop_that_came_first(bench: Bench) -> None:
    bench.run()
    bench.session.fail("A bug")
    bench.tick()
    bench.session.take_black_box()
    bench.session.emergency_stop()
    assert bench.tick().reason == "emergency"
    assert bench.session.black_box_due == "emergency"
    bench.session.fail("Another bug")
    assert bench.tick().reason == "emergency"


# -- a reset that was asked for before a stop ---------------------------------------------------------------------------

LATER: dict[str, Callable[[Bench], None]] = CAUSES | {
    "emergency, released": lambda bench: press_and_release(bench)
}


def press_and_release(bench: Bench) -> None:
    """A button that is let go at once."""
    bench.session.emergency_stop(is_pressed=True)
    bench.session.emergency_release()


@pytest.mark.parametrize("cause", LATER)
def test_a_stop_that_comes_after_a_reset_was_asked_for_is_not_opened_by_it(bench: Bench, cause: str) -> None:
    bench.run()
    asked = bench.session.stops
    LATER[cause](bench)
    bench.tick(100)
    with pytest.raises(
        NotReadyError, match=r"stopped again \((emergency|exception|tracking)\) after this reset"
    ):
        bench.session.begin(bench.now_ns, stops=asked)
    assert bench.tick().rung is Rung.STOP
    bench.session.begin(bench.now_ns, stops=bench.session.stops)
    assert bench.tick().rung is Rung.HOLD


@pytest.mark.parametrize("reason", CAUSES)
def test_a_stop_that_is_repeated_after_a_reset_was_asked_for_counts_too(bench: Bench, reason: str) -> None:
    bench.run()
    CAUSES[reason](bench)
    bench.tick(100)
    asked = bench.session.stops
    bench.session.emergency_stop()
    with pytest.raises(NotReadyError, match=r"stopped again \(emergency\)"):
        bench.session.begin(bench.now_ns, stops=asked)
    bench.session.emergency_stop()
    with pytest.raises(NotReadyError, match="stopped again"):
        bench.session.begin(bench.now_ns, stops=asked + 1)


class Broken(RuntimeError):
    """What a bug raises."""


@pytest.mark.parametrize("after", [False, True])
def test_a_bug_within_a_tick_brakes_from_the_last_command(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Also one that comes after the limiter has already gone a tick further than what was sent."""
    bench.run()
    step, ticks = bench.gate.tick, iter([True])

    def once(*arguments: object) -> object:
        if next(ticks, False):
            if after:
                step(*arguments)
            raise Broken("a bug")
        return step(*arguments)

    monkeypatch.setattr(bench.gate, "tick", once)
    assert bench.tick().reason == "exception"
    assert "Broken: a bug" in bench.session.sentence
    assert bench.session.counts["failed:exception"] == 1
    assert_stopped(bench, "exception")


def test_where_not_even_braking_can_be_computed_there_is_silence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()

    def broken(*arguments: object) -> object:
        raise Broken("a bug")

    monkeypatch.setattr(bench.gate, "tick", broken)
    tick = bench.tick()
    assert (tick.command, tick.rung) == (None, Rung.STOP)
    assert tick.findings == (Finding(Verdict.STOP, "exception"),)
    assert bench.tick(5).command is None


def test_each_finding_is_counted_when_it_begins(bench: Bench) -> None:
    bench.run()
    bench.tick(20, sees=False)
    bench.tick(5)
    bench.tick(20, sees=False)
    bench.session.emergency_stop()
    bench.tick(20)
    with pytest.raises(ChunkRefused):
        bench.offer()
    assert bench.session.counts == {"hold:stale": 2, "stop:emergency": 1, "refused:chunk_unwanted": 1}
