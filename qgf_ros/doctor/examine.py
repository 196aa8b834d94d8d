"""Gathers the facts on this machine and runs every check. What cannot be looked at is a finding, not an error."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from qgf_ros.doctor import compute, machine, middleware
from qgf_ros.doctor.finding import Finding, tried
from qgf_ros.errors import MissingKernelError, QgfError
from qgf_ros.nodes.scheduling import capabilities

ROOT = Path("/")
SHM = Path("/dev/shm")
WANTED_PRIORITY = 10  # the command node's default
SMI = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
UNSYNCHRONISED, NANOSECONDS = 0x0040, 0x2000  # bits of the kernel's clock status


def examine() -> list[Finding]:
    """Every check on this machine, in the order in which they are shown."""
    checks: dict[str, Callable[[], Finding]] = {
        "kernel": partial(machine.kernel, ROOT),
        "cpu governor": partial(machine.governor, ROOT),
        "cores": lambda: machine.cores(len(os.sched_getaffinity(0)), os.getloadavg()[0]),
        "real-time priority": lambda: machine.realtime_limit(
            resource.getrlimit(resource.RLIMIT_RTPRIO)[0], capabilities(), WANTED_PRIORITY
        ),
        "memory lock": lambda: machine.memory_lock(
            resource.getrlimit(resource.RLIMIT_MEMLOCK)[0], capabilities()
        ),
        "swap": partial(machine.swap, ROOT),
        "disk": lambda: machine.disk(Path.cwd(), shutil.disk_usage(Path.cwd()).free),
        "clock": lambda: machine.clock(_clock_state()),
        "gpu": lambda: compute.gpu(_smi(), _torch_sees_cuda()),
        "engine": _engine,
        "onnxruntime": _onnx,
        "rclpy": _rclpy,
        "middleware": partial(middleware.middleware, os.environ),
        "shared memory": lambda: middleware.shared_memory(SHM, _mapped(SHM), shutil.disk_usage(SHM).free),
        "discovery": partial(middleware.discovery, os.environ),
        "domain": partial(middleware.domain, os.environ),
        "ros time": _ros_time,
    }
    return [tried(name, check) for name, check in checks.items()]


class _Timex(ctypes.Structure):
    """The beginning of Linux's `struct timex`, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _clock_state() -> machine.ClockState:
    """As adjtimex(2) tells, which asks and changes nothing where `modes` is 0."""
    timex = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    unit = 1e-9 if timex.status & NANOSECONDS else 1e-6
    return machine.ClockState(not timex.status & UNSYNCHRONISED, timex.offset * unit, timex.maxerror * 1e-6)


def _smi() -> str | None:
    """The first GPU as nvidia-smi names it; None where there is none."""
    try:
        done = subprocess.run(SMI, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else None


def _torch_sees_cuda() -> bool | None:
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return torch.cuda.is_available()


def _engine() -> Finding:
    from qgf_ros.inference.engines.native.library import load_library

    try:
        level, problem = load_library().qgf_level(b"").decode(), ""
    except MissingKernelError as error:
        level, problem = "", str(error)
    return compute.engine(level, problem, bool(_torch_sees_cuda()))


def _onnx() -> Finding:
    if importlib.util.find_spec("onnxruntime") is None:
        return compute.onnx(None, ())
    import onnxruntime

    return compute.onnx(onnxruntime.__version__, tuple(onnxruntime.get_available_providers()))


def _rclpy() -> Finding:
    from qgf_ros.nodes.runtime import require_rclpy

    try:
        place = Path(require_rclpy().__file__).parent
    except QgfError as error:
        return middleware.rclpy_places(str(error), "")
    wheels = [dist.version for dist in importlib.metadata.distributions(name="ros-rclpy")]
    kind = f"wheel {wheels[0]}" if wheels else f"of ROS {os.environ.get('ROS_DISTRO', '')}".rstrip()
    return middleware.rclpy_places("", f"{kind}, in {place}, Python {sys.version.split()[0]}")


def _mapped(folder: Path) -> set[str]:
    """The names of files in a folder that some process has mapped, as far as this user may see."""
    found: set[str] = set()
    for maps in (ROOT / "proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text().splitlines()
        except OSError:
            continue  # it has ended, or is somebody else's
        found |= {Path(line.split()[-1]).name for line in lines if f"{folder}/" in line}
    return found


def _ros_time() -> Finding:
    from rclpy.clock import Clock, ClockType

    return middleware.ros_time(Clock(clock_type=ClockType.ROS_TIME).now().nanoseconds, time.time_ns())
