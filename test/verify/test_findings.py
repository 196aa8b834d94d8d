"""What a certificate says in words, against its numbers and against what it said a tick before."""

from __future__ import annotations

from typing import Any

import pytest

from qgf_ros.certificate import CHECKS, TOOL_CHECKS, Certificate
from qgf_ros.verify.findings import FindingsWatch
from qgf_ros.verify.violation import What

TICK_S = 0.01
PLAIN: dict[str, Any] = {"rung": "chunk", "checks": CHECKS, "positions": (0.0,)}


def found(*ticks: dict[str, Any], has_kinematics: bool = False, is_tool_bounded: bool = False) -> list[What]:
    """What does not hold in ticks that play a chunk, but for what is said of each."""
    watch = FindingsWatch(has_kinematics, TICK_S)
    return [
        what for tick in ticks for what, *_ in watch.check(Certificate(**(PLAIN | tick)), is_tool_bounded)
    ]


def test_a_plain_tick_holds() -> None:
    assert found({}) == []


@pytest.mark.parametrize("left_out", CHECKS)
def test_each_check_of_the_joints_must_run(left_out: str) -> None:
    assert found({"checks": tuple(name for name in CHECKS if name != left_out)}) == [What.CHECKS]


def test_the_tools_checks_must_run_where_the_contract_knows_it_and_it_is_bounded() -> None:
    assert found({}, has_kinematics=True, is_tool_bounded=True) == [What.CHECKS]
    assert found({"checks": CHECKS + TOOL_CHECKS}, has_kinematics=True, is_tool_bounded=True) == []
    assert found({}, has_kinematics=True) == []
    assert found({}, is_tool_bounded=True) == []


@pytest.mark.parametrize(
    "text", ["slow", "slow:", "slow:scale:", ":scale", "fast:scale", "slow:because", "slow:unseen"]
)
def test_a_finding_is_a_verdict_a_reason_and_perhaps_what_it_is_about(text: str) -> None:
    assert What.FINDING in found({"findings": (text,), "speed": 0.5})


def test_a_finding_about_something_holds() -> None:
    assert found({"findings": ("clamp:position:elbow", "clamp:unreachable:tool"), "clipped": 2}) == []


@pytest.mark.parametrize("clipped", [0, 1, 3])
def test_as_many_findings_clamp_as_were_clipped(clipped: int) -> None:
    assert found({"findings": ("clamp:position:elbow", "clamp:range:x"), "clipped": clipped}) == [
        What.FINDING
    ]


def test_the_speed_falls_where_somebody_asks_for_less_and_rises_slowly_again() -> None:
    asked = {"findings": ("slow:scale", "slow:first_run"), "speed": 0.9}
    assert found(asked, {"speed": 0.92}, {"speed": 0.94}, {"speed": 0.98}, {"speed": 1.0}) == []


@pytest.mark.parametrize("speed", [0.0, 0.5, 0.91])
def test_it_is_not_low_for_no_reason(speed: float) -> None:
    assert found({"findings": ("slow:scale",), "speed": 0.9}, {"speed": speed}) == [What.SPEED]


@pytest.mark.parametrize("speed", [-0.1, 1.1, float("nan")])
def test_it_is_between_standing_and_full(speed: float) -> None:
    assert found({"speed": speed, "findings": ("slow:scale",)}) == [What.SPEED]


@pytest.mark.parametrize("reason", ["scale", "chunk_speed", "velocity"])
def test_a_path_that_somebody_wants_slower_is_slower(reason: str) -> None:
    assert found({"findings": (f"slow:{reason}",)}) == [What.SPEED]


def test_the_guard_of_the_tool_slows_the_command_and_not_the_path() -> None:
    assert found({"findings": ("slow:tool_speed:tool",)}) == []


def test_where_a_recording_begins_the_speed_may_be_rising() -> None:
    assert found({"speed": 0.5}) == []


def test_after_a_hold_the_speed_is_full_unless_somebody_asks_for_less() -> None:
    hold = {"rung": "hold", "reason": "stopped"}
    assert found(hold, {}) == []
    assert found(hold, {"speed": 0.25, "findings": ("slow:scale",)}) == []
    assert found(hold, {"speed": 0.25}) == [What.SPEED]
    assert found(hold | {"speed": 0.5}) == [What.SPEED]


@pytest.mark.parametrize(
    "said",
    [
        {"rung": "hold", "reason": ""},
        {"rung": "hold", "reason": "tea"},
        {"rung": "hold", "reason": "stale"},  # without its finding
        {"rung": "hold", "reason": "stopped", "findings": ("hold:stale",)},
        {"rung": "stop", "reason": "emergency", "findings": ("stop:tracking",)},
        {"rung": "chunk", "reason": "stale", "findings": ("hold:stale",)},
        {"rung": "chunk", "findings": ("stop:emergency",)},
        {"refused": "chunk_of_bad_taste"},
    ],
)
def test_reasons_are_known_and_a_hold_says_its_own(said: dict[str, Any]) -> None:
    assert set(found(said)) == {What.FINDING}


@pytest.mark.parametrize(
    "said",
    [
        {"rung": "hold", "reason": "stopped"},
        {"rung": "hold", "reason": "stale", "findings": ("hold:stale",)},
        {"rung": "hold", "reason": "timeout: joint states", "findings": ("hold:timeout",)},
        {"rung": "stop", "reason": "emergency", "findings": ("stop:emergency",)},
        {"rung": "stop", "reason": "limiter", "positions": (), "checks": ()},
        {"refused": "chunk_late"},
    ],
)
def test_what_the_command_node_says_holds(said: dict[str, Any]) -> None:
    assert found(said) == []
