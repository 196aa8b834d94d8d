"""What is wrong with the commands of a graph under faults: missing ones, jumps, and ticks that a fault made the node drop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.contract.schema import Contract
from qgf_ros.nodes.heard import Certified, Heard, Missed, Row

TICK_NS = 10_000_000


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return two_joints(tmp_path)


def certified(contract: Contract, place: int, tick: int, missed: int = 0) -> Certified:
    """The certificate at the `place`th tick since the beginning, whose commands left."""
    stamp_ns = (place + 1) * TICK_NS
    commands = str(len(contract.deployment.outputs))
    values = {
        "tick": str(tick),
        "commands": commands,
        "missed": str(missed),
        "rung": "chunk",
        "reason": "",
        "findings": "",
    }
    return Certified(stamp_ns, stamp_ns, values)


def resting(place: int, position: float) -> Row:
    zeros = np.zeros(2)
    return Row((place + 1) * TICK_NS, np.full(2, position), zeros, zeros)


def heard(contract: Contract, missed: list[int], fault: int) -> Heard:
    """Ticks with these counts of missed ones, and a window that begins right before the one at place `fault`."""
    ticks = [certified(contract, place, place + 1, count) for place, count in enumerate(missed)]
    before = Heard(ticks[:fault])
    window = before.begin_window(fault * TICK_NS + TICK_NS // 2)
    window.certificates += ticks[fault:]
    return window


def test_ticks_that_a_quiet_machine_drops_after_a_fault_are_the_faults(contract: Contract) -> None:
    """They leave no gap in `tick`: only `missed` grows."""
    window = heard(contract, [0] * 100 + [40] * 50, fault=100)
    assert window.missed(contract) == Missed(40, 0, contract.ticks_per_action)
    assert window.problems(contract) == ["40 ticks missed, 0 in the same time before"]


def test_ticks_that_are_dropped_before_the_fault_as_well_as_after_it_are_the_machines(
    contract: Contract,
) -> None:
    window = heard(contract, [(place + 2) // 5 for place in range(200)], fault=100)
    assert window.missed(contract) == Missed(20, 20, contract.ticks_per_action)
    assert window.problems(contract) == []


def test_as_many_as_controllers_bridge_are_told_and_borne(contract: Contract) -> None:
    bearable = contract.ticks_per_action
    for count, is_borne in ((bearable, True), (bearable + 1, False)):
        window = heard(contract, [0] * 100 + [count] * 50, fault=100)
        assert window.missed(contract).after == count
        assert (window.problems(contract) == []) is is_borne


def test_only_as_long_a_time_before_the_fault_counts_as_there_is_after_it(contract: Contract) -> None:
    window = heard(contract, [0] * 20 + [30] * 80 + [30] * 50, fault=100)
    assert window.missed(contract) == Missed(0, 0, contract.ticks_per_action)


def test_a_node_that_was_activated_anew_counts_from_zero(contract: Contract) -> None:
    window = heard(contract, [7] * 100 + [7, 0, 2, 2], fault=100)
    assert window.missed(contract).after == 2


def test_a_fault_within_the_window_divides_it(contract: Contract) -> None:
    window = heard(contract, [0] * 10 + [0] * 100 + [9] * 20, fault=10)
    assert window.missed(contract).after == 9
    at_ns = 120 * TICK_NS
    assert window.missed(contract, at_ns) == Missed(0, 9, contract.ticks_per_action)


def test_many_faults_that_each_drop_a_few_ticks_are_found_together(contract: Contract) -> None:
    each = Missed(after=3, before=0, bearable=5)
    assert not each.is_the_faults
    assert sum([each] * 49, each).is_the_faults


def test_a_gap_in_ticks_and_a_tick_with_fewer_commands_are_missing_commands(contract: Contract) -> None:
    window = heard(contract, [0] * 20, fault=10)
    del window.certificates[5]
    last = window.certificates[-1]
    window.certificates[-1] = replace(last, values=last.values | {"commands": "0"})
    assert window.problems(contract) == ["2 ticks without their commands"]


def test_a_jump_from_rest_to_rest_is_allowed_only_where_the_command_was_placed_anew(
    contract: Contract,
) -> None:
    for tick, is_allowed in ((1, True), (11, False)):
        window = Heard([certified(contract, place, place + 1) for place in range(10)])
        window.executed = [resting(place, 0.0) for place in range(10)]
        window.certificates.append(certified(contract, 10, tick))
        window.executed.append(resting(10, 0.3))
        found = window.problems(contract)
        assert (found == []) is is_allowed
        assert is_allowed or "position from the tick before" in found[0]


def test_a_jump_at_the_first_command_of_a_window_is_seen_too(contract: Contract) -> None:
    before = Heard([certified(contract, 0, 1), certified(contract, 1, 2)], [resting(0, 0.0), resting(1, 0.0)])
    window = before.begin_window(3 * TICK_NS)
    window.certificates.append(certified(contract, 2, 3))
    window.executed.append(resting(2, 0.3))
    assert "position from the tick before" in window.problems(contract)[0]


def test_a_command_in_motion_that_nobody_certified_is_said_and_the_pose_of_a_reset_is_not(
    contract: Contract,
) -> None:
    window = Heard([certified(contract, 0, 1), certified(contract, 2, 2)], [resting(0, 0.0)])
    moving = replace(resting(1, 0.0), velocities=np.full(2, 0.1))
    window.executed += [moving, resting(2, 0.0)]
    assert window.problems(contract) == ["a command in motion without a certificate"]
    window.executed[1] = resting(1, 0.3)
    assert window.problems(contract) == []


def test_what_was_announced_since_the_last_tick_stays_when_a_window_begins(contract: Contract) -> None:
    announced = Certified(0, 5, {"wants_chunk": "true"})
    window = Heard([certified(contract, 0, 1), certified(contract, 1, 2), announced]).begin_window(7)
    assert window.certificates[-1] is announced
    assert len(window.ticks) == 1
    assert len(window.earlier) == 1
    assert window.began_ns == 7


@pytest.mark.parametrize(
    ("rung", "reason", "told"),
    [
        ("chunk", "", "chunk"),
        ("tail", "chunk_stale", "tail"),
        ("hold", "stale", "hold: stale"),
        ("stop", "exception", "stop: exception"),
    ],
)
def test_a_hold_and_a_stop_are_told_with_their_reason(
    contract: Contract, rung: str, reason: str, told: str
) -> None:
    tick = certified(contract, 0, 1)
    tick.values.update(rung=rung, reason=reason)
    assert tick.told == told
