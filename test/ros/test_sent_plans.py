"""The plain plans of the verifier's tests are what the node publishes, as the verifier reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'qgf_ros[test]'")
from contract_files import two_joints
from sent_plans import plan_of

from qgf_ros.contract.schema import Output, OutputKind
from qgf_ros.control.gate import CommandGate
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.nodes.outputs import TrajectoryPlan
from qgf_ros.verify.messages import TRAJECTORY, read_sent

pytestmark = pytest.mark.ros
NAMES = ("elbow", "shoulder")
NOTHING = np.zeros(0)


def test_a_plan_as_plain_values_is_the_plan_that_is_published(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    gate, joints = CommandGate(contract, None), contract.interface.joints
    output = Output(OutputKind.TRAJECTORY, "topic", NAMES)
    places = [joints.index(name) for name in NAMES]
    plan = TrajectoryPlan(NAMES, places, contract.tick_ns)
    gate.reset(JointReading(1, joints, np.array([0.1, -0.2]), NOTHING, NOTHING))
    gate.start()
    actions = np.random.default_rng(0).uniform(-0.1, 0.1, (4, 2))
    gate.load(ActionChunk(contract.interface.action.names, actions, 1))
    for tick in range(60):
        command = gate.tick(10_000_000 * (tick + 1), {"shoulder": 0.1, "elbow": -0.2})
        published = read_sent("topic", TRAJECTORY, plan.message(command, gate.unattended))
        assert published == plan_of(command, gate.unattended, output, places, contract.tick_ns)
        assert published.later or tick > 20
