"""Limits in force: whatever tightens them, they are never weaker than either source."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import assume, given
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits, ToolLimits
from qgf_ros.control.limits_in_force import FIRST_RUN_SPEED, FIRST_RUN_TOOL_SPEED, LimitsInForce
from qgf_ros.errors import DisjointLimitsError

CEILINGS = ("velocity", "acceleration", "jerk", "start_error", "tracking_error")
above_zero = st.floats(1e-3, 1e6) | st.just(math.inf)
reach = st.floats(-10.0, 0.0), st.floats(0.001, 10.0)  # ranges that meet: each holds a bit above 0
joint_limits = st.builds(JointLimits, *reach, *[above_zero] * 5)
corner = st.tuples(*[st.floats(-2.0, 0.0)] * 3), st.tuples(*[st.floats(0.001, 2.0)] * 3)
tools = st.none() | st.builds(ToolLimits, st.floats(0.01, 10.0), st.tuples(*corner))
limits_of = st.builds(
    LimitsInForce, st.fixed_dictionaries({"a": joint_limits}, optional={"b": joint_limits}), tools
)


def is_no_weaker(tight: LimitsInForce, loose: LimitsInForce) -> bool:
    """Every bound that `loose` has holds under `tight`, for the joints of `tight`."""
    for name, ours in tight.joints.items():
        if name not in loose.joints:
            continue
        theirs = loose.joints[name]
        if ours.lower < theirs.lower or ours.upper > theirs.upper:
            return False
        if any(vars(ours)[kind] > vars(theirs)[kind] for kind in CEILINGS):
            return False
    if loose.tool is None:
        return True
    if tight.tool is None:
        return False
    inside = np.all(np.array(tight.tool.box[0]) >= loose.tool.box[0]) and np.all(
        np.array(tight.tool.box[1]) <= loose.tool.box[1]
    )
    return bool(inside) and tight.tool.speed <= loose.tool.speed


@given(limits_of, limits_of)
def test_tightened_limits_are_never_weaker_than_either(ours: LimitsInForce, theirs: LimitsInForce) -> None:
    tight = ours.tightened(theirs)
    assert is_no_weaker(tight, ours)
    assert is_no_weaker(tight, theirs)
    assert tight.joints.keys() == ours.joints.keys()


@given(limits_of)
def test_tightening_by_the_same_or_by_nothing_changes_nothing(ours: LimitsInForce) -> None:
    assert ours.tightened(ours) == ours
    assert ours.tightened(LimitsInForce({})) == ours


@given(limits_of, limits_of)
def test_the_order_of_two_sources_does_not_matter(ours: LimitsInForce, theirs: LimitsInForce) -> None:
    assume(ours.joints.keys() == theirs.joints.keys())
    assert ours.tightened(theirs) == theirs.tightened(ours)


@given(limits_of, st.booleans())
def test_a_first_run_is_slower_and_weaker_in_nothing(ours: LimitsInForce, has_tool: bool) -> None:
    slow = ours.first_run(has_tool)
    assert is_no_weaker(slow, ours)
    for name, limits in slow.joints.items():
        assert limits.velocity == FIRST_RUN_SPEED * ours.joints[name].velocity
        assert replace(limits, velocity=1.0) == replace(ours.joints[name], velocity=1.0)
    if has_tool or ours.tool:
        assert slow.tool is not None
        assert slow.tool.speed <= FIRST_RUN_TOOL_SPEED


def test_ranges_that_do_not_meet_are_refused_by_name() -> None:
    ours = LimitsInForce({"elbow": JointLimits(-1.0, 0.0, 1.0, 1.0, 1.0)})
    theirs = LimitsInForce({"elbow": JointLimits(1.0, 2.0, 1.0, 1.0, 1.0)})
    with pytest.raises(DisjointLimitsError, match="joint 'elbow' no place: -1 to 0 by one source, 1 to 2"):
        ours.tightened(theirs)
    low, high = (ToolLimits(1.0, ((0.0, 0.0, z), (1.0, 1.0, z + 1.0))) for z in (0.0, 5.0))
    with pytest.raises(DisjointLimitsError, match="the tool along z"):
        LimitsInForce({}, low).tightened(LimitsInForce({}, high))


@given(limits_of, limits_of)
def test_the_digest_tells_limits_apart_and_is_made_of_the_published_values(
    ours: LimitsInForce, theirs: LimitsInForce
) -> None:
    assert (ours.digest == theirs.digest) == (ours == theirs)
    text = "\n".join(sorted(f"{key}={value}" for key, value in ours.values().items()))
    assert ours.digest == hashlib.sha256(text.encode()).hexdigest()[:12]


def test_every_joint_and_the_tool_has_a_line(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    lines = LimitsInForce.of(contract).lines()
    assert [line.split()[0] for line in lines] == [*contract.interface.joints, "tool"]
    assert lines[-1].endswith("not limited")
    limits = contract.deployment.limits[contract.interface.joints[0]]
    assert f"{limits.velocity:g} rad/s" in lines[0]
    assert "0.25 m/s, anywhere" in LimitsInForce.of(contract).first_run(has_tool=True).lines()[-1]


def test_applied_limits_are_those_of_the_contract_that_comes_back(tmp_path: Path) -> None:
    contract = two_joints(tmp_path)
    slow = LimitsInForce.of(contract).first_run()
    assert LimitsInForce.of(slow.applied(contract)) == slow
    assert slow.applied(contract).interface == contract.interface
