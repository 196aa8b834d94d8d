"""What the table of faults takes for a right reaction: an arm that falls silent in motion, or moves again, has not come to rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.contract.schema import Contract
from qgf_ros.control.limits import JointLimiter
from qgf_ros.control.outcome import Tick
from qgf_ros.datatypes import Finding, JointCommand, Rung, Sender, Verdict
from qgf_ros.evaluate.reactions import Obeys, Rests, Slows, Story
from qgf_ros.evaluate.session_loop import Served

STOPS = Rests(Rung.STOP, ("emergency",))
WITHIN_S = 1.0


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return two_joints(tmp_path)


def served(command: JointCommand | None, rung: Rung, reason: str = "emergency") -> Served:
    return Served(0.0, 0, Tick(command, rung, reason, "", 0), (), (), ())


def moves(contract: Contract, rung: Rung, count: int, stops_after: int) -> list[Served]:
    """Ticks of an arm that is told to go far, and to brake after so many of them."""
    joints, tick_s = contract.interface.joints, contract.tick_ns * 1e-9
    limiter = JointLimiter(joints, contract.deployment.limits, tick_s)
    limiter.reset(np.zeros(len(joints)))
    ticks = []
    for tick in range(count):
        if tick < stops_after:
            motion, _ = limiter.step(np.full(len(joints), 1.0))
        else:
            motion = limiter.brake()
        state = (motion.positions, motion.velocities, motion.accelerations)
        ticks.append(served(JointCommand(0, tick + 1, *state, rung, "", 0, 0, False, 0), rung))
    return ticks


def story(contract: Contract, moved: int = 20) -> tuple[Served, list[Served]]:
    """The last tick in motion, and the stop that follows: as it has to be."""
    ticks = moves(contract, Rung.STOP, moved + 60, moved)
    return ticks[moved - 1], ticks[moved:]


def test_an_arm_that_brakes_to_rest_on_its_rung_is_right(contract: Contract) -> None:
    before, after = story(contract)
    assert STOPS.judge(Story(contract, before, after), WITHIN_S).is_right


@pytest.mark.parametrize("sent", [0, 1])
def test_an_arm_that_falls_silent_in_motion_is_not(contract: Contract, sent: int) -> None:
    before, after = story(contract)
    silent = [*after[:sent], *[served(None, Rung.STOP)] * 60]
    assert not STOPS.judge(Story(contract, before, silent), WITHIN_S).is_right


def test_silence_at_rest_moves_nobody(contract: Contract) -> None:
    _, after = story(contract)
    assert STOPS.judge(Story(contract, after[-1], [served(None, Rung.STOP)] * 10), WITHIN_S).is_right
    assert STOPS.judge(
        Story(contract, served(None, Rung.HOLD), [served(None, Rung.STOP)] * 10), WITHIN_S
    ).is_right


def test_an_arm_that_moves_again_by_itself_is_not(contract: Contract) -> None:
    before, after = story(contract)
    again = [*after, *moves(contract, Rung.CHUNK, 10, 10)]
    assert not STOPS.judge(Story(contract, before, again), WITHIN_S).is_right


def test_an_arm_that_is_slow_for_a_moment_only_is_not_right(contract: Contract) -> None:
    found = (Finding(Verdict.SLOW, "speed_scaling"),)
    ticks = moves(contract, Rung.CHUNK, 20, 20)
    slow = [
        replace(it, tick=replace(it.tick, command=replace(it.tick.command, speed=0.5), findings=found))
        for it in ticks
        if it.tick.command is not None
    ]
    for after, is_right in ((slow, True), ([*slow[:10], *ticks[10:]], False)):
        assert Slows("speed_scaling").judge(Story(contract, ticks[0], after), WITHIN_S).is_right is is_right


@pytest.mark.parametrize(("moved", "is_right"), [(0, True), (5, False)])
def test_an_arm_whose_break_ends_by_itself_may_go_on_waiting_and_not_moving(
    contract: Contract, moved: int, is_right: bool
) -> None:
    before, after = story(contract)
    after = [*after, *moves(contract, Rung.TAIL, 10, moved)]
    expected = Rests(Rung.STOP, ("emergency",), then=Rung.TAIL)
    assert expected.judge(Story(contract, before, after), WITHIN_S).is_right is is_right
    assert not STOPS.judge(Story(contract, before, after), WITHIN_S).is_right


def handed_over(contract: Contract, *parts: tuple[int, Rung, Sender, Sender]) -> list[Served]:
    """Ticks by count, rung, who is in command, and whose chunk is in play."""
    return [
        replace(it, tick=replace(it.tick, command=replace(it.tick.command, source=of.value), in_command=who))
        for count, rung, who, of in parts
        for it in moves(contract, rung, count, count)
        if it.tick.command is not None
    ]


PERSON, POLICY = Sender.TELEOP, Sender.POLICY
TAKEN_OVER = (2, Rung.TAIL, PERSON, POLICY), (20, Rung.CHUNK, PERSON, PERSON)


@pytest.mark.parametrize(
    "parts",
    [
        [(3, Rung.TAIL, PERSON, POLICY), TAKEN_OVER[1]],
        [(1, Rung.TAIL, POLICY, POLICY), TAKEN_OVER[1]],
        [(1, Rung.CHUNK, PERSON, POLICY), TAKEN_OVER[1]],
        [(1, Rung.HOLD, PERSON, POLICY), TAKEN_OVER[1]],
        [*TAKEN_OVER, (1, Rung.TAIL, PERSON, PERSON)],
        [*TAKEN_OVER, (1, Rung.CHUNK, PERSON, POLICY)],
        [*TAKEN_OVER, (1, Rung.CHUNK, POLICY, POLICY)],
        [TAKEN_OVER[0]],
    ],
    ids=["late", "not at once", "plays on", "holds", "starves", "the other's", "goes back", "never"],
)
def test_a_hand_over_is_right_only_where_one_alone_is_in_command_and_played_from_then_on(
    contract: Contract, parts: list[tuple[int, Rung, Sender, Sender]]
) -> None:
    within_s = 3 * contract.tick_ns * 1e-9
    before = handed_over(contract, (1, Rung.CHUNK, POLICY, POLICY))[0]
    right = Obeys(PERSON).judge(Story(contract, before, handed_over(contract, *TAKEN_OVER)), within_s)
    assert right.is_right
    assert right.time_s == pytest.approx(within_s)
    wrong = Obeys(PERSON).judge(Story(contract, before, handed_over(contract, *parts)), within_s)
    assert not wrong.is_right
