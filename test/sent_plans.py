"""What leaves on an output that takes trajectories, as plain values: sampled as `nodes/outputs.py` does, without ROS."""

from __future__ import annotations

import numpy as np

from qgf_ros.contract.schema import Output
from qgf_ros.control.unattended import Unattended
from qgf_ros.datatypes import JointCommand
from qgf_ros.verify.plan import Point
from qgf_ros.verify.sent import Sent

SAMPLE_S, SHORTEST_S = 0.02, 1e-4  # as there; test/ros/test_sent_plans.py compares


def plan_of(
    command: JointCommand, unattended: Unattended, output: Output, places: list[int], tick_ns: int
) -> Sent:
    """The trajectory of an output's joints, at `places` among the contract's, from the command to rest if nothing follows."""
    seconds = unattended.seconds
    inner = np.arange(0.0, seconds - SHORTEST_S, SAMPLE_S).tolist()
    times = [0.0] if seconds < SHORTEST_S else [*inner, seconds]
    points = [
        Point(tuple(motion.positions[places].tolist()), tuple(motion.velocities[places].tolist()), time_ns)
        for motion, time_ns in zip(
            [command, *unattended.motions(np.array(times))[1:]],
            [tick_ns + round(time * 1e9) for time in times],
            strict=True,
        )
    ]
    points[-1] = Point(points[-1].positions, (0.0,) * len(places), points[-1].time_ns)
    first, later = points[0], tuple(points[1:])
    return Sent(output.topic, first.positions, first.velocities, output.joints, first.time_ns, later)
