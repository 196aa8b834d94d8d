"""Checks of kernel, processors, limits, memory, disk and clock. `root` is where the system's files begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgf_ros.doctor.finding import Finding, fail, ok, warn
from qgf_ros.nodes.scheduling import may_lock_memory

CAP_SYS_NICE = 23  # the bit of CapEff in /proc/PID/status that allows to set priorities
LIMITS_FILE = "/etc/security/limits.conf"
GB = 1024**3
OFFSET_WARN_S = 0.001  # between two computers of one graph; ages are counted in ms


def kernel(root: Path) -> Finding:
    """Whether the kernel can keep a real-time process on time."""
    release = (root / "proc/sys/kernel/osrelease").read_text().strip()
    flag = root / "sys/kernel/realtime"
    if flag.is_file() and flag.read_text().strip() == "1":
        return ok("kernel", f"{release} with PREEMPT_RT")
    return warn(
        "kernel",
        f"{release} without PREEMPT_RT: ticks can come late by milliseconds under load",
        "for a real robot install a kernel with PREEMPT_RT (Debian: linux-image-rt-amd64; Ubuntu: pro enable realtime-kernel)",
    )


def governor(root: Path) -> Finding:
    """Whether processors keep their highest clock."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    found = sorted({path.read_text().strip() for path in files})
    if not found:
        return ok("cpu governor", "the clock is not set here, as in a virtual machine")
    if found == ["performance"]:
        return ok("cpu governor", f"performance on {len(files)} cores")
    return warn(
        "cpu governor",
        f"{', '.join(found)}: after a pause the first steps are slow",
        "sudo cpupower frequency-set -g performance",
    )


def cores(count: int, load: float) -> Finding:
    """Whether there is room for simulator or drivers, policy and command node."""
    found = f"{count} cores, load {load:.1f}"
    if count < 2:
        return warn(
            "cores", found, "give the graph two cores at least: a chunk is computed while commands go on"
        )
    if load > 0.75 * count:
        return warn(
            "cores", found, "stop what else computes here, or give the command node a core: cpu_affinity"
        )
    return ok("cores", found)


def realtime_limit(limit: int, capabilities: str, wanted: int) -> Finding:
    """Whether the command node will be granted its priority (`wanted`); `limit` is RLIMIT_RTPRIO, `capabilities` CapEff."""
    if int(capabilities, 16) >> CAP_SYS_NICE & 1:
        return ok("real-time priority", "granted to this user without a limit")
    if limit >= wanted:
        return ok("real-time priority", f"granted up to {limit}")
    return warn(
        "real-time priority",
        f"{wanted} is not granted (limit {limit}): ticks compete with every other process",
        f"add `USER - rtprio {wanted}` to {LIMITS_FILE} and log in again; in a container --cap-add SYS_NICE",
    )


def memory_lock(limit: int, capabilities: str) -> Finding:
    """Whether the command node may lock its memory; `limit` is RLIMIT_MEMLOCK, bytes."""
    if may_lock_memory(limit, capabilities):
        return ok("memory lock", "granted without a limit")
    return warn(
        "memory lock",
        f"limited to {limit // 1024} kB: a tick may wait for a page from the disk",
        f"add `USER - memlock unlimited` to {LIMITS_FILE} and log in again; in a container --ulimit memlock=-1",
    )


def swap(root: Path) -> Finding:
    """Whether memory is on the disk."""
    facts = dict(
        line.split(":", 1) for line in (root / "proc/meminfo").read_text().splitlines() if ":" in line
    )
    total, free = (int(facts[name].split()[0]) for name in ("SwapTotal", "SwapFree"))
    if not total:
        return ok("swap", "none")
    if total == free:
        return ok("swap", f"{total / 1024**2:.1f} GB, unused")
    found = f"{(total - free) / 1024:.0f} MB are swapped out"
    return warn("swap", found, "free memory, then sudo swapoff -a && sudo swapon -a; or set lock_memory")


def disk(folder: Path, free_bytes: int) -> Finding:
    """Whether there is room for recordings and checkpoints."""
    found = f"{free_bytes / GB:.1f} GB free at {folder}"
    if free_bytes < GB // 2:
        return fail("disk", found, "make room: a recording takes 10 MB a minute, a checkpoint 10 MB")
    if free_bytes < 5 * GB:
        return warn("disk", found, "make room before recording or collecting")
    return ok("disk", found)


@dataclass(frozen=True)
class ClockState:
    """What the kernel says of its clock: disciplined by a time server or not, and by how much it may be wrong, s."""

    is_synchronised: bool
    offset_s: float
    error_s: float


def clock(state: ClockState) -> Finding:
    """Whether stamps of this computer can be compared with those of another."""
    if not state.is_synchronised:
        return warn(
            "clock",
            "not synchronised: stamps from another computer will seem old, or from the future",
            "where the graph spans computers, run chrony on each with one of them as server",
        )
    found = f"synchronised, offset {state.offset_s * 1e3:.3f} ms, error at most {state.error_s * 1e3:.1f} ms"
    if abs(state.offset_s) > OFFSET_WARN_S:
        return warn("clock", found, "wait until the time server has settled it, or use one nearer by")
    return ok("clock", found)
