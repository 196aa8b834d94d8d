"""The study of docs/adr/0021 compares what it says: the same chunk is slowed down, bent, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arm_poses import CENTRE
from contract_files import SHIPPED

pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from usefulness import Verdicts, line_of, make_gate, ratios

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
    gate, names = make_gate(contract, verdicts), contract.interface.joints
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


@pytest.fixture
def with_pole(tmp_path: Path) -> Contract:
    """The contract with a pole in its scene, where `FAST` leads the tool."""
    contract = load_contract(SHIPPED)
    assert contract.scene_path is not None
    at, _ = Kinematics(contract).tool(CENTRE)
    place = " ".join(f"{value:.3f}" for value in at + np.array([0.0, 0.13, 0.0]))
    pole = f'<geom name="pole" type="box" pos="{place}" size="0.02 0.02 0.3"/>'
    scene = tmp_path / "scene.xml"
    scene.write_text(contract.scene_path.read_text().replace("<worldbody>", f"<worldbody>{pole}", 1))
    return replace(contract, deployment=replace(contract.deployment, scene=str(scene)))


@pytest.mark.parametrize("verdicts", [Verdicts.ALL, Verdicts.REJECT])
def test_who_looks_at_a_chunk_beforehand_has_the_shield_that_the_contract_declares(
    with_pole: Contract, verdicts: Verdicts
) -> None:
    with pytest.raises(ChunkRefused, match="pole"):
        play(ready(with_pole, verdicts))


def test_clamping_alone_goes_where_it_is_led(with_pole: Contract) -> None:
    assert {command.speed for command in play(ready(with_pole, Verdicts.CLAMP))} == {1.0}


def test_success_under_all_limits_is_told_as_a_ratio_to_none_and_to_clamping_alone() -> None:
    cells = {
        "all_limits": [{"success": True}, {"success": True}],
        "no_limits": [{"success": True}, {"success": False}],
        "clamp_only": [{"success": True}, {"success": True}],
    }
    assert ratios(cells) == {"no_limits": 2.0, "clamp_only": 1.0}
    assert ratios({"all_limits": cells["all_limits"]}) == {}


def test_a_cell_is_told_in_one_line() -> None:
    outcome = {"success": True, "steps": 70, "chunks": 20, "refused": 5, "slowed": 0.25, "clamped": 0.5}
    assert line_of([outcome]).startswith("1.00 [0.21, 1.00] of 1  periods  70.0  chunks refused 0.250")
