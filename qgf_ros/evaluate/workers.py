"""Jobs in parallel processes, each of which makes once what its jobs need, such as a simulation and a policy."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qgf_ros.errors import InvalidSetting

Job = TypeVar("Job")
Done = TypeVar("Done")


def run_jobs(
    make: Callable[[], Callable[[Job], Done]], jobs: Sequence[Job], processes: int, in_order: bool = False
) -> Iterator[Done]:
    """What each job gave, as they end, or in order. `make` gives what does a job; it is called once in each process.

    `make`, jobs and results travel between processes: `make` is a function of a module, or a `partial` of one.

    Raises:
        InvalidSetting: fewer than one process.
        Exception: whatever `make` or a job raises. A pool alone would begin another process for one that cannot start, for ever.
    """
    if processes < 1:
        raise InvalidSetting("processes", processes, "at least 1")
    if not jobs:
        return
    os.environ.setdefault("MUJOCO_GL", "disable")
    with multiprocessing.get_context("spawn").Pool(min(processes, len(jobs)), _start, (make,)) as pool:
        yield from (pool.imap if in_order else pool.imap_unordered)(_run, jobs)


_work: Callable[[Any], Any] | Exception | None = None  # of a worker process


def _start(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _work
    try:
        _work = make()
    except Exception as error:  # for the first job to raise, in the process that waits for it
        _work = error


def _run(job: Any) -> Any:
    if isinstance(_work, Exception):
        raise _work
    assert _work is not None, "the pool's initializer has run"
    return _work(job)
