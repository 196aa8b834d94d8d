"""Episodes are begun and ended one after the other, and failures count as much as successes."""

from __future__ import annotations

import pytest

from qgf_ros.bags.episodes import Episodes, Outcome
from qgf_ros.errors import NotReadyError


@pytest.mark.parametrize("outcome", list(Outcome), ids=[kind.value for kind in Outcome])
def test_an_episode_begins_and_ends_and_says_so(outcome: Outcome) -> None:
    episodes = Episodes()
    begun, ended = episodes.begin(5), episodes.end(outcome, 9)
    assert begun.values == {"episode": 1, "state": "running", "outcome": "", "stamp_ns": 5}
    assert ended.values == {"episode": 1, "state": "ended", "outcome": outcome.value, "stamp_ns": 9}
    assert ended.words == f"episode 1 ended: {outcome.value}"
    assert episodes.begin(10).number == 2


def test_one_that_runs_must_end_before_the_next() -> None:
    episodes = Episodes()
    episodes.begin(0)
    with pytest.raises(NotReadyError, match="Episode 1 runs: say how it ended"):
        episodes.begin(1)
    assert episodes.is_running


def test_none_that_runs_cannot_end() -> None:
    with pytest.raises(NotReadyError, match="No episode runs: begin one"):
        Episodes().end(Outcome.SUCCESS, 0)


def test_all_outcomes_are_counted() -> None:
    episodes = Episodes()
    for outcome in (Outcome.FAILURE, Outcome.SUCCESS, Outcome.FAILURE):
        episodes.begin(0)
        episodes.end(outcome, 1)
    episodes.begin(2)
    assert episodes.figures == {"begun": 4, "success": 1, "failure": 2, "unmarked": 0}
