"""A robot's own description tightens limits, never loosens them, and cannot do anything else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.errors import DisjointLimitsError, RobotDescriptionError
from qgf_ros.nodes.robot_description import MOST_BYTES, read_description

pytestmark = pytest.mark.ros
OURS = LimitsInForce({"elbow": JointLimits(-1.0, 1.0, 2.0, 5.0, 50.0)})


def urdf(inner: str) -> str:
    return f'<?xml version="1.0"?><robot name="arm"><link name="base"/>{inner}</robot>'


def joint(limit: str = "", kind: str = "revolute", name: str = "elbow", more: str = "") -> str:
    return f'<joint name="{name}" type="{kind}">{f"<limit {limit}/>" if limit else ""}{more}</joint>'


@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
def test_tighter_limits_hold_and_looser_ones_change_nothing(kind: str) -> None:
    found = read_description(urdf(joint('lower="-0.5" upper="9" velocity="1.5" effort="1"', kind)), ["elbow"])
    assert OURS.tightened(found.limits).joints["elbow"] == JointLimits(-0.5, 1.0, 1.5, 5.0, 50.0)
    assert found.ignored == ()


def test_a_joint_without_end_has_a_velocity_only() -> None:
    found = read_description(urdf(joint('lower="0" upper="0" velocity="1"', "continuous")), ["elbow"])
    assert found.limits.joints["elbow"].lower == -math.inf
    assert found.limits.joints["elbow"].velocity == 1.0


def test_soft_limits_tighten_further() -> None:
    soft = '<safety_controller soft_lower_limit="-0.2" soft_upper_limit="0.3" k_velocity="1"/>'
    xml = urdf(joint('lower="-0.5" upper="0.5" velocity="1"', more=soft))
    found = read_description(xml, ["elbow"]).limits.joints["elbow"]
    assert (found.lower, found.upper) == (-0.2, 0.3)


def test_a_joint_that_follows_another_keeps_to_what_the_other_may_do() -> None:
    led = joint('lower="0" upper="1" velocity="1"', name="knuckle")
    mimic = '<mimic joint="knuckle" multiplier="-0.5" offset="0.1"/>'
    found = read_description(urdf(led + joint('lower="-9" upper="9" velocity="9"', more=mimic)), ["elbow"])
    limits = found.limits.joints["elbow"]
    assert (limits.lower, limits.upper, limits.velocity) == pytest.approx((-0.4, 0.1, 0.5))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (joint(name="other"), "'elbow' is not in it"),
        (joint(), "'elbow' has no limit in it"),
        (joint('velocity="0" lower="-1" upper="1"'), "the velocity limit 0 of 'elbow'"),
        (joint('velocity="1"'), "the empty range 0 to 0 of 'elbow'"),
        (joint('velocity="1" lower="-1" upper="1"') + joint(name="wrist"), "does not name: wrist"),
        (joint('velocity="1" lower="-1" upper="1"', more='<mimic joint="none"/>'), "follows 'none'"),
    ],
)
def test_what_is_left_out_is_said_and_bounds_nothing(inner: str, said: str) -> None:
    found = read_description(urdf(inner), ["elbow"])
    assert said in "; ".join(found.ignored)
    assert OURS.tightened(found.limits).joints["elbow"].velocity in (1.0, 2.0)


BOMB = '<!DOCTYPE robot [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><robot name="&b;"/>'
OUTSIDE = '<!DOCTYPE robot [<!ENTITY a SYSTEM "file:///etc/passwd">]><robot name="&a;"/>'


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("", "not XML"),
        ("<robot><joint></robot>", "not XML"),
        ("<sdf/>", "its root is 'sdf'"),
        (BOMB, "DTDForbidden"),
        (OUTSIDE, "DTDForbidden"),
        (urdf(" " * MOST_BYTES), "bytes"),
        (urdf("<a/>" * 200_001), "tags"),
        (urdf(joint(kind="fixed")), "of type 'fixed'"),
        (urdf(joint('velocity="fast"')), "velocity of 'elbow' is 'fast'"),
        (urdf(joint('velocity="1" lower="-inf" upper="1"')), "lower of 'elbow' is '-inf'"),
    ],
)
def test_what_cannot_be_read_or_is_another_robot_is_one_sentence(xml: str, said: str) -> None:
    with pytest.raises(RobotDescriptionError, match="robot_description cannot be used") as refusal:
        read_description(xml, ["elbow"])
    assert said in str(refusal.value)


def test_ranges_that_do_not_meet_are_another_robot() -> None:
    found = read_description(urdf(joint('lower="2" upper="3" velocity="1"')), ["elbow"])
    with pytest.raises(DisjointLimitsError, match="joint 'elbow'"):
        OURS.tightened(found.limits)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    for xml in (
        text,
        urdf(text),
        urdf(f'<joint name="elbow" type="revolute"><limit lower="{text}"/></joint>'),
    ):
        try:
            read_description(xml, ["elbow"])
        except RobotDescriptionError:
            continue
