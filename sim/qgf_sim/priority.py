"""A robot waits for nobody: asks the operating system to serve the simulator before ordinary processes."""

from __future__ import annotations

import os
from pathlib import Path


def prefer_this_process(level: int) -> bool:
    """Puts every thread of this process under SCHED_FIFO at `level` (0: leaves them); False where that is not granted."""
    if level == 0:
        return False
    try:
        for task in Path("/proc/self/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(level))
    except (OSError, AttributeError):
        return False
    return True
