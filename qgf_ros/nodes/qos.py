"""Quality of service by stream, with reasons. Both ends of a topic name their profile here."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(reliability: ReliabilityPolicy, durability: DurabilityPolicy, depth: int) -> QoSProfile:
    return QoSProfile(
        reliability=reliability, durability=durability, history=HistoryPolicy.KEEP_LAST, depth=depth
    )


# A request for best effort matches publishers of both kinds; only the newest counts, an old one is worse than none.
SENSOR = _profile(ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE, 5)
# Lockstep waits for every message: none may be lost.
LOCKSTEP_SENSOR = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10)
# A command must arrive, but an older one must never follow a newer one out of a queue.
COMMAND = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 1)
# One chunk is in flight at a time; it must arrive.
CHUNK = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 1)
# Every tick leaves one: recorders and the lockstep need them all.
CERTIFICATE = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10)
# An emergency stop must arrive; where a button's driver keeps its word for latecomers, a second subscription gets that.
EMERGENCY = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10)
EMERGENCY_KEPT = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 1)
# A state, not an event: whoever comes late gets it too.
STATUS = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 1)
# As a state: a goal is in force until another comes, and whoever starts later must know it.
GOAL = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL, 1)
# REP 107: reliable, 1 Hz, several publishers on one topic.
DIAGNOSTICS = _profile(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE, 10)


def sensor(lockstep: bool) -> QoSProfile:
    """The profile to subscribe to a sensor with."""
    return LOCKSTEP_SENSOR if lockstep else SENSOR
