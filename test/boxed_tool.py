"""An arm whose tool is held in a small box around `arm_poses.CENTRE`: what tests of the tool's bounds share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from arm_poses import CENTRE

from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits import Motion
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.datatypes import JointCommand, JointReading

TICK_NS, TICK_S = 10_000_000, 0.01
ROUNDING = 1e-8  # m and m/s: of a stop that is planned anew each tick
BOX = ((0.36, -0.06, 0.14), (0.48, 0.06, 0.26))  # six centimetres around CENTRE, inside the workspace


def ready(contract: Contract, kinematics: Kinematics, joints: dict[str, float] = CENTRE) -> CommandGate:
    """A gate at rest at these joints, started."""
    gate, names = CommandGate(contract, kinematics), contract.interface.joints
    here = joints | {"finger_joint": 0.2}
    gate.reset(JointReading(0, names, np.array([here[name] for name in names]), np.zeros(7), np.zeros(0)))
    gate.start()
    return gate


def assert_tool_inside(
    kinematics: Kinematics, motions: Sequence[Motion | JointCommand], speed: float
) -> None:
    """In the box and at most at `speed` at every tick, and on the average between two."""
    quick = QuickKinematics(kinematics)
    found = [quick.tool_motion(motion.positions[:6], motion.velocities[:6]) for motion in motions]
    places, speeds = np.array([place for place, _ in found]), np.array([at for _, at in found])
    assert np.all(places >= np.array(BOX[0]) - ROUNDING)
    assert np.all(places <= np.array(BOX[1]) + ROUNDING)
    assert speeds.max() <= speed + ROUNDING
    between = np.linalg.norm(np.diff(places, axis=0), axis=1) / TICK_S
    assert between.max(initial=0.0) <= speed + 1e-6  # differences of rounded positions over a tick
