"""Figures of a stream of commands: what counts as a tick without a command, as fresh, as lost, as jitter."""

from __future__ import annotations

import numpy as np
import pytest

from qgf_ros.evaluate.command_stream import (
    Certificate,
    Topic,
    Window,
    command_figures,
    spread,
)

PERIOD_NS = 10_000_000


def ticks(rungs: list[str], commands: int = 2, missed: int = 0) -> list[Certificate]:
    """One certificate a period, the first at one period."""
    return [Certificate((index + 1) * PERIOD_NS, rung, commands, missed) for index, rung in enumerate(rungs)]


def sent_at(times_ns: list[int]) -> Topic:
    """Messages that arrive at once."""
    times = np.array(times_ns, np.int64)
    return Topic(times, times)


REGULAR = sent_at([index * PERIOD_NS for index in range(1, 9)])
ALL = [Window(PERIOD_NS, 8 * PERIOD_NS)]


def test_rungs_are_counted_within_episodes_only() -> None:
    certificates = ticks(["hold", "hold", "tail", "chunk", "chunk", "chunk", "tail", "hold"])
    figures = command_figures(certificates, [Window(3 * PERIOD_NS, 7 * PERIOD_NS)], REGULAR, PERIOD_NS)
    assert figures["rungs"] == {"chunk": 3, "tail": 2, "hold": 0, "stop": 0}
    assert (figures["ticks"], figures["episode_ticks"]) == (8, 5)
    assert figures["fresh_share"] == pytest.approx(3 / 5)
    assert figures["fresh_share_after_first"] == pytest.approx(3 / 4)


def test_a_dropped_tick_and_one_that_sends_nothing_are_both_without_a_command() -> None:
    silent = [*ticks(["chunk"] * 3), Certificate(4 * PERIOD_NS, "stop", 0, 2)]
    figures = command_figures(silent, ALL, REGULAR, PERIOD_NS)
    assert (figures["ticks_without_command"], figures["missed_ticks"]) == (3, 2)


def test_ticks_at_which_the_arm_stands_away_from_where_it_rested_are_counted_apart() -> None:
    """A simulator began anew: nothing is sent until the reset, and nothing is owed."""
    silent = [Certificate(index * PERIOD_NS, "hold", 0, 0, why) for index, why in ((4, "away"), (5, "stale"))]
    figures = command_figures([*ticks(["chunk"] * 3), *silent], ALL, REGULAR, PERIOD_NS)
    assert (figures["ticks"], figures["ticks_without_command"], figures["ticks_away"]) == (5, 1, 1)


def test_before_the_first_command_none_is_owed_and_an_announcement_is_no_tick() -> None:
    early = [Certificate(1, "hold", 0, 0), Certificate(0, "hold", 0, 0), *ticks(["chunk"] * 3)]
    figures = command_figures(early, ALL, REGULAR, PERIOD_NS)
    assert (figures["ticks"], figures["ticks_without_command"]) == (3, 0)


def test_a_regular_stream_has_no_jitter_and_a_late_message_counts_on_both_sides() -> None:
    late = np.array([1, 2, 3.4, 4, 5]) * PERIOD_NS
    figures = command_figures(ticks(["chunk"] * 5), ALL, sent_at(late.astype(int).tolist()), PERIOD_NS)
    jitter = figures["jitter_sent_ms"]
    assert jitter == {
        "count": 4,
        "p50": pytest.approx(2.0),
        "p99": pytest.approx(4.0),
        "worst": pytest.approx(4.0),
    }
    regular = command_figures(ticks(["chunk"] * 8), ALL, REGULAR, PERIOD_NS)["jitter_received_ms"]
    assert regular == {"count": 7, "p50": 0.0, "p99": 0.0, "worst": 0.0}


def test_the_break_between_two_episodes_is_no_jitter() -> None:
    times = [PERIOD_NS, 2 * PERIOD_NS, 50 * PERIOD_NS, 51 * PERIOD_NS]
    windows = [Window(PERIOD_NS, 2 * PERIOD_NS), Window(50 * PERIOD_NS, 51 * PERIOD_NS)]
    figures = command_figures(ticks(["chunk"]), windows, sent_at(times), PERIOD_NS)
    assert figures["jitter_sent_ms"] == {"count": 2, "p50": 0.0, "p99": 0.0, "worst": 0.0}


def test_nothing_measured_is_said_as_such() -> None:
    assert spread(np.zeros(0)) == {"count": 0}
    figures = command_figures([], [], sent_at([]), PERIOD_NS)
    assert (figures["ticks"], figures["fresh_share"]) == (0, 0.0)
