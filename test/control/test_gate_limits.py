"""Limits are taken at rest only, and the gate says where it would come to rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from contract_files import two_joints

from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.stops import Stops
from qgf_ros.datatypes import ActionChunk, JointCommand, JointReading
from qgf_ros.errors import MotionRefused, ObservationRefused

NAMES = ("shoulder", "elbow")
MEASURED = dict.fromkeys(NAMES, 0.0)
TICK_NS = 10_000_000
AT_REST = 1e-9


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


def moving(contract: Contract) -> CommandGate:
    """A gate in the middle of a motion."""
    gate = CommandGate(contract, None)
    gate.reset(JointReading(0, NAMES, np.zeros(2), np.zeros(2), np.zeros(0)))
    gate.start()
    play(gate, 10)
    return gate


def play(gate: CommandGate, ticks: int, stamp_ns: int = 1) -> list[JointCommand]:
    gate.load(ActionChunk(NAMES, np.tile([0.1, 0.2], (4, 1)), stamp_ns))
    return [gate.tick(stamp_ns + tick * TICK_NS, MEASURED) for tick in range(ticks)]


def at_rest(gate: CommandGate) -> CommandGate:
    gate.hold("test")
    for tick in range(200):
        gate.tick(tick * TICK_NS, MEASURED)
    return gate


def test_the_limits_in_force_are_the_contracts_until_others_are_applied(contract: Contract) -> None:
    gate, slow = at_rest(moving(contract)), LimitsInForce.of(contract).first_run()
    assert gate.limits == LimitsInForce.of(contract)
    gate.apply(slow)
    assert gate.limits == slow
    assert not gate.is_running


def test_applied_limits_hold_from_the_next_motion_on(contract: Contract) -> None:
    gate, slow = at_rest(moving(contract)), LimitsInForce.of(contract).first_run()
    before = gate.limiter.state.positions
    gate.apply(slow)
    np.testing.assert_array_equal(gate.limiter.state.positions, before)
    gate.start()
    fastest = np.abs([command.velocities for command in play(gate, 100, stamp_ns=10**10)]).max(axis=0)
    allowed = np.array([slow.joints[joint].velocity for joint in NAMES])
    assert np.all(fastest <= allowed + AT_REST)
    assert fastest.max() > 0.5 * allowed.min()


def test_limits_do_not_change_while_the_arm_moves(contract: Contract) -> None:
    gate = moving(contract)
    with pytest.raises(MotionRefused, match="only while the arm is at rest") as caught:
        gate.apply(LimitsInForce.of(contract).first_run())
    assert caught.value.reason == "moving"
    assert gate.limits == LimitsInForce.of(contract)


def test_limits_that_the_arm_stands_outside_of_are_refused_and_nothing_changes(contract: Contract) -> None:
    gate = at_rest(moving(contract))
    own, at = LimitsInForce.of(contract), gate.limiter.state.positions
    elsewhere = dataclasses.replace(own.joints["elbow"], lower=1.0)
    with pytest.raises(ObservationRefused, match="elbow stands at"):
        gate.apply(LimitsInForce(own.joints | {"elbow": elsewhere}))
    assert gate.limits == own
    np.testing.assert_array_equal(gate.limiter.state.positions, at)


def test_the_way_to_rest_is_what_braking_does(contract: Contract) -> None:
    gate = moving(contract)
    stops = Stops(NAMES, gate.limits.joints, TICK_NS * 1e-9)
    foreseen, _ = stops.samples(gate.limiter.state)
    gate.hold("test")
    braked = [gate.tick(tick * TICK_NS, MEASURED).positions for tick in range(len(foreseen))]
    np.testing.assert_allclose(braked, foreseen, atol=1e-12)
    assert gate.is_at_rest
