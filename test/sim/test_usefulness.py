"""The study of docs/adr/0021 compares what it says: the same chunk is slowed down, bent, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from arm_poses import CENTRE
from contract_files import SHIPPED

pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from usefulness import GATES, Verdicts, line_of

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.datatypes import ActionChunk, JointCommand, JointReading
from qgf_ros.errors import ChunkRefused

pytestmark = pytest.mark.sim

FAST = np.tile([0.0, 0.04, 0.0, 0.0, 0.0], (5, 1))


@pytest.fixture(scope="module")
def slow() -> Contract:
    contract = load_contract(SHIPPED)
    return LimitsInForce.of(contract).first_run().applied(contract)


def ready(contract: Contract, verdicts: Verdicts) -> CommandGate:
    gate, names = GATES[verdicts](contract, Kinematics(contract)), contract.interface.joints
    here = CENTRE | {"finger_joint": 0.2}
    gate.reset(JointReading(0, names, np.array([here[name] for name in names]), np.zeros(7), np.zeros(0)))
    gate.start()
    return gate


def play(gate: CommandGate, ticks: int = 25) -> list[JointCommand]:
    gate.load(ActionChunk(("x", "y", "z", "yaw", "finger_joint"), FAST, 1))
    measured = dict.fromkeys(gate.limits.joints, 0.0)
    return [gate.tick(10_000_000 * (tick + 1), measured) for tick in range(ticks)]


def test_all_limits_slow_the_path_and_clamping_alone_does_not(slow: Contract) -> None:
    slowed, bent = play(ready(slow, Verdicts.ALL)), play(ready(slow, Verdicts.CLAMP))
    assert min(command.speed for command in slowed) < 0.9
    assert {command.speed for command in bent} == {1.0}


def test_rejecting_refuses_the_chunk_that_would_be_slowed_down(slow: Contract) -> None:
    gate = ready(slow, Verdicts.REJECT)
    with pytest.raises(ChunkRefused, match="more than the limits allow"):
        play(gate)
    assert gate.wants_chunk


def test_under_the_contracts_own_limits_none_of_them_touches_that_chunk() -> None:
    contract = load_contract(SHIPPED)
    streams = [play(ready(contract, verdicts)) for verdicts in Verdicts]
    for stream in streams[1:]:
        for ours, first in zip(stream, streams[0], strict=True):
            np.testing.assert_array_equal(ours.positions, first.positions)


def test_a_cell_is_told_in_one_line() -> None:
    outcome = {"success": True, "steps": 70, "chunks": 20, "refused": 5, "slowed": 0.25, "clamped": 0.5}
    assert line_of([outcome]).startswith("1.00 [0.21, 1.00] of 1  periods  70.0  chunks refused 0.250")
