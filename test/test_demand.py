"""When a chunk is due: the command node asks, the readings are there, and the last answer was taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints_with_command

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import JointReading, PoseReading, Reading
from qgf_ros.inference.demand import Demand, DemandBook

TICK = 10_000_000


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """Joint states, a goal's pose and the executed command; 100 ticks a second."""
    return load_contract(two_joints_with_command(tmp_path))


@pytest.fixture
def book(contract: Contract) -> DemandBook:
    return DemandBook(contract, resend_after_s=0.25)


def joints(stamp_ns: int) -> JointReading:
    empty = np.zeros(0)
    return JointReading(stamp_ns, (), empty, empty, empty)


def readings(sensors_ns: int, command_ns: int) -> dict[str, Reading]:
    pose = PoseReading(sensors_ns, "base_link", np.zeros(3), np.array([1.0, 0, 0, 0]))
    return {"joint_states": joints(sensors_ns), "goal": pose, "command": joints(command_ns)}


def wish(stamp_ns: int, chunk_stamp_ns: int = 0, since_ns: int = 0) -> Demand:
    """The certificate of a tick after which a chunk is wanted, if it was not wanted `since_ns` an earlier one."""
    return Demand(stamp_ns, True, (since_ns or stamp_ns) + 1, chunk_stamp_ns)


def test_nothing_is_due_before_a_certificate_came(book: DemandBook) -> None:
    assert not book.is_open(0.0)
    assert book.waiting_for({}) == ()


def test_nothing_is_due_while_a_chunk_is_in_play(book: DemandBook) -> None:
    book.note(Demand(5 * TICK, False, 0, 0))
    assert not book.is_open(0.0)


def test_a_wish_waits_for_sensors_after_the_tick_and_for_the_command_of_the_tick(book: DemandBook) -> None:
    book.note(wish(5 * TICK))
    assert book.is_open(0.0)
    assert book.waiting_for(readings(5 * TICK, 4 * TICK)) == ("joint_states", "goal", "command")
    assert book.waiting_for(readings(6 * TICK, 4 * TICK)) == ("command",)
    assert book.waiting_for(readings(6 * TICK, 5 * TICK)) == ()
    assert book.waiting_for({}) == ("joint_states", "goal", "command")


def test_after_an_announcement_the_command_may_be_one_tick_older_than_the_joints(book: DemandBook) -> None:
    book.note(Demand(0, True, 8 * TICK, 0))
    assert book.waiting_for(readings(8 * TICK, 8 * TICK)) == ()
    assert book.waiting_for(readings(8 * TICK, 7 * TICK)) == ()
    assert book.waiting_for(readings(8 * TICK, 7 * TICK - 1)) == ("command",)


def test_a_chunk_on_its_way_is_not_sent_twice(book: DemandBook) -> None:
    book.note(wish(5 * TICK))
    book.sent(6 * TICK, 1.0)
    book.note(wish(6 * TICK, since_ns=5 * TICK))
    assert not book.is_open(1.24)


def test_the_next_wish_is_open_when_the_last_chunk_was_played(book: DemandBook) -> None:
    book.note(wish(5 * TICK))
    book.sent(6 * TICK, 1.0)
    book.note(wish(30 * TICK, chunk_stamp_ns=6 * TICK))
    assert book.is_open(1.01)


def test_a_chunk_that_is_not_taken_is_replaced_after_a_while(book: DemandBook) -> None:
    book.note(wish(5 * TICK))
    book.sent(6 * TICK, 1.0)
    book.note(wish(40 * TICK, since_ns=5 * TICK))
    assert book.is_open(1.25)


def test_a_wish_that_is_new_because_the_last_chunk_came_too_late_is_open_at_once(book: DemandBook) -> None:
    book.note(wish(5 * TICK))
    book.sent(6 * TICK, 1.0)
    book.note(wish(70 * TICK))
    assert book.is_open(1.01)


def test_in_lockstep_nothing_is_sent_twice(contract: Contract) -> None:
    book = DemandBook(contract, resend_after_s=None)
    book.note(wish(5 * TICK))
    book.sent(6 * TICK, 1.0)
    book.note(wish(40 * TICK, since_ns=5 * TICK))
    assert not book.is_open(1e9)


def test_after_a_reset_wishes_of_the_old_episode_are_not_answered(contract: Contract) -> None:
    book = DemandBook(contract, resend_after_s=None)
    book.note(wish(5 * TICK))
    book.reset()
    assert not book.is_open(0.0)
    book.note(wish(6 * TICK, chunk_stamp_ns=2 * TICK))
    assert not book.is_open(0.0)
    book.note(wish(9 * TICK, chunk_stamp_ns=0))
    assert book.is_open(0.0)


def test_an_observation_is_aligned_by_the_certificate_of_the_tick_before_it(book: DemandBook) -> None:
    noted = [Demand(stamp * TICK, True, 4 * TICK + 1, 1, begun=stamp) for stamp in range(4, 8)]
    for demand in noted:
        book.note(demand)
    assert book.as_of(4 * TICK) is None
    assert book.as_of(4 * TICK + 1) == noted[0]
    assert book.as_of(6 * TICK) == noted[1]
    assert book.as_of(100 * TICK) == noted[3]


def test_after_a_start_the_announcement_counts_and_no_tick_before_it(book: DemandBook) -> None:
    book.note(Demand(5 * TICK, False, 0, 1, begun=3))
    announcement = Demand(0, True, 5 * TICK, 0)
    book.note(announcement)
    assert book.as_of(5 * TICK + 1) == announcement


def test_a_wish_for_later_is_open_once_the_tick_before_it_is_certified(book: DemandBook) -> None:
    """After a chunk that was refused: a robot's readings may overtake the certificates."""
    for stamp in range(5, 9):
        book.note(Demand(stamp * TICK, True, 10 * TICK, 0))
        assert not book.is_open(0.0)
    book.note(Demand(9 * TICK, True, 10 * TICK, 0))
    assert book.is_open(0.0)
    assert book.waiting_for(readings(10 * TICK, 8 * TICK)) == ("command",)
    assert book.waiting_for(readings(10 * TICK, 9 * TICK)) == ()


def test_what_the_command_node_takes_to_look_at_a_chunk_is_known_from_its_last_certificate(
    book: DemandBook,
) -> None:
    assert book.check_s == 0.0
    book.note(Demand(5 * TICK, True, 5 * TICK + 1, 0, check_s=0.002))
    assert book.check_s == 0.002
