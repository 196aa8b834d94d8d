"""Joint states that motion was based on: what of them cannot be trusted, by the rules of the command node's own watches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.trust import Trust
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import ObservationRefused
from qgf_ros.verify.ages import JointAges
from qgf_ros.verify.motion import Before
from qgf_ros.verify.readings import ReadingWatch
from qgf_ros.verify.violation import What

NAMES = ("shoulder", "elbow")
TICK_NS, BEGIN_NS = 10_000_000, 1_000_000_000
STEP = 0.003  # rad a tick: the command moves steadily
NOTHING, STILL = np.zeros(0), (0.0, 0.0)
TRACKING_ERROR = 0.3  # rad, of the contract
Reads = Callable[[int, tuple[float, float]], tuple[tuple[str, ...], list[float]]]


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return two_joints(tmp_path)


def followed(tick: int, command: tuple[float, float]) -> tuple[tuple[str, ...], list[float]]:
    """The robot stands where it was told to."""
    return NAMES, list(command)


def played(
    contract: Contract,
    reads: Reads,
    ticks: int = 60,
    lag_ns: int = 0,
    commands: Callable[[int], float] = lambda tick: STEP * tick,
    rung: Callable[[int], str] = lambda tick: "chunk",
    shadow: bool = False,
) -> list[tuple[int, What]]:
    """At which ticks what is found where chunks are played and the robot says what `reads` makes of the command."""
    watch, ages = ReadingWatch(contract, lag_ns), JointAges(contract, lag_ns)
    found = []
    for tick in range(ticks):
        stamp_ns, command = BEGIN_NS + tick * TICK_NS, (commands(tick), 0.5 * commands(tick))
        names, positions = reads(tick, command)
        reading = JointReading(stamp_ns, names, np.array(positions), NOTHING, NOTHING)
        watch.take(reading)
        ages.take(reading)
        here = (commands(tick + 1), 0.5 * commands(tick + 1))
        certificate = Certificate(positions=here, joint_ages_s=STILL, rung=rung(tick), shadow=shadow)
        moves = rung(tick) == "chunk"
        before = Before(command, STILL, STILL)
        found += [(tick, what) for what, *_ in watch.check(certificate, stamp_ns, moves, ages, before)]
    return found


def test_a_robot_that_follows_is_trusted(contract: Contract) -> None:
    assert played(contract, followed) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_is_played_on_a_position_that_is_no_number(contract: Contract, value: float) -> None:
    found = played(contract, lambda tick, command: (NAMES, [command[0], value if tick == 30 else command[1]]))
    assert found == [(30, What.READING)]


@pytest.mark.parametrize("names", [(*NAMES, "elbow"), NAMES[:1]])
def test_nothing_is_played_on_a_message_that_is_misshapen(contract: Contract, names: tuple[str, ...]) -> None:
    def reads(tick: int, command: tuple[float, float]) -> tuple[tuple[str, ...], list[float]]:
        positions = [*command, 0.0] if len(names) == 3 else [*command]
        return (names, positions) if tick == 30 else followed(tick, command)

    assert played(contract, reads) == [(30, What.READING)]
    assert played(contract, reads, rung=lambda tick: "hold") == []


def test_a_misshapen_message_may_not_have_been_taken_yet_and_after_a_tenth_of_a_second_it_was(
    contract: Contract,
) -> None:
    def reads(tick: int, command: tuple[float, float]) -> tuple[tuple[str, ...], list[float]]:
        return (NAMES * 2, [*command, *command]) if tick >= 30 else followed(tick, command)

    assert played(contract, reads, lag_ns=100_000_000)[0] == (40, What.READING)


def test_a_sensor_that_stands_while_the_command_moves_is_found(contract: Contract) -> None:
    found = played(contract, lambda tick, command: (NAMES, [0.0, command[1]]))
    assert found[0] == (10, What.FROZEN)
    assert {what for _, what in found[:20]} == {What.FROZEN}


def test_it_may_stand_while_the_command_does(contract: Contract) -> None:
    assert played(contract, lambda tick, command: (NAMES, [0.0, 0.0]), commands=lambda tick: 0.0) == []


def test_it_may_stand_while_nothing_is_played(contract: Contract) -> None:
    stands = lambda tick, command: (NAMES, [0.0, 0.0])  # noqa: E731
    assert played(contract, stands, rung=lambda tick: "hold") == []
    assert played(contract, stands, rung=lambda tick: "chunk" if tick % 10 else "hold") == []


def test_a_joint_that_is_away_for_a_tenth_of_a_second_is_found(contract: Contract) -> None:
    def reads(tick: int, command: tuple[float, float]) -> tuple[tuple[str, ...], list[float]]:
        return NAMES, [command[0] + 50.0 * (tick >= 30), command[1]]

    found = played(contract, reads)
    assert {what for _, what in found} == {What.TRACKING}
    assert found[0][0] in (39, 40)


def test_a_joint_that_was_away_for_less_is_believed(contract: Contract) -> None:
    assert (
        played(contract, lambda tick, command: (NAMES, [command[0] + 50.0 * (30 <= tick < 38), command[1]]))
        == []
    )


def test_an_arm_that_lags_by_what_it_was_commanded_a_moment_ago_follows(contract: Contract) -> None:
    fast = lambda tick: 0.03 * tick  # noqa: E731
    late = lambda tick, command: (NAMES, [fast(tick - 19), 0.5 * fast(tick - 19)])  # noqa: E731
    later = lambda tick, command: (NAMES, [fast(tick - 40), 0.5 * fast(tick - 40)])  # noqa: E731
    assert played(contract, late, commands=fast) == []
    assert {what for _, what in played(contract, later, commands=fast)} == {What.TRACKING}


def test_in_shadow_mode_somebody_else_moves_the_arm(contract: Contract) -> None:
    assert played(contract, lambda tick, command: (NAMES, [0.0, 1.5]), shadow=True) == []


@pytest.mark.parametrize("seed", range(20))
def test_what_the_command_nodes_watches_let_pass_is_let_pass(contract: Contract, seed: int) -> None:
    """Random commands, pauses and sensors, held wherever the watches of the command node want it: two programs, one rule."""
    rng = np.random.default_rng(seed)
    monitor = JointMonitor(contract)
    trust, watch, ages = Trust(monitor), ReadingWatch(contract, 0), JointAges(contract, 0)
    command, measured = np.zeros(2), np.zeros(2)
    speed, stuck, off, held = np.zeros(2), np.zeros(2, bool), np.zeros(2), 0
    now_ns = BEGIN_NS
    counts = {True: 0, False: 0}
    for _ in range(1500):
        now_ns += TICK_NS * int(rng.choice([1, 1, 1, 1, 1, 2, 4]))
        if rng.random() < 0.05:
            speed = rng.uniform(-0.01, 0.01, 2) * rng.integers(0, 2, 2)
        if rng.random() < 0.05:
            stuck, off = rng.random(2) < 0.3, rng.uniform(-1, 1, 2) * (rng.random(2) < 0.2)
        measured = np.where(stuck, measured, command + off)
        reading = JointReading(now_ns, NAMES, measured.copy(), NOTHING, NOTHING)
        monitor.update(reading)
        watch.take(reading)
        ages.take(reading)
        is_trusted = held == 0
        try:
            trust.reading(now_ns)
            trust.check_sensor(now_ns, command)
            if trust.lost(command):
                held = 30
                trust.clear()
                is_trusted = False
        except ObservationRefused:
            is_trusted = False
        held = max(held - 1, 0)
        before, command = Before(tuple(command.tolist()), STILL, STILL), command + speed
        rung = "chunk" if is_trusted else "hold"
        certificate = Certificate(positions=tuple(command.tolist()), joint_ages_s=STILL, rung=rung)
        assert watch.check(certificate, now_ns, is_trusted, ages, before) == []
        counts[is_trusted] += 1
    assert min(counts.values()) > 50
