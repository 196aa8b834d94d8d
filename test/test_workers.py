"""Parallel work: results of all jobs, and whatever goes wrong in a process is told, also while it starts, also where it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from parallel_work import deadly, stillborn, times, unable

from qgf_ros.errors import InvalidSetting, QgfError, WorkerDiedError
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


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_process_that_dies_is_told_by_its_signal_and_nobody_waits_for_ever(number: signal.Signals) -> None:
    with pytest.raises(WorkerDiedError, match=number.name):
        list(run_jobs(partial(deadly, int(number)), [1, 13, 2], 2))


def test_a_process_that_dies_while_it_starts_is_told() -> None:
    with pytest.raises(WorkerDiedError, match="SIGKILL"):
        list(run_jobs(stillborn, [1], 1))


@pytest.mark.parametrize("processes", [1, 2])
def test_where_something_stands_for_the_job_of_a_dead_process_all_others_are_done(processes: int) -> None:
    def instead(job: int, error: WorkerDiedError) -> int:
        assert "SIGSEGV" in str(error)
        return -job

    make = partial(deadly, int(signal.SIGSEGV))
    found = list(run_jobs(make, [1, 13, 2, 3], processes, in_order=True, instead=instead))
    assert found == [1, -13, 2, 3]


def test_results_come_as_they_are_made_and_who_stops_asking_ends_the_processes() -> None:
    results = run_jobs(partial(times, 2), range(10**6), 1)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]


def test_ctrl_c_ends_the_processes_too(tmp_path: Path) -> None:
    code = (
        "from functools import partial; from pathlib import Path; from parallel_work import lasting;"
        "from qgf_ros.evaluate.workers import run_jobs;"
        f"list(run_jobs(partial(lasting, Path({str(tmp_path)!r})), [1, 2], 2))"
    )
    root = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (root, root / "sim", root / "test")))
    waiting = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, stderr=subprocess.PIPE
    )
    until(lambda: len(list(tmp_path.iterdir())) == 2)
    waiting.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in waiting.communicate(timeout=60.0)[1]
    until(lambda: not any(Path("/proc", path.name).exists() for path in tmp_path.iterdir()))


def until(is_there: Callable[[], bool]) -> None:
    """Returns when it is; fails after a minute."""
    deadline = time.monotonic() + 60.0
    while not is_there():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
