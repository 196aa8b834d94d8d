"""Checks of ROS 2 on this machine: which rclpy, which middleware, who hears whom, what others have left behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from qgf_ros.doctor.finding import Finding, fail, ok, warn

TRIED = "rmw_fastrtps_cpp"
SEGMENT = re.compile(r"^(?:fastdds|fastrtps)_[0-9a-f]{16}$")
HIGHEST_DOMAIN = 101  # above, Linux gives the same ports to anybody (its ephemeral range)
RANGES = ("SUBNET", "LOCALHOST", "OFF", "SYSTEM_DEFAULT")
MANY_LEFT = 20
LEAST_FREE = 64 * 1024**2
CLEAN = "fastdds shm clean, while no ROS node runs"


def middleware(environment: Mapping[str, str]) -> Finding:
    """Which middleware nodes will use."""
    name = environment.get("RMW_IMPLEMENTATION", "")
    if name in ("", TRIED):
        return ok("middleware", f"{TRIED}{'' if name else ' (by default)'}")
    return warn(
        "middleware",
        f"{name}, with which qgf_ros has not been tried",
        f"unset RMW_IMPLEMENTATION, or set it to {TRIED}",
    )


def shared_memory(folder: Path, mapped: set[str], free_bytes: int) -> Finding:
    """What Fast DDS has in shared memory: segments that no process maps are left from processes that were killed.

    `mapped` are the names of files in `folder` (/dev/shm) that processes have mapped.
    """
    if not folder.is_dir():
        return warn(
            "shared memory", f"{folder} is not there", "mount it: without, messages go over the network stack"
        )
    segments = [path for path in sorted(folder.iterdir()) if SEGMENT.match(path.name)]
    left = [path for path in segments if path.name not in mapped]
    size_mb = sum(path.stat().st_size for path in left) / 1e6
    found = f"{len(segments)} segments of Fast DDS, {len(left)} of them left behind ({size_mb:.0f} MB)"
    if free_bytes < LEAST_FREE:
        return warn(
            "shared memory",
            f"{found}; only {free_bytes / 1e6:.0f} MB free",
            f"{CLEAN}; in a container --shm-size=1g",
        )
    if len(left) > MANY_LEFT:
        return warn("shared memory", found, CLEAN)
    return ok("shared memory", found)


def discovery(environment: Mapping[str, str]) -> Finding:
    """Who can hear these nodes, and move this robot."""
    if environment.get("ROS_LOCALHOST_ONLY", "0") == "1":
        return ok("discovery", "this computer only (ROS_LOCALHOST_ONLY)")
    name = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper()
    if name == "OFF":
        return fail(
            "discovery",
            "ROS_AUTOMATIC_DISCOVERY_RANGE=OFF: nodes do not find one another",
            "unset it, or set LOCALHOST",
        )
    if name == "LOCALHOST":
        return ok("discovery", "this computer only (LOCALHOST)")
    if name and name not in RANGES:
        return fail(
            "discovery", f"ROS_AUTOMATIC_DISCOVERY_RANGE={name} is unknown", f"set one of {', '.join(RANGES)}"
        )
    return warn(
        "discovery",
        "the whole subnet: whoever is in the network and in the same domain can command this robot",
        "set ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST where all nodes run on this computer, else a domain of your own",
    )


def domain(environment: Mapping[str, str]) -> Finding:
    """Which domain nodes are in."""
    text = environment.get("ROS_DOMAIN_ID", "") or "0"
    if not text.isdecimal() or int(text) > 232:
        return fail(
            "domain", f"ROS_DOMAIN_ID={text} is no domain", f"set a number from 0 to {HIGHEST_DOMAIN}"
        )
    if int(text) > HIGHEST_DOMAIN:
        return warn(
            "domain",
            f"{text}: its ports may be taken by any program",
            f"set a number from 1 to {HIGHEST_DOMAIN}",
        )
    return ok("domain", f"{text}{' (everybody starts with it)' if text == '0' else ''}")


def rclpy_places(problem: str, version: str) -> Finding:
    """Whether there is exactly one rclpy; `problem` is the sentence of what is wrong, empty where it was imported."""
    if problem:
        return fail(
            "rclpy", problem, "pip install 'qgf_ros[ros]', or source a ROS 2 installation; never both"
        )
    return ok("rclpy", version)


def ros_time(ros_ns: int, wall_ns: int) -> Finding:
    """Whether ROS time is wall time here; both read at once."""
    apart_s = abs(ros_ns - wall_ns) * 1e-9
    if apart_s > 1.0:
        return warn(
            "ros time",
            f"{apart_s:.1f} s from the wall clock",
            "is a /clock being replayed? set use_sim_time alike on all nodes",
        )
    return ok("ros time", "the wall clock")
