"""The most memory that a process filled since some moment, in bytes, whoever asked for it: Python's tracemalloc sees only Python."""

from __future__ import annotations

import ctypes
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def begin() -> int:
    """What is filled now; the mark of the most is put back to it, so that no earlier one hides what follows.

    What was freed goes back to the system first: filled again, it would not be seen."""
    ctypes.CDLL(None).malloc_trim(0)
    CLEAR.write_text("5")
    return _read("VmRSS")


def most() -> int:
    """The most that was filled since."""
    return _read("VmHWM")


def _read(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) << 10
