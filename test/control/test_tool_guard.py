"""The commanded tool stays in its box and below its speed, whatever chunks, scales and stops come; and so does every stop."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from arm_poses import CENTRE, pose
from boxed_tool import BOX, TICK_NS, assert_tool_inside, ready
from contract_files import SHIPPED
from hypothesis import given, settings
from hypothesis import strategies as st
from limit_checks import assert_inside_limits

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, ToolLimits
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, Rung
from qgf_ros.errors import ChunkRefused

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")

SPEED = 0.3


@pytest.fixture(scope="module")
def contract() -> Contract:
    found = load_contract(SHIPPED)
    deployment = dataclasses.replace(found.deployment, tool=ToolLimits(SPEED, BOX), scene=None)
    return dataclasses.replace(found, deployment=deployment)


@pytest.fixture(scope="module")
def kinematics(contract: Contract) -> Kinematics:
    return Kinematics(contract)


def play(gate: CommandGate, actions: FloatArray, ticks: int, scale: float = 1.0) -> list[JointCommand]:
    """Plays chunks of actions (H, A) in [-1, 1], one after another; those that are refused are left out."""
    names, commands = ("x", "y", "z", "yaw", "finger_joint"), [gate.last_command(0)]
    for tick in range(ticks):
        now_ns = gate.last_command(0).tick * TICK_NS
        if gate.wants_chunk:
            try:
                gate.load(ActionChunk(names, gate.action_space.physical(actions), now_ns + 1))
            except ChunkRefused:
                actions = -actions
        commands.append(gate.tick(now_ns, dict.fromkeys(gate.limits.joints, 0.0), scale))
        del tick
    return commands


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(*[st.sampled_from([-1.0, -0.3, 0.0, 1.0])] * 5), min_size=1, max_size=6),
    scale=st.sampled_from([0.3, 1.0]),
    stop=st.integers(1, 40),
)
def test_no_chunks_and_stops_lead_the_tool_outside(
    contract: Contract, kinematics: Kinematics, steps: list[tuple[float, ...]], scale: float, stop: int
) -> None:
    gate = ready(contract, kinematics)
    commands = [gate.last_command(0)]
    for step in steps:
        commands += play(gate, np.tile(step, (5, 1)), 12, scale)[1:]
    commands += play(gate, np.tile(steps[0], (5, 1)), stop)[1:]
    gate.hold("test")
    commands += play(gate, np.zeros((5, 5)), 60)[1:]
    assert commands[-1].rung is Rung.HOLD
    assert_tool_inside(kinematics, commands, SPEED)
    assert_inside_limits(contract, np.array([[c.positions, c.velocities, c.accelerations] for c in commands]))


def test_along_a_straight_way_the_tool_keeps_close_to_its_speed_without_braking(
    contract: Contract, kinematics: Kinematics
) -> None:
    """Slow down first: a guard that braked and let go would shake the arm."""
    wide = ToolLimits(SPEED, ((0.2, -0.4, 0.0), (0.65, 0.4, 0.45)))
    deployment = dataclasses.replace(contract.deployment, tool=wide)
    gate = ready(dataclasses.replace(contract, deployment=deployment), kinematics)
    commands = play(gate, np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (5, 1)), 80)
    quick = QuickKinematics(kinematics)
    speeds = [quick.tool_motion(command.positions[:6], command.velocities[:6])[1] for command in commands]
    assert 0.5 * SPEED < np.mean(speeds[30:]) <= SPEED
    found = {str(finding) for command in commands for finding in command.findings}
    assert "slow:tool_speed:tool" in found
    assert "clamp:tool_speed:tool" not in found


def test_a_tool_that_stands_outside_its_box_may_come_in_but_not_go_further_out(
    contract: Contract, kinematics: Kinematics
) -> None:
    outside = pose(kinematics, np.array([0.42, 0.1, 0.2]))
    quick = QuickKinematics(kinematics)
    for way, farthest in ((1.0, 0.1 + 1e-4), (-1.0, 0.07)):
        gate = ready(contract, kinematics, outside)
        last = play(gate, np.tile([0.0, way, 0.0, 0.0, 0.0], (5, 1)), 60)[-1]
        assert quick.tool_motion(last.positions[:6], last.velocities[:6])[0][1] <= farthest


def test_without_bounds_of_the_tool_none_are_kept(contract: Contract, kinematics: Kinematics) -> None:
    free = dataclasses.replace(contract, deployment=dataclasses.replace(contract.deployment, tool=None))
    commands = play(ready(free, kinematics), np.tile([0.0, 1.0, 0.0, 0.0, 0.0], (5, 1)), 60)
    assert not any("tool" in str(finding) for command in commands for finding in command.findings)


@given(st.tuples(*[st.floats(-0.04, 0.04)] * 3), st.floats(-0.3, 0.3))
def test_quick_kinematics_give_the_same_answers(
    kinematics: Kinematics, step: tuple[float, float, float], turn: float
) -> None:
    quick = QuickKinematics(kinematics)
    here, yaw = kinematics.tool(CENTRE)
    np.testing.assert_allclose(quick.tool(CENTRE)[0], here, atol=1e-12)
    assert quick.tool(CENTRE)[1] == pytest.approx(yaw, abs=1e-9)
    exact, _ = kinematics.solve(here + step, yaw + turn, CENTRE)
    found, _ = quick.solve(here + step, yaw + turn, CENTRE)
    assert found == pytest.approx(exact, abs=1e-4)
