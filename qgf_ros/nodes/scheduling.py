"""Asks the operating system to keep a process's ticks on time: real-time priority, cores of its own, memory that stays.

Each is optional. What is not granted is said in one line, with what would grant it; the node works as well, only less
regularly on a busy machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from qgf_ros.errors import InvalidSetting

TASKS = Path("/proc/self/task")
CAP_IPC_LOCK = 14  # the bit in CapEff of /proc/PID/status that allows to lock memory without a limit
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


@dataclass(frozen=True)
class Wishes:
    """What a process asks for: a priority under SCHED_FIFO (0: none), cores (empty: any), memory locked in RAM."""

    priority: int = 0
    cores: tuple[int, ...] = ()
    lock_memory: bool = False


@dataclass(frozen=True)
class Granted:
    """What came of it, in words: each wish that was granted, each that was not with what to do about it."""

    reached: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return "; ".join([*self.reached, *self.refused]) or "normal"


def schedule(wishes: Wishes) -> Granted:
    """Applies the wishes to every thread that this process has now; threads that these start inherit them."""
    answers = []
    if wishes.cores:
        answers.append(_pin(wishes.cores))
    if wishes.lock_memory:
        answers.append(_lock_memory())
    if wishes.priority:
        answers.append(_raise_priority(wishes.priority))
    return Granted(
        tuple(words for is_granted, words in answers if is_granted),
        tuple(words for is_granted, words in answers if not is_granted),
    )


def unschedule() -> None:
    """Makes every thread an ordinary one again; nothing needs to be granted for that."""
    with contextlib.suppress(OSError, AttributeError):
        for thread in _threads():
            os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def read_cores(text: str) -> tuple[int, ...]:
    """The cores in a list such as `1` or `0,2-3`, ascending; empty for an empty text.

    Raises:
        InvalidSetting: it is no such list.
    """
    cores: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not first.isdecimal() or not last.isdecimal() or int(first) > int(last):
            raise InvalidSetting(
                "Parameter cpu_affinity", text, "numbers of cores such as 1 or 0,2-3, or empty"
            )
        cores |= set(range(int(first), int(last) + 1))
    return tuple(sorted(cores))


def may_lock_memory(limit: int, capabilities: str) -> bool:
    """Whether locking all memory, now and later, cannot fail half-way: without a limit, or with the right to ignore it.

    `limit` is RLIMIT_MEMLOCK's soft value, `capabilities` the hexadecimal CapEff. Under a limit a later allocation would
    fail, which is worse than memory that is not locked.
    """
    return limit == resource.RLIM_INFINITY or bool(int(capabilities, 16) >> CAP_IPC_LOCK & 1)


def capabilities() -> str:
    """CapEff of this process, hexadecimal."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return line.split()[1]
    return "0"


def _threads() -> list[int]:
    return [int(task.name) for task in TASKS.iterdir()]


def _raise_priority(level: int) -> tuple[bool, str]:
    try:
        for thread in _threads():
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(level))
    except (OSError, AttributeError) as error:
        return False, (
            f"real-time priority {level} was not granted ({error}): run as root, or give the user an entry "
            f"`rtprio {level}` in /etc/security/limits.conf"
        )
    return True, f"real-time priority {level}"


def _pin(cores: tuple[int, ...]) -> tuple[bool, str]:
    listed = ",".join(map(str, cores))
    try:
        for thread in _threads():
            os.sched_setaffinity(thread, cores)
    except (OSError, AttributeError) as error:
        return False, f"cores {listed} were not granted ({error}): this machine has 0 to {_last_core()}"
    return True, f"on cores {listed}"


def _last_core() -> int:
    return (os.cpu_count() or 1) - 1


def _lock_memory() -> tuple[bool, str]:
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if not may_lock_memory(limit, capabilities()):
        return False, (
            f"memory was not locked (the limit is {limit // 1024} kB): run as root, or give the user an entry "
            "`memlock unlimited` in /etc/security/limits.conf"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    # Pages stay once they were used. To fetch all that is mapped, unused stacks and arenas too, would take five times as much.
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        return False, f"memory was not locked ({os.strerror(ctypes.get_errno())})"
    return True, "memory locked"
