"""Jobs in parallel processes, each of which makes once what its jobs need, such as a simulation and a policy.

Not `multiprocessing.Pool`, which waits for ever for the job of a process that died: here each process has a pipe of its own, whose
end tells its death, and whose job it was.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from qgf_ros.errors import InvalidSetting, QgfError, WorkerDiedError

Job = TypeVar("Job")
Done = TypeVar("Done")
Make = Callable[[], Callable[[Any], Any]]
Answer = tuple[bool, Any]  # whether the job was done; its result, or what it raised
CONTEXT = multiprocessing.get_context("spawn")


def run_jobs(
    make: Callable[[], Callable[[Job], Done]],
    jobs: Sequence[Job],
    processes: int,
    in_order: bool = False,
    instead: Callable[[Job, WorkerDiedError], Done] | None = None,
) -> Iterator[Done]:
    """What each job gave, as they end, or in order. `make` gives what does a job; it is called once in each process.

    `make`, jobs and results travel between processes: `make` is a function of a module, or a `partial` of one. `instead` stands
    for the job of a process that died, and the others are done in another one. All processes end when nobody asks any more.

    Raises:
        InvalidSetting: fewer than one process.
        WorkerDiedError: a process died, and there is no `instead`.
        Exception: whatever `make` or a job raises.
    """
    if processes < 1:
        raise InvalidSetting("processes", processes, "at least 1")
    os.environ.setdefault("MUJOCO_GL", "disable")
    waiting = deque(enumerate(jobs))
    workers = [_Worker(make) for _ in range(min(processes, len(jobs)))]
    kept: dict[int, Done] = {}  # in order: results that came before their turn
    turn = 0
    try:
        for worker in workers:
            worker.begin(*waiting.popleft())
        while busy := {worker.pipe: worker for worker in workers if worker.is_busy}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                number = worker.number
                try:
                    done = worker.result()
                except WorkerDiedError as error:
                    if instead is None:
                        raise
                    done = instead(worker.job, error)
                    worker.end()
                    workers.remove(worker)
                    if waiting:
                        worker = _Worker(make)
                        workers.append(worker)
                if waiting:
                    worker.begin(*waiting.popleft())
                if not in_order:
                    yield done
                    continue
                kept[number] = done
                while turn in kept:
                    yield kept.pop(turn)
                    turn += 1
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that does one job after the other. State: `number` and `job` of the one that it does or did last."""

    def __init__(self, make: Make) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(make, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that this end ends with the process
        self.is_busy, self.number = False, -1
        self.job: Any = None

    def begin(self, number: int, job: Any) -> None:
        """Gives it a job."""
        self.is_busy, self.number, self.job = True, number, job
        with contextlib.suppress(OSError):  # it has died: `result` tells how
            self.pipe.send(job)

    def result(self) -> Any:
        """Waits for what the job gave. Raises WorkerDiedError, or what the job or its beginning raised."""
        self.is_busy = False
        try:
            is_done, value = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise WorkerDiedError(_how(self._process.exitcode or 0)) from None
        if not is_done:
            raise value
        return value

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _how(exit_code: int) -> str:
    known = {number.value: number.name for number in signal.Signals}
    return f"exit code {exit_code}" if exit_code >= 0 else known.get(-exit_code, f"signal {-exit_code}")


def _serve(make: Make, pipe: Connection) -> None:
    """What a worker process does until nobody is there who asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits, which ends this one
    work = _made(make)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(work, job))


def _made(make: Make) -> Callable[[Any], Any]:
    try:
        return make()
    except Exception as error:
        return partial(_raise, error)  # for the first job to raise, in the process that waits for it


def _answer(work: Callable[[Any], Any], job: Any) -> Answer:
    try:
        return True, work(job)
    except Exception as error:
        if not isinstance(error, QgfError):
            error.add_note(traceback.format_exc())  # where it was raised is not seen in the other process
        return False, error


def _raise(error: Exception, _job: Any) -> Any:
    raise error
