"""What is kept of an episode over ROS, and what is made of it."""

from __future__ import annotations

import numpy as np
import pytest

from qgf_ros.cli.demo_report import report
from qgf_ros.datatypes import Seam
from qgf_ros.errors import LostMessagesError
from qgf_ros.evaluate.recording import Certified, EpisodeRecord, Recorder, nothing_to_do

TICK = 10_000_000
DONE = {"success": "true", "return": "-7.0", "step": "8"}


def recorder(ticks: int = 4, missed: int = 0) -> Recorder:
    """Ticks numbered from 5 on, at stamps 10, 20, ... ms; the last is one without a fresh action."""
    found = Recorder()
    for index in range(ticks):
        stamp = (index + 1) * TICK
        rung = "tail" if index == ticks - 1 else "chunk"
        seam = Seam(0.25, 0.5, 1.0) if index == 2 else None
        found.certified[stamp] = Certified(5 + index, rung, 3 + missed * index, seam)
        found.executed[stamp] = np.full((3, 2), float(index))
        found.poses.setdefault("cube", {})[stamp] = (0.1 * index, 0.0, 0.0)
    found.chunks.append({"latency_ms": "12.5", "weight": "0.2"})
    return found


def test_a_record_holds_the_episode_tick_by_tick() -> None:
    record = recorder().finish(9, DONE)
    assert (record.seed, record.success, record.total_return, record.steps) == (9, True, -7.0, 8)
    assert (record.missed_commands, record.tail_ticks, record.hold_ticks) == (0, 1, 0)
    assert (record.latencies_ms, record.weights) == ((12.5,), (0.2,))
    assert record.seams == (Seam(0.25, 0.5, 1.0),)
    np.testing.assert_array_equal(record.commands[:, 0, 0], [0, 1, 2, 3])
    np.testing.assert_allclose(record.paths["cube"][:, 0], [0.0, 0.01, 0.02, 0.03], atol=1e-12)


def test_missed_commands_are_those_of_the_episode_alone() -> None:
    assert recorder(missed=2).finish(9, DONE).missed_commands == 6


def test_ticks_after_the_end_are_left_out() -> None:
    record = recorder().finish(9, DONE, until_ns=2 * TICK)
    assert len(record.commands) == 2
    assert len(record.paths["cube"]) == 2


@pytest.mark.parametrize("lost", ["certified", "executed"])
def test_a_record_with_a_hole_is_refused(lost: str) -> None:
    found = recorder()
    del (found.certified if lost == "certified" else found.executed)[2 * TICK]
    with pytest.raises(LostMessagesError, match="The record has holes"):
        found.finish(9, DONE)


def test_a_record_is_complete_when_ticks_commands_and_poses_are_there() -> None:
    found = recorder()
    assert found.has_all(4)
    assert not found.has_all(5)
    del found.poses["cube"][4 * TICK]
    assert not found.has_all(4)


def records(successes: list[bool]) -> list[EpisodeRecord]:
    return [
        recorder(missed=1).finish(seed, DONE | {"success": str(ok).lower()})
        for seed, ok in enumerate(successes)
    ]


def test_the_report_has_success_with_interval_latency_and_missed_commands() -> None:
    figures = report(
        {"unguided": records([False] * 4), "guided": records([True] * 3 + [False])}, "task", "name"
    )
    assert (figures["unguided"]["success"], figures["guided"]["success"]) == (0.0, 0.75)
    low, high = figures["guided"]["interval"]
    assert 0.0 < low < 0.75 < high < 1.0
    assert figures["episodes"] == 4
    assert figures["latency_ms"] == {"p50": 12.5, "p99": 12.5, "worst": 12.5}
    seams = figures["guided"]["seams"]
    assert (seams["count"], seams["velocity_rad_s"]) == (4, {"mean": 0.5, "p95": 0.5, "worst": 0.5})
    assert (figures["missed_commands"], figures["commands"]) == (8 * 3, 8 * 4)
    assert {"processor", "cores", "load_1min", "versions"} <= figures["machine"].keys()


def test_an_episode_that_is_over_as_it_begins_counts_without_commands() -> None:
    over = nothing_to_do(3, {"success": "true", "return": "0.0"}, joints=2)
    figures = report({"unguided": [over], "guided": [over]}, "task", "name")
    assert (figures["guided"]["success"], figures["guided"]["steps"], figures["commands"]) == (1.0, 0.0, 0)
    assert figures["latency_ms"]["p50"] is None
