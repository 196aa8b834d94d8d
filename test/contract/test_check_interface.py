"""The parts of a contract must fit together: names that refer to one another, units, the tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_files import write_shipped, write_two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.errors import ContractError

Content = dict[str, Any]


def term(content: Content, index: int) -> Content:
    found: Content = content["interface"]["observation"][index]
    return found


INTERFACE_MISTAKES: list[tuple[str, Callable[[Content], object], str]] = [
    (
        "pose without frame",
        lambda c: c["interface"]["inputs"][1].pop("frame"),
        "the pose input 'goal' names no frame; add 'frame: base_link'",
    ),
    (
        "frame of joints",
        lambda c: c["interface"]["inputs"][0].update(frame="base_link"),
        "'joint_states' names a frame, .*; only poses have a frame",
    ),
    (
        "term of no input",
        lambda c: term(c, 0).update(input="joints"),
        "term 'angles' reads the input 'joints'; it must be one of joint_states, goal",
    ),
    (
        "tool of a pose",
        lambda c: term(c, 2).update(from_tool_of="goal"),
        "'goal_position' is taken from the tool of 'goal'; it must be one of joint_states",
    ),
    (
        "attitude from a tool",
        lambda c: term(c, 4).update(from_tool_of="joint_states"),
        r"'goal_attitude' \(pose_quaternion\) is taken from a tool; only pose_position and pose_yaw can be",
    ),
    (
        "tool without a model",
        lambda c: term(c, 2).update(from_tool_of="joint_states"),
        "goal_position cannot be computed without the arm's model; add interface.kinematics",
    ),
    (
        "symmetry of a position",
        lambda c: term(c, 2).update(symmetry=4),
        r"'goal_position' \(pose_position\) has symmetry 4; only pose_yaw has one",
    ),
    (
        "no symmetry at all",
        lambda c: term(c, 3).update(symmetry=0),
        "has symmetry 0; only pose_yaw has one, a whole number from 1",
    ),
    (
        "pose field of joints",
        lambda c: term(c, 2).update(input="joint_states"),
        "'goal_position' takes pose_position from a sensor_msgs/msg/JointState",
    ),
    (
        "joint field of a pose",
        lambda c: term(c, 0).update(input="goal"),
        "'angles' takes position from a geometry_msgs/msg/PoseStamped",
    ),
    (
        "joint field without joints",
        lambda c: term(c, 0).pop("joints"),
        r"term 'angles' \(position\) names 0 joints",
    ),
    (
        "joints of a pose field",
        lambda c: term(c, 2).update(joints=["elbow"]),
        r"term 'goal_position' \(pose_position\) names 1 joints",
    ),
    (
        "joint twice in a term",
        lambda c: term(c, 0).update(joints=["elbow", "elbow"]),
        "term 'angles' names elbow twice",
    ),
    (
        "unit that nobody converts",
        lambda c: term(c, 0).update(unit="deg"),
        "'angles' has the unit 'deg'; it must be one of rad, .*for values are not converted",
    ),
    (
        "two terms of a name",
        lambda c: term(c, 1).update(name="angles"),
        r"interface\.observation names angles twice",
    ),
    (
        "two joints of a name",
        lambda c: c["interface"].update(joints=["elbow", "elbow"]),
        r"interface\.joints names elbow twice",
    ),
    (
        "two inputs of a name",
        lambda c: c["interface"]["inputs"][1].update(name="joint_states"),
        r"interface\.inputs names joint_states twice",
    ),
    (
        "two dimensions of a name",
        lambda c: c["interface"]["action"]["dimensions"][1].update(name="shoulder"),
        r"interface\.action\.dimensions names shoulder twice",
    ),
    ("no terms", lambda c: c["interface"].update(observation=[]), r"interface\.observation is empty"),
    ("no dimensions", lambda c: c["interface"]["action"].update(dimensions=[]), r"dimensions is empty"),
    (
        "joint called x",
        lambda c: c["interface"].update(joints=["x", "elbow"]),
        r"interface\.joints has x; x, y, z and yaw are the tool's",
    ),
    (
        "dimension that is no joint",
        lambda c: c["interface"]["action"]["dimensions"][0].update(name="sholder"),
        "'sholder' is neither of the tool nor a joint; it must be one of x, y, z, yaw, shoulder, elbow",
    ),
    (
        "scale of nothing",
        lambda c: c["interface"]["action"]["dimensions"][0].update(scale=0),
        "'shoulder' has scale 0; it must be above 0",
    ),
    (
        "dimension in degrees",
        lambda c: c["interface"]["action"]["dimensions"][0].update(unit="deg"),
        "'shoulder' has the unit 'deg'; it must be one of rad, m",
    ),
    (
        "tool dimension without a model",
        lambda c: c["interface"]["action"]["dimensions"].append({"name": "z", "scale": 0.1, "unit": "m"}),
        r"z cannot be computed without the arm's model; add interface\.kinematics",
    ),
    (
        "tool term without a model",
        lambda c: term(c, 0).update(field="tool_position", unit="m", joints=[]),
        "angles cannot be computed without the arm's model",
    ),
    (
        "workspace for joints",
        lambda c: c["interface"]["action"].update(workspace=[[0, 0, 0], [1, 1, 1]]),
        "a workspace without tool dimensions binds nothing",
    ),
]


@pytest.mark.parametrize(
    ("edit", "words"), [row[1:] for row in INTERFACE_MISTAKES], ids=[row[0] for row in INTERFACE_MISTAKES]
)
def test_parts_that_do_not_fit_together_are_refused(
    tmp_path: Path, edit: Callable[[Content], object], words: str
) -> None:
    path = write_two_joints(tmp_path, edit)
    with pytest.raises(ContractError, match=rf"Contract two_joints\.yaml: .*{words}"):
        load_contract(path)


TOOL_MISTAKES: list[tuple[str, Callable[[Content], object], str]] = [
    (
        "absolute tool",
        lambda c: c["interface"]["action"].update(reference="absolute"),
        "the tool dimensions x, y, z, yaw have the reference absolute; use commanded or measured",
    ),
    (
        "empty workspace",
        lambda c: c["interface"]["action"]["workspace"].reverse(),
        r"action\.workspace is empty",
    ),
    (
        "attitude of another length",
        lambda c: c["interface"]["kinematics"].update(nominal_quat_wxyz=[0.0, 1.0, 1.0, 0.0]),
        r"nominal_quat_wxyz has length 1\.414; it must be 1",
    ),
    (
        "effort of a command",
        lambda c: term(c, 7).update(field="effort", unit="N m"),
        "'commanded_gripper' takes effort from a command; use position or velocity",
    ),
    (
        "joint that no command has",
        lambda c: term(c, 7).update(joints=["thumb"]),
        "'commanded_gripper' takes thumb from the command; a command has shoulder_pan_joint",
    ),
    (
        "model of other bytes",
        lambda c: c["interface"]["kinematics"].update(sha256="0" * 64),
        "sha256 is 000000000000, but ur5e_2f85.xml has",
    ),
]


@pytest.mark.parametrize(
    ("edit", "words"), [row[1:] for row in TOOL_MISTAKES], ids=[row[0] for row in TOOL_MISTAKES]
)
def test_tools_that_make_no_sense_are_refused(
    tmp_path: Path, edit: Callable[[Content], object], words: str
) -> None:
    path = write_shipped(tmp_path, edit)
    with pytest.raises(ContractError, match=words):
        load_contract(path)
