"""Where the arm stands and whether motion may begin there: checks of a measured pose, each with its refusal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import JointReading
from qgf_ros.errors import MotionRefused, ObservationRefused

MAX_TILT_RAD = 0.1  # of the tool at the start: what the first action would straighten


def measured_positions(reading: JointReading, joints: tuple[str, ...]) -> dict[str, float]:
    """Joint positions by name (rad), for these joints.

    Raises:
        ObservationRefused: reason `joint`, `shape` or `not_finite`.
    """
    names, count = reading.names, len(reading.positions)
    if count != len(names) or len(set(names)) != len(names):
        sentence = f"The joint states have {count} positions for the names {', '.join(names) or 'none'}"
        raise ObservationRefused("shape", f"{sentence}; each joint needs one.")
    found = dict(zip(names, reading.positions.tolist(), strict=True))
    missing = [joint for joint in joints if joint not in found]
    if missing:
        sentence = f"The joint states lack {', '.join(missing)}: they name {', '.join(names) or 'none'}."
        raise ObservationRefused("joint", sentence)
    positions = {joint: found[joint] for joint in joints}
    if not np.isfinite(list(positions.values())).all():
        raise ObservationRefused("not_finite", "The joint states hold positions that are not finite.")
    return positions


def check_near(
    measured: Mapping[str, float], commanded: Mapping[str, float], limits: Mapping[str, JointLimits]
) -> None:
    """Returns where the arm (rad, by name) stands at the command: what is sent next is then no jump.

    Raises:
        MotionRefused: reason `away`; a joint is further off than its `start_error`.
    """
    for joint, limit in limits.items():
        error = abs(measured[joint] - commanded[joint])
        if error > limit.start_error:
            sentence = (
                f"Joint '{joint}' stands {error:.3f} from the command; {limit.start_error:g} is allowed at a start. "
                "Something else has moved or stopped the arm: call reset, which takes the measured pose as the command."
            )
            raise MotionRefused("away", sentence)


def check_tilt(kinematics: Kinematics, commanded: Mapping[str, float]) -> None:
    """Returns where the tool is upright enough for actions that keep its attitude.

    Raises:
        MotionRefused: reason `tilted`; it leans by more than `MAX_TILT_RAD`, and the first action would swing it upright
            whatever it asks for.
    """
    tilt = kinematics.tilt(commanded)
    if tilt > MAX_TILT_RAD:
        sentence = (
            f"The tool leans {np.degrees(tilt):.1f} degrees from the attitude that actions keep; "
            f"bring it within {np.degrees(MAX_TILT_RAD):.1f} degrees by the robot's own means before starting."
        )
        raise MotionRefused("tilted", sentence)
