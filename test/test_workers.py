"""Parallel work: results of all jobs, and whatever goes wrong in a process is told, also while it starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from parallel_work import times, unable

from qgf_ros.errors import InvalidSetting, QgfError
from qgf_ros.evaluate.workers import run_jobs


def test_every_job_is_done_once_in_order_where_that_is_asked_for() -> None:
    assert sorted(run_jobs(partial(times, 2), range(5), 2)) == [0, 2, 4, 6, 8]
    assert list(run_jobs(partial(times, 3), range(4), 2, in_order=True)) == [0, 3, 6, 9]


@pytest.mark.parametrize(("make", "word"), [(unable, "nothing"), (partial(times, 1), "thirteen")])
def test_a_users_mistake_in_a_process_is_told_and_nobody_waits_for_ever(
    make: Callable[[], Callable[[int], int]], word: str
) -> None:
    with pytest.raises(QgfError, match=f"no task '{word}'"):
        list(run_jobs(make, [13], 1))


def test_without_jobs_nothing_starts_and_without_processes_nothing_can() -> None:
    assert list(run_jobs(unable, [], 1)) == []
    with pytest.raises(InvalidSetting, match="processes is 0, but it must be at least 1"):
        list(run_jobs(unable, [1], 0))
