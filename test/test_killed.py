"""When a kill is one that a robot may survive: in motion, inside the bound, at rest by what is measured, no tick lost because of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from qgf_ros.contract.schema import OutputKind
from qgf_ros.nodes.heard import Missed, Row
from qgf_ros.nodes.killed import STANDS, CommandKill, PolicyKill, longest_gap, standing_after

TICK_NS = 10_000_000
JOINTS = np.array([0.1, 0.2])
COMMAND = CommandKill(OutputKind.GROUP, 0.3, 0.5, 0.5 * JOINTS, 0.3 * JOINTS, 0.3 * JOINTS, 0.6)
POLICY = PolicyKill(0.3, 150, Missed(0, 0, 5), (), ("chunk", "tail"), 0.4)


def test_a_kill_in_motion_that_stays_inside_the_bound_and_ends_at_rest_is_passed() -> None:
    assert COMMAND.passed


@pytest.mark.parametrize(
    "changed", [{"speed": 0.05}, {"rest_s": 1.01}, {"rest_s": math.inf}, {"moved": JOINTS}]
)
def test_a_kill_at_rest_one_too_far_and_one_that_does_not_rest_within_a_second_are_not(
    changed: dict[str, object],
) -> None:
    assert not replace(COMMAND, **changed).passed  # type: ignore[arg-type]


def test_a_kill_is_unclear_where_silence_alone_may_be_why_it_does_not_pass() -> None:
    assert replace(COMMAND, rest_s=math.inf, unheard_s=1.0).is_unclear
    assert not replace(COMMAND, rest_s=math.inf, unheard_s=1.0).passed
    assert not replace(COMMAND, rest_s=math.inf, unheard_s=0.09).is_unclear, "a slow arm that was seen"
    assert not replace(COMMAND, moved=JOINTS, unheard_s=1.0).is_unclear, "too far, whatever was not heard"
    assert not replace(COMMAND, unheard_s=1.0).is_unclear, "at rest in time"


def test_a_policy_node_may_not_cost_ticks() -> None:
    assert POLICY.passed
    assert not replace(POLICY, missed=Missed(40, 0, 5)).passed
    assert replace(POLICY, missed=Missed(40, 40, 5)).passed, "a machine that drops as many by itself"


def test_every_kill_is_written_as_plain_json() -> None:
    for kill in (COMMAND, replace(COMMAND, rest_s=math.inf), POLICY):
        written = json.loads(json.dumps(kill.figures(), allow_nan=False))
        assert "phase" in written
    assert {"speed", "moved", "lag", "bound"} <= COMMAND.figures().keys()
    assert {"missed", "missed_before"} <= POLICY.figures().keys()


def measured(speeds: list[float]) -> list[Row]:
    """Joint states from a kill at 0 on, one a tick, of which one joint moves with these speeds."""
    return [
        Row(place * TICK_NS, np.zeros(2), np.array([0.0, speed]), np.zeros(0))
        for place, speed in enumerate(speeds)
    ]


def test_rest_is_when_no_joint_is_measured_to_move_any_more() -> None:
    assert standing_after(measured([0.5] * 30 + [0.0] * 10), 0) == pytest.approx(0.3)
    assert standing_after(measured([0.0] * 10), 0) == 0.0
    assert standing_after(measured([0.5] * 10 + [0.0] * 10 + [-0.5] * 10 + [0.0] * 5), 0) == pytest.approx(
        0.3
    )


def test_a_time_of_which_nothing_was_heard_is_known() -> None:
    rows = measured([0.5] * 40)
    assert longest_gap(rows) == pytest.approx(0.01)
    assert longest_gap(rows[:10] + rows[30:]) == pytest.approx(0.21)
    assert longest_gap(rows[:1]) == longest_gap([]) == 0.0


def test_a_slow_drift_to_the_end_is_no_rest_and_nothing_measured_is_none() -> None:
    assert standing_after(measured([2.0 * STANDS] * 120), 0) == math.inf
    assert standing_after(measured([math.nan] * 120), 0) == math.inf
    assert standing_after([], 0) == math.inf
