"""A controller that was given a plan and is then left alone keeps the tool in its box and below its speed; so does what follows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from boxed_tool import BOX, TICK_NS, TICK_S, assert_tool_inside, ready
from contract_files import SHIPPED
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind, ToolLimits
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.quick_kinematics import QuickKinematics
from qgf_ros.datatypes import ActionChunk
from qgf_ros.errors import ChunkRefused

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")

SPEED = 0.25
NAMES = ("x", "y", "z", "yaw", "finger_joint")


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The shipped one with a bounded tool, its arm under a controller that follows plans, its gripper under one that holds."""
    found = load_contract(SHIPPED)
    arm, gripper = found.deployment.outputs
    outputs = (dataclasses.replace(arm, kind=OutputKind.TRAJECTORY), gripper)
    deployment = dataclasses.replace(
        found.deployment, tool=ToolLimits(SPEED, BOX), scene=None, outputs=outputs
    )
    return dataclasses.replace(found, deployment=deployment)


@pytest.fixture(scope="module")
def kinematics(contract: Contract) -> Kinematics:
    return Kinematics(contract)


def offer(gate: CommandGate, action: tuple[float, ...]) -> None:
    """A chunk of one action, again and again, in [-1, 1]: where it is refused, the other way round."""
    now_ns = gate.last_command(0).tick * TICK_NS
    if gate.wants_chunk:
        for values in (np.array(action), -np.array(action)):
            try:
                gate.load(ActionChunk(NAMES, gate.action_space.physical(np.tile(values, (5, 1))), now_ns + 1))
            except ChunkRefused:
                continue
            return


def serve(gate: CommandGate, action: tuple[float, ...], ticks: int) -> None:
    """Ticks under chunks of this action."""
    for _ in range(ticks):
        offer(gate, action)
        gate.tick(gate.last_command(0).tick * TICK_NS, dict.fromkeys(gate.limits.joints, 0.0))


steps = st.lists(st.tuples(*[st.sampled_from([-1.0, -0.3, 0.0, 1.0])] * 5), min_size=1, max_size=5)


@settings(max_examples=20, deadline=None)
@given(actions=steps)
def test_what_a_controller_is_sent_keeps_the_tools_bounds_to_its_end(
    contract: Contract, kinematics: Kinematics, actions: list[tuple[float, ...]]
) -> None:
    gate = ready(contract, kinematics)
    for action in actions:
        for _ in range(12):
            serve(gate, action, 1)
            left = gate.unattended
            times = np.arange(int(left.seconds / TICK_S) + 2) * TICK_S
            assert_tool_inside(kinematics, left.motions(times), SPEED)


@settings(max_examples=30, deadline=None)
@given(actions=steps, missed=st.lists(st.integers(1, 12), min_size=5, max_size=5))
def test_after_ticks_that_were_missed_commands_and_stops_keep_them_too(
    contract: Contract, kinematics: Kinematics, actions: list[tuple[float, ...]], missed: list[int]
) -> None:
    """A command goes on where the controller is: that place, too, must leave a stop."""
    gate = ready(contract, kinematics)
    for action, ticks in zip(actions, missed, strict=False):
        serve(gate, action, 9)
        gate.unattended.follow(ticks)
        motions = [gate.limiter.state]
        for _ in range(6):
            serve(gate, action, 1)
            motions.append(gate.limiter.state)
        assert_tool_inside(kinematics, motions, SPEED)
        gate.unattended.follow(ticks)
        motions = [gate.limiter.state]
        motions += [gate.limiter.brake() for _ in range(40)]
        assert_tool_inside(kinematics, motions, SPEED)


def test_far_from_its_bounds_the_plan_is_followed_for_a_control_period(
    contract: Contract, kinematics: Kinematics
) -> None:
    gate = ready(contract, kinematics)
    serve(gate, (0.1, 0.0, 0.0, 0.0, 0.0), 8)
    times = np.arange(1, contract.ticks_per_action + 1) * TICK_S
    for sent, planned in zip(gate.unattended.motions(times), gate.limiter.to_rest(times), strict=True):
        np.testing.assert_array_equal(sent.positions, planned.positions)


@settings(max_examples=30, deadline=None)
@given(
    ways=st.lists(st.floats(0.0, 0.2), min_size=7, max_size=7),
    signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=7, max_size=7),
)
def test_far_inside_is_no_place_from_which_a_bound_can_be_broken(
    contract: Contract, kinematics: Kinematics, ways: list[float], signs: list[float]
) -> None:
    """Where the guard is sure of ways and speeds, no motion of that size breaks a bound."""
    gate, quick = ready(contract, kinematics), QuickKinematics(kinematics)
    here, guard = gate.limiter.state, gate._mover.guard
    assert guard is not None
    speeds = np.array(ways)
    if not guard.is_far_inside(here, np.array(ways), speeds):
        return
    for share in np.linspace(0.0, 1.0, 5):
        there = here.positions + share * np.array(ways) * signs
        place, speed = quick.tool_motion(there[:6], (speeds * signs)[:6])
        assert np.all((np.array(BOX[0]) <= place) & (place <= np.array(BOX[1])))
        assert speed <= SPEED
