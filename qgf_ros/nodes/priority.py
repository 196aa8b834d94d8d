"""Asks the operating system to serve this process before ordinary ones, so that ticks keep their time on a busy computer."""

from __future__ import annotations

import os
from pathlib import Path


def raise_priority(level: int) -> str:
    """Puts every thread of this process under the real-time scheduler (SCHED_FIFO) at `level`; 0 leaves all as it is.

    Gives what was reached, in words for a diagnostic. It takes root, CAP_SYS_NICE or an entry `rtprio` in limits.conf;
    without, the node works as well, but ticks compete with other processes.
    """
    if level == 0:
        return "normal"
    try:
        for task in Path("/proc/self/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(level))
    except (OSError, AttributeError) as error:
        return f"normal (real-time priority {level} was not granted: {error})"
    return f"real-time priority {level}"
