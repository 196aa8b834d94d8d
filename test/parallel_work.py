"""What test_workers.py has done in other processes, which import it by its name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from qgf_ros.errors import UnknownTaskError


def times(factor: int) -> Callable[[int], int]:
    """Multiplies each job."""
    return partial(multiplied, factor)


def multiplied(factor: int, job: int) -> int:
    """The product; the thirteenth job is refused."""
    if job == 13:
        raise UnknownTaskError("thirteen", ["twelve"])
    return factor * job


def unable() -> Callable[[int], int]:
    """Cannot even begin."""
    raise UnknownTaskError("nothing", ["something"])


def deadly(number: int) -> Callable[[int], int]:
    """Works, but for the thirteenth job, which ends its process by a signal, as a fault in native code or the kernel would."""
    return partial(killed_by, number)


def killed_by(number: int, job: int) -> int:
    """The job, unless it is the thirteenth."""
    if job == 13:
        os.kill(os.getpid(), number)
        time.sleep(60.0)
    return job


def stillborn() -> Callable[[int], int]:
    """Ends its process while it starts."""
    os.kill(os.getpid(), signal.SIGKILL)
    return partial(multiplied, 1)


def lasting(folder: Path) -> Callable[[int], int]:
    """Leaves the number of its process in `folder`, and works longer than anybody waits."""
    (folder / str(os.getpid())).touch()
    return partial(sleeping, 600.0)


def sleeping(seconds: float, job: int) -> int:
    """The job, late."""
    time.sleep(seconds)
    return job
