"""Where a trajectory that was sent leads the tool, if no command follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from verified_world import STARTS, contract_of

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract, OutputKind, ToolLimits
from qgf_ros.verify.bounds import of_contract
from qgf_ros.verify.plan import Plan, Point
from qgf_ros.verify.tool import Tool, ToolCheck

CONTRACT = contract_of("ur5e_cube_trajectory")
REST = STARTS["ur5e_cube"]
ARM, FINGER = tuple(range(6)), (6,)
X, Y, Z, _ = Tool(CONTRACT).motion(REST, (0.0,) * 7)
TURN = 0.3  # rad of the first joint: the tool goes sideways


def turned(angle: float, speed: float, time_ns: int) -> Point:
    """The arm with its first joint turned by an angle, at a speed."""
    return Point((REST[0] + angle, *REST[1:6]), (speed, 0.0, 0.0, 0.0, 0.0, 0.0), time_ns)


ASIDE = Plan(ARM, (turned(0.0, 0.0, 10), turned(TURN / 2, 1.0, 20), turned(TURN, 0.0, 30)))
STAYS = Plan(ARM, (turned(0.0, 0.0, 10), turned(0.0, 0.0, 20)))


def found(
    *plans: Plan, half: float = 1.0, speed: float = 3.0, away: float = 0.0, contract: Contract = CONTRACT
) -> list[str]:
    """What is wrong with plans from rest, under a box of `half` a width around a place `away` m in x, and a speed."""
    place = (X + away, Y, Z)
    box = tuple(value - half for value in place), tuple(value + half for value in place)
    tool: Any = ToolLimits(speed, box)
    bounded = replace(contract, deployment=replace(contract.deployment, tool=tool))
    certificate = Certificate(positions=REST, velocities=(0.0,) * 7)
    return [text for *_, text in ToolCheck(bounded).check_plans(certificate, plans, of_contract(bounded))]


def test_a_plan_inside_the_box_and_slow_enough_is_fine() -> None:
    assert found(ASIDE) == []


def test_a_plan_that_leaves_the_box_is_found() -> None:
    assert len(found(ASIDE, half=0.1)) == 1


def test_a_plan_on_which_the_tool_gets_too_fast_is_found() -> None:
    [text] = found(ASIDE, speed=0.1)
    assert "m/s 2e-08 s on" in text


def test_a_tool_that_stands_outside_may_stay_there_and_not_go_further() -> None:
    assert found(STAYS, half=0.01, away=0.5) == []
    assert len(found(ASIDE, half=0.01, away=0.5)) == 1


def test_joints_without_a_plan_stay_where_they_were_commanded() -> None:
    assert (
        found(Plan(FINGER, (Point((0.8,), (2.0,), 10), Point((0.8,), (0.0,), 20))), half=0.01, speed=0.01)
        == []
    )


def test_plans_of_one_tick_go_on_together() -> None:
    finger = Plan(FINGER, (Point((0.3,), (0.0,), 10), Point((0.3,), (0.0,), 25)))
    assert len(found(STAYS, finger)) == 1


def test_a_plan_that_cannot_be_computed_with_is_left_to_others() -> None:
    assert found(Plan(ARM, (Point((float("nan"),) * 6, (0.0,) * 6, 10),)), half=0.01) == []
    assert found(Plan(ARM, (Point((0.0,), (0.0,), 10),)), half=0.01) == []


def test_where_goals_of_an_action_move_the_arm_nothing_is_known_of_it() -> None:
    output = replace(CONTRACT.deployment.outputs[0], kind=OutputKind.FOLLOW_JOINT_TRAJECTORY)
    outputs = (output, *CONTRACT.deployment.outputs[1:])
    contract = replace(CONTRACT, deployment=replace(CONTRACT.deployment, outputs=outputs))
    assert found(ASIDE, half=0.1, contract=contract) == []
