"""What leaves on the command topics, against its certificate: values, number, and what a trajectory goes on to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from contract_files import two_joints
from sent_plans import plan_of

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.datatypes import ActionChunk, JointReading
from qgf_ros.verify.bounds import Bounds, of_contract, read_bounds
from qgf_ros.verify.sent import Sent, SentCheck
from qgf_ros.verify.violation import What

NAMES = ("shoulder", "elbow")
TICK_NS = 10_000_000
STILL = (0.0, 0.0)


@dataclass(frozen=True)
class Moving:
    """The fifth command of a motion, as a certificate says it, and its plan as it is sent."""

    contract: Contract
    certificate: Certificate
    plan: Sent


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Moving:
    """Two joints whose controller takes trajectories."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["outputs"][0]["kind"] = "trajectory"

    contract = two_joints(tmp_path_factory.mktemp("sent"), edit)
    gate = CommandGate(contract, None)
    nothing = np.zeros(0)
    gate.reset(JointReading(1, NAMES, np.array([0.5, -0.25]), nothing, nothing))
    gate.start()
    gate.load(ActionChunk(contract.interface.action.names, np.full((4, 2), 0.1), 1))
    for tick in range(5):
        command = gate.tick(TICK_NS * (tick + 1), {"shoulder": 0.5, "elbow": -0.25})
    vectors = (command.positions, command.velocities, command.accelerations)
    positions, velocities, accelerations = (tuple(vector.tolist()) for vector in vectors)
    certificate = Certificate(
        positions=positions, velocities=velocities, accelerations=accelerations, commands=1
    )
    plan = plan_of(command, gate.unattended, contract.deployment.outputs[0], [0, 1], contract.tick_ns)
    return Moving(contract, certificate, plan)


@pytest.fixture
def plan(moving: Moving) -> Sent:
    return moving.plan


def found(moving: Moving, *sent: Sent, bounds: Bounds | None = None) -> set[What]:
    """What is wrong with the messages of the tick."""
    check = SentCheck(moving.contract)
    return {
        entry[0] for entry in check.check(moving.certificate, sent, bounds or of_contract(moving.contract))
    }


def test_a_plan_that_begins_as_certified_keeps_the_limits_and_ends_at_rest_is_fine(
    moving: Moving, plan: Sent
) -> None:
    assert len(plan.later) > 4
    assert found(moving, plan) == set()


def at(plan: Sent, number: int, **changes: Any) -> Sent:
    """The plan with one of its later points changed."""
    later = list(plan.later)
    later[number] = replace(later[number], **changes)
    return replace(plan, later=tuple(later))


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (-1, {"velocities": (0.1, 0.0)}),  # it ends in motion
        (1, {"positions": (0.6, 9.0)}),  # beyond the elbow's range
        (1, {"velocities": (0.0, 1.1)}),  # faster than the elbow may be
        (1, {"positions": (0.6,), "velocities": (0.0,)}),  # of one joint
        (1, {"positions": (float("nan"), 0.0)}),
        (1, {"velocities": (float("nan"), 0.0)}),
        (-1, {"velocities": (float("nan"), 0.0)}),
        (1, {"positions": STILL}),  # inside the range, and half a radian from the point before
        (1, {"velocities": STILL}),  # more than the acceleration limit allows
        (1, {"time_ns": 0}),
        (1, {"time_ns": TICK_NS}),
        (-1, {"time_ns": 10_000_000_000}),
    ],
)
def test_a_plan_that_the_arm_cannot_make_inside_its_limits_or_that_leads_to_no_rest_is_found(
    moving: Moving, plan: Sent, number: int, change: dict[str, Any]
) -> None:
    assert found(moving, at(plan, number, **change)) == {What.PLAN}


@pytest.mark.parametrize(
    "change",
    [
        {"time_ns": 0},
        {"time_ns": 2 * TICK_NS},
        {"stamp_ns": 1},
        {"later": ()},  # one point, at speed
    ],
)
def test_a_plan_that_begins_at_another_time_or_is_one_point_at_speed_is_found(
    moving: Moving, plan: Sent, change: dict[str, Any]
) -> None:
    assert found(moving, replace(plan, **change)) == {What.PLAN}


def test_points_may_not_be_left_out(moving: Moving, plan: Sent) -> None:
    assert found(moving, replace(plan, later=plan.later[1:])) == {What.PLAN}


def test_a_plan_in_less_time_is_found_though_each_point_keeps_the_limits(moving: Moving, plan: Sent) -> None:
    sooner = tuple(replace(point, time_ns=TICK_NS + (point.time_ns - TICK_NS) // 2) for point in plan.later)
    assert found(moving, replace(plan, later=sooner)) == {What.PLAN}


def test_what_a_process_tells_of_its_own_commands_may_be_positions_alone(moving: Moving, plan: Sent) -> None:
    assert found(moving, Sent(plan.topic, plan.positions)) == set()


def test_a_plan_keeps_the_limits_in_force_not_only_the_contracts(moving: Moving, plan: Sent) -> None:
    stated = LimitsInForce.of(moving.contract).values()
    fastest = max(abs(point.velocities[1]) for point in plan.later)
    tighter = read_bounds(stated | {"elbow.velocity": repr(0.99 * fastest)}, moving.contract)
    assert found(moving, plan, bounds=tighter) == {What.PLAN}


@pytest.mark.parametrize("kind", ["acceleration", "jerk"])
def test_a_plan_keeps_the_acceleration_and_the_jerk_in_force(moving: Moving, plan: Sent, kind: str) -> None:
    stated = LimitsInForce.of(moving.contract).values()
    tighter = read_bounds(
        stated | {f"elbow.{kind}": repr(0.5 * float(stated[f"elbow.{kind}"]))}, moving.contract
    )
    assert found(moving, plan, bounds=tighter) == {What.PLAN}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"positions": (0.5, -0.2500001)}, {What.COMMAND_VALUE, What.PLAN}),
        ({"velocities": STILL}, {What.COMMAND_VALUE, What.PLAN}),
        ({"joints": NAMES[::-1]}, {What.COMMAND_VALUE}),
    ],
)
def test_other_values_than_were_certified_are_found(
    moving: Moving, plan: Sent, change: dict[str, Any], kinds: set[What]
) -> None:
    assert found(moving, replace(plan, **change)) == kinds


def test_a_position_is_compared_to_the_last_bit(moving: Moving, plan: Sent) -> None:
    near = (float(np.nextafter(plan.positions[0], 9.0)), plan.positions[1])
    assert found(moving, replace(plan, positions=near)) == {What.COMMAND_VALUE}


def test_a_message_too_many_and_one_too_few_are_found(moving: Moving, plan: Sent) -> None:
    assert found(moving, plan, plan) == {What.COMMAND_UNCERTIFIED}
    assert found(moving) == {What.COMMAND_MISSING}
