"""What leaves on the command topics, against its certificate: values, number, and what a trajectory goes on to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from contract_files import two_joints

from qgf_ros.certificate import Certificate
from qgf_ros.contract.schema import Contract
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.verify.bounds import Bounds, of_contract, read_bounds
from qgf_ros.verify.sent import Point, Sent, SentCheck
from qgf_ros.verify.violation import What

NAMES = ("shoulder", "elbow")
HERE, SPEED, STILL = (0.5, -0.25), (0.2, 0.1), (0.0, 0.0)
END = Point((0.6, -0.2), STILL)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Two joints whose controller takes trajectories."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["outputs"][0]["kind"] = "trajectory"

    return two_joints(tmp_path_factory.mktemp("sent"), edit)


@pytest.fixture
def plan(contract: Contract) -> Sent:
    """A trajectory as it should be."""
    return Sent(contract.deployment.outputs[0].topic, HERE, SPEED, NAMES, (Point((0.55, -0.22), SPEED), END))


def found(contract: Contract, *sent: Sent, bounds: Bounds | None = None) -> set[What]:
    """What is wrong with the messages of a tick whose certificate says what `plan` does."""
    certificate = Certificate(positions=HERE, velocities=SPEED, commands=1)
    check = SentCheck(contract)
    return {entry[0] for entry in check.check(certificate, sent, bounds or of_contract(contract))}


def test_a_plan_that_begins_as_certified_keeps_the_limits_and_ends_at_rest_is_fine(
    contract: Contract, plan: Sent
) -> None:
    assert found(contract, plan) == set()


@pytest.mark.parametrize(
    "later",
    [
        (Point((0.6, -0.2), SPEED),),  # it ends in motion
        (Point((0.6, 9.0), STILL), END),  # beyond the elbow's range
        (Point((0.6, -0.2), (0.0, 1.1)), END),  # faster than the elbow may be
        (Point((0.6,), (0.0,)), END),  # of one joint
        (Point((float("nan"), 0.0), STILL), END),
        (Point((0.6, -0.2), (float("nan"), 0.0)), END),
        (Point((0.6, -0.2), (float("nan"), 0.0)),),
    ],
)
def test_a_plan_that_leads_out_of_the_limits_or_to_no_rest_is_found(
    contract: Contract, plan: Sent, later: tuple[Point, ...]
) -> None:
    assert found(contract, replace(plan, later=later)) == {What.PLAN}


def test_a_plan_keeps_the_limits_in_force_not_only_the_contracts(contract: Contract, plan: Sent) -> None:
    slow = read_bounds(LimitsInForce.of(contract).first_run().values(), contract)
    fast = replace(
        plan, later=(Point((0.55, -0.22), (0.0, 0.3)), END)
    )  # a quarter of the elbow's 1 rad/s is allowed
    assert found(contract, plan, bounds=slow) == set()
    assert found(contract, fast) == set()
    assert found(contract, fast, bounds=slow) == {What.PLAN}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"positions": (0.5, -0.2500001)}, What.COMMAND_VALUE),
        ({"velocities": (0.2, 0.2)}, What.COMMAND_VALUE),
        ({"joints": NAMES[::-1]}, What.COMMAND_VALUE),
    ],
)
def test_other_values_than_were_certified_are_found(
    contract: Contract, plan: Sent, change: dict[str, Any], kind: What
) -> None:
    assert found(contract, replace(plan, **change)) == {kind}


def test_a_message_too_many_and_one_too_few_are_found(contract: Contract, plan: Sent) -> None:
    assert found(contract, plan, plan) == {What.COMMAND_UNCERTIFIED}
    assert found(contract) == {What.COMMAND_MISSING}
