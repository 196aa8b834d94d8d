"""The one gate: nothing moves before a start and a chunk, everything moves inside the limits, and a hold ends at rest."""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, JointReading, Rung
from qgf_ros.errors import ChunkRefused

TICK_NS = 10_000_000
TICKS_PER_ACTION = 5
NAMES = ("shoulder", "elbow")
START = np.array([0.5, -0.4])
AT_REST = 1e-9
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


def reading(positions: FloatArray = START, names: tuple[str, ...] = NAMES) -> JointReading:
    return JointReading(0, names, np.array(positions), np.zeros(len(names)), np.zeros(0))


def ready(contract: Contract) -> CommandGate:
    """A gate that stands at START and has been started."""
    gate = CommandGate(contract, None)
    gate.reset(reading())
    gate.start()
    return gate


def ticks(gate: CommandGate, count: int, first: int = 0) -> list[JointCommand]:
    """Commands of so many ticks; the arm follows its command exactly."""
    return [gate.tick((first + tick) * TICK_NS, {"shoulder": 0.5, "elbow": -0.4}) for tick in range(count)]


def chunk(actions: list[list[float]], stamp_ns: int = 1) -> ActionChunk:
    return ActionChunk(NAMES, np.array(actions), stamp_ns)


FULL = [[0.1, 0.25]] * 4


def test_nothing_moves_before_a_start(contract: Contract) -> None:
    gate = CommandGate(contract, None)
    gate.reset(reading())
    assert not gate.is_running
    assert not gate.wants_chunk
    for command in ticks(gate, 20):
        np.testing.assert_array_equal(command.positions, START)
        assert command.rung is Rung.HOLD
        assert command.reason == "not started"
        assert not command.wants_chunk


def test_a_chunk_is_refused_while_the_gate_holds(contract: Contract) -> None:
    gate = CommandGate(contract, None)
    gate.reset(reading())
    with pytest.raises(ChunkRefused, match=r"holds \(not started\): the chunk was not played") as caught:
        gate.load(chunk(FULL))
    assert caught.value.reason == "not_running"
    gate.start()
    gate.hold("operator")
    with pytest.raises(ChunkRefused, match=r"holds \(operator\)"):
        gate.load(chunk(FULL))
    np.testing.assert_array_equal(ticks(gate, 5)[-1].positions, START)


def test_a_start_without_a_chunk_wants_one_and_does_not_move(contract: Contract) -> None:
    gate = ready(contract)
    assert gate.wants_chunk
    for command in ticks(gate, 20):
        np.testing.assert_array_equal(command.positions, START)
        assert command.rung is Rung.TAIL
        assert command.reason == ""
        assert command.wants_chunk


@given(
    length=st.integers(1, 4), values=st.lists(st.tuples(*[st.floats(-1.0, 1.0)] * 2), min_size=4, max_size=4)
)
def test_every_action_is_in_force_for_exactly_its_ticks(
    contract: Contract, length: int, values: list[tuple[float, float]]
) -> None:
    gate = ready(contract)
    gate.load(ActionChunk(NAMES, gate.action_space.physical(np.array(values[:length])), 1))
    commands = ticks(gate, length * TICKS_PER_ACTION + 1)
    played = commands[:-1]
    assert [command.rung for command in played] == [Rung.CHUNK] * len(played)
    assert commands[-1].rung is Rung.TAIL
    assert [command.actions_left for command in played] == [
        length - 1 - tick // TICKS_PER_ACTION for tick in range(len(played))
    ]
    assert [command.wants_chunk for command in commands] == [False] * (len(played) - 1) + [True, True]
    assert [command.tick for command in commands] == list(range(1, len(commands) + 1))
    assert [command.stamp_ns for command in commands] == [tick * TICK_NS for tick in range(len(commands))]


@given(values=st.lists(st.tuples(*[st.floats(-2.0, 2.0)] * 2), min_size=4, max_size=4))
def test_the_command_at_which_an_action_begins_bears_it_bounded_to_its_range_and_numbered_since_the_start(
    contract: Contract, values: list[tuple[float, float]]
) -> None:
    gate = ready(contract)
    for first in (0, 1000):
        gate.start()
        gate.load(ActionChunk(NAMES, gate.action_space.physical(np.array(values)), 1 + first * TICK_NS))
        commands = ticks(gate, 40 * TICKS_PER_ACTION, first)  # limits may slow the path down
        begun = {tick: command.action for tick, command in enumerate(commands) if command.action is not None}
        assert next(iter(begun)) == 0
        assert all(later - earlier >= TICKS_PER_ACTION for earlier, later in pairwise(begun))
        assert [action.number for action in begun.values()] == [0, 1, 2, 3]
        played = gate.action_space.normalised(np.array([action.values for action in begun.values()]))
        np.testing.assert_allclose(played, np.clip(values, -1.0, 1.0), atol=1e-12)


def test_actions_are_numbered_anew_from_each_start_and_on_from_chunk_to_chunk(contract: Contract) -> None:
    gate = ready(contract)
    for first in (0, 100):
        gate.start()
        numbers = {}
        for begin in (first, first + 4 * TICKS_PER_ACTION):
            gate.load(chunk([[0.01, 0.0]] * 4, stamp_ns=1 + begin * TICK_NS))
            commands = ticks(gate, 4 * TICKS_PER_ACTION, begin)
            numbers |= {
                command.tick: command.action.number for command in commands if command.action is not None
            }
        assert list(numbers.values()) == list(range(8))
        assert np.diff(list(numbers)).tolist() == [TICKS_PER_ACTION] * 7


def test_a_chunk_moves_the_arm_by_what_it_asks_for_from_the_command(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk([[0.05, -0.1]]))
    last = ticks(gate, 100)[-1]
    np.testing.assert_allclose(last.positions - START, [0.05, -0.1], atol=1e-12)
    assert last.rung is Rung.TAIL


def test_the_tail_of_a_chunk_ends_at_rest_at_its_last_target(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk(FULL))
    moving, resting = ticks(gate, 4 * TICKS_PER_ACTION)[-1], ticks(gate, 150)[-1]
    assert np.abs(moving.velocities).max() > 0.1
    assert np.abs(resting.velocities).max() < AT_REST
    assert resting.rung is Rung.TAIL
    assert resting.chunk_stamp_ns == 1


@given(moment=st.integers(1, 40))
def test_a_hold_at_any_moment_brakes_to_rest_inside_the_limits_and_stays(
    contract: Contract, moment: int
) -> None:
    gate = ready(contract)
    gate.load(chunk(FULL))
    commands = ticks(gate, moment)
    gate.hold("stale")
    stop = ticks(gate, 120)
    assert {command.rung for command in stop} == {Rung.HOLD}
    assert {command.reason for command in stop} == {"stale"}
    assert np.abs(stop[-1].velocities).max() < AT_REST
    np.testing.assert_allclose(stop[-1].positions, stop[-20].positions, atol=AT_REST)
    assert_within_limits(contract, [*commands, *stop])


@given(
    values=st.lists(st.tuples(*[st.floats(-3.0, 3.0)] * 2), min_size=4, max_size=4),
    pauses=st.lists(st.integers(1, 30), min_size=4, max_size=4),
)
def test_no_chunks_and_pauses_lead_outside_the_limits(
    contract: Contract, values: list[tuple[float, float]], pauses: list[int]
) -> None:
    """Actions far outside their range, chunks that cut one another short, holds and restarts."""
    gate = ready(contract)
    commands = [gate.last_command(0)]
    for index, ticks_between in enumerate(pauses):
        gate.load(ActionChunk(NAMES, np.array(values), len(commands) * TICK_NS))
        commands += ticks(gate, ticks_between, len(commands))
        if index == 1:
            gate.hold("test")
            commands += ticks(gate, 2, len(commands))
            gate.start()
    assert_within_limits(contract, commands)


def assert_within_limits(contract: Contract, commands: list[JointCommand]) -> None:
    tick_s = TICK_NS * 1e-9
    positions = np.array([command.positions for command in commands])
    accelerations = np.array([command.accelerations for command in commands])
    for place, joint in enumerate(NAMES):
        limits = contract.deployment.limits[joint]
        assert positions[:, place].max() <= limits.upper + ROUNDING
        assert positions[:, place].min() >= limits.lower - ROUNDING
        speed = np.diff(positions[:, place]) / tick_s
        assert np.abs(speed).max(initial=0.0) <= limits.velocity * (1 + ROUNDING)
        assert np.abs(accelerations[:, place]).max() <= limits.acceleration * (1 + ROUNDING)
        jerk = np.diff(accelerations[:, place]) / tick_s
        assert np.abs(jerk).max(initial=0.0) <= limits.jerk * (1 + ROUNDING)


def test_clipped_counts_what_could_not_be_had_at_the_tick_where_it_was_asked(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk([[0.1, 0.1], [9.0, -9.0]]))
    clipped = [command.clipped for command in ticks(gate, 2 * TICKS_PER_ACTION)]
    assert clipped == [0] * TICKS_PER_ACTION + [2] + [0] * (TICKS_PER_ACTION - 1)


def test_targets_beyond_the_limits_are_counted_for_as_long_as_they_are_asked_for(contract: Contract) -> None:
    gate = CommandGate(contract, None)
    gate.reset(reading(np.array([2.0, 0.0])))
    gate.start()
    gate.load(chunk([[0.1, 0.0]]))
    commands = ticks(gate, 3)
    assert [command.clipped for command in commands] == [1, 1, 1]
    np.testing.assert_array_equal(commands[-1].positions, [2.0, 0.0])


def test_a_new_chunk_takes_over_without_a_jump(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk(FULL, stamp_ns=1))
    before = ticks(gate, 7)
    gate.load(chunk([[-0.1, -0.15]] * 4, stamp_ns=7 * TICK_NS))
    after = ticks(gate, 20, 7)
    assert after[3].chunk_stamp_ns == 7 * TICK_NS
    assert_within_limits(contract, [*before, *after])


def test_a_start_forgets_what_was_in_play_before_the_hold(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk(FULL))
    ticks(gate, 3)
    gate.hold("operator")
    ticks(gate, 120)
    gate.start()
    resting = ticks(gate, 50)
    assert {command.rung for command in resting} == {Rung.TAIL}
    assert {command.chunk_stamp_ns for command in resting} == {0}
    np.testing.assert_allclose(resting[-1].positions, resting[0].positions, atol=AT_REST)


def test_a_reset_begins_again_at_the_measured_pose_with_tick_one(contract: Contract) -> None:
    gate = ready(contract)
    gate.load(chunk(FULL))
    ticks(gate, 12)
    gate.reset(reading(np.array([-0.3, 0.9])))
    command = ticks(gate, 1)[0]
    assert command.tick == 1
    assert command.rung is Rung.HOLD
    np.testing.assert_array_equal(command.positions, [-0.3, 0.9])
    np.testing.assert_array_equal(command.velocities, [0.0, 0.0])


def test_two_gates_given_the_same_give_the_same_bits_even_after_another_life(contract: Contract) -> None:
    used, fresh = ready(contract), CommandGate(contract, None)
    used.load(chunk(FULL))
    ticks(used, 17)
    streams = []
    for gate in (used, fresh):
        gate.reset(reading())
        gate.start()
        gate.load(chunk([[0.1, -0.1], [-0.05, 0.2]]))
        streams.append(ticks(gate, 30))
    for left, right in zip(*streams, strict=True):
        assert repr(astuple(left)) == repr(astuple(right))


def test_the_state_before_the_first_tick_is_the_measured_pose_at_rest(contract: Contract) -> None:
    command = ready(contract).last_command(7)
    assert command.stamp_ns == 7
    assert command.tick == 0
    np.testing.assert_array_equal(command.positions, START)
    np.testing.assert_array_equal(command.velocities, [0.0, 0.0])
