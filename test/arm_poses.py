"""Upright poses of the shipped arm for tests, reached as a robot reaches them: in steps no longer than an action's."""

from __future__ import annotations

import numpy as np

from qgf_ros.control.kinematics import TOLERANCE, Kinematics
from qgf_ros.datatypes import FloatArray

STEP_M, STEP_RAD = 0.05, 0.3
# The tool at (0.42, 0, 0.2) m, yaw 0, in the middle of the contract's workspace.
CENTRE = {
    "shoulder_pan_joint": -1.8955,
    "shoulder_lift_joint": -1.7439,
    "elbow_joint": 2.0707,
    "wrist_1_joint": -1.8976,
    "wrist_2_joint": -1.5708,
    "wrist_3_joint": -0.3247,
}


def pose(
    kinematics: Kinematics, position: FloatArray, yaw: float = 0.0, finger: float = 0.2
) -> dict[str, float]:
    """Joints, finger among them, that hold the tool upright at `position` (3,) m and `yaw` rad."""
    start, start_yaw = kinematics.tool(CENTRE)
    steps = int(max(np.linalg.norm(position - start) / STEP_M, abs(yaw - start_yaw) / STEP_RAD)) + 1
    joints = CENTRE
    for share in np.linspace(0.0, 1.0, steps + 1)[1:]:
        joints, error = kinematics.solve(
            start + share * (position - start), start_yaw + share * (yaw - start_yaw), joints
        )
        assert error < TOLERANCE
    return joints | {"finger_joint": finger}
