"""The most memory that a process filled since some moment, in bytes, whoever asked for it: Python's tracemalloc sees only Python."""

from __future__ import annotations

from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def begin() -> int:
    """What is filled now; the mark of the most is put back to it, so that no earlier one hides what follows."""
    CLEAR.write_text("5")
    return _read("VmRSS")


def most() -> int:
    """The most that was filled since."""
    return _read("VmHWM")


def data() -> int:
    """Memory of its own that it asked for, filled or not: what RLIMIT_DATA limits."""
    return _read("VmData")


def _read(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) << 10
