"""A contract file is read strictly: each mistake gives one sentence that says what was found and what would do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_files import SHIPPED, write_shipped, write_two_joints

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.migrate import migrate
from qgf_ros.contract.schema import Reference
from qgf_ros.errors import (
    ContractError,
    InvalidSetting,
    MissingFileError,
    QgfError,
    UnknownKeys,
    UnreadableFileError,
)

Content = dict[str, Any]


def test_the_shipped_contract_loads() -> None:
    contract = load_contract(SHIPPED)
    assert contract.ticks_per_action == 5
    assert contract.tick_ns == 10_000_000
    assert contract.interface.action.reference is Reference.COMMANDED
    assert contract.interface.observation_dim == sum(term.length for term in contract.interface.observation)
    assert contract.model_path == SHIPPED.parent.parent / "robots" / "ur5e_2f85.xml"


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("*.yaml")), ids=lambda path: path.name)
def test_every_contract_in_the_repository_loads(path: Path) -> None:
    assert load_contract(path).interface.digest


def test_a_term_is_found_by_its_name() -> None:
    interface = load_contract(SHIPPED).interface
    assert interface.slice_of("joint_velocities") == slice(6, 12)
    with pytest.raises(KeyError, match="no_such_term"):
        interface.slice_of("no_such_term")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no file .*nowhere\.yaml"):
        load_contract(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("interface: [", "is not YAML"),
        ("- 1\n- 2\n", "a YAML mapping: found list"),
        ("", "a YAML mapping: it is empty"),
        ("schema_version: 1\nschema_version: 1\n", "'schema_version' stands twice"),
        ("interface: {name: a, joints: [b], name: c}\n", "'name' stands twice"),
    ],
)
def test_text_that_is_no_yaml_mapping_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(text)
    with pytest.raises(UnreadableFileError, match=words):
        load_contract(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UnreadableFileError, match="is not YAML"):
        load_contract(path)


@pytest.mark.parametrize("version", [0, 2, 99, "1", True, 1.0, [1], None])
def test_an_unknown_schema_version_lists_the_known(tmp_path: Path, version: object) -> None:
    path = write_two_joints(tmp_path, lambda content: content.update(schema_version=version))
    with pytest.raises(InvalidSetting, match=r"schema_version is .*it must be one of 1\."):
        load_contract(path)


def test_a_contract_without_version_is_refused(tmp_path: Path) -> None:
    path = write_two_joints(tmp_path, lambda content: content.pop("schema_version"))
    with pytest.raises(UnknownKeys, match=r"lacks schema_version; the valid keys are deployment, interface"):
        load_contract(path)


def test_older_contracts_pass_through_every_step_to_the_newest(tmp_path: Path) -> None:
    steps = {1: lambda old: old | {"second": 2}, 2: lambda old: old | {"third": old["second"] + 1}}
    migrated = migrate({"schema_version": 1, "first": 1}, tmp_path, steps, newest=3)
    assert migrated == {"first": 1, "second": 2, "third": 3}


# The types: unknown key, missing key, wrong type, unknown member of an enumeration.
SCHEMA_MISTAKES: list[tuple[str, Callable[[Content], object], type[QgfError], str]] = [
    ("unknown part", lambda c: c.update(interfaces={}), UnknownKeys, "unknown keys interfaces"),
    ("key that is no text", lambda c: c.update({7: 1}), UnknownKeys, "unknown keys 7"),
    ("missing part", lambda c: c.pop("deployment"), UnknownKeys, "lacks deployment"),
    (
        "part that is no mapping",
        lambda c: c.update(interface=3),
        InvalidSetting,
        "interface is 3, .* a mapping",
    ),
    (
        "unknown key",
        lambda c: c["interface"].update(chunklength=5),
        UnknownKeys,
        "interface has unknown keys chunklength; the valid keys are .*chunk_length",
    ),
    (
        "unknown and missing keys at once",
        lambda c: c["interface"].update(chunklength=c["interface"].pop("chunk_length")),
        UnknownKeys,
        "unknown keys chunklength and lacks chunk_length",
    ),
    (
        "missing key",
        lambda c: c["deployment"]["limits"]["elbow"].pop("jerk"),
        UnknownKeys,
        r"deployment\.limits\.elbow lacks jerk",
    ),
    (
        "text for a number",
        lambda c: c["interface"].update(control_period_s="fast"),
        InvalidSetting,
        r"interface\.control_period_s is 'fast', but it must be a number",
    ),
    (
        "number that YAML reads as text",
        lambda c: c["deployment"]["limits"]["elbow"].update(jerk="5e3"),
        InvalidSetting,
        r"jerk is '5e3', .*write 1\.0e\+3 or 1000\.0",
    ),
    (
        "fraction for a whole number",
        lambda c: c["interface"].update(chunk_length=4.5),
        InvalidSetting,
        "chunk_length is 4.5, but it must be a whole number",
    ),
    (
        "boolean for a number",
        lambda c: c["deployment"].update(command_rate_hz=True),
        InvalidSetting,
        "command_rate_hz is True, but it must be a number",
    ),
    (
        "not a number",
        lambda c: c["interface"].update(control_period_s=float("nan")),
        InvalidSetting,
        "control_period_s is nan, but it must be a finite number",
    ),
    (
        "infinite limit",
        lambda c: c["deployment"]["limits"]["elbow"].update(velocity=float("inf")),
        InvalidSetting,
        "velocity is inf, but it must be a finite number",
    ),
    (
        "nothing for a text",
        lambda c: c["interface"].update(name=None),
        InvalidSetting,
        "name is None, .* a text",
    ),
    (
        "text for a list",
        lambda c: c["interface"].update(joints="shoulder"),
        InvalidSetting,
        "joints is 'shoulder', but it must be a list",
    ),
    (
        "unknown field",
        lambda c: c["interface"]["observation"][0].update(field="angle"),
        InvalidSetting,
        r"interface\.observation\[0\]\.field is 'angle', but it must be one of position, velocity",
    ),
    (
        "unknown reference",
        lambda c: c["interface"]["action"].update(reference="tool"),
        InvalidSetting,
        "reference is 'tool', but it must be one of commanded, measured, absolute",
    ),
    (
        "unknown message",
        lambda c: c["interface"]["inputs"][0].update(message="std_msgs/msg/String"),
        InvalidSetting,
        "it must be one of sensor_msgs/msg/JointState",
    ),
    (
        "corner of two numbers",
        lambda c: c["interface"]["action"].update(workspace=[[0, 0], [1, 1]]),
        InvalidSetting,
        r"workspace\[0\] is \[0, 0\], but it must be a list of 3",
    ),
    (
        "limits that are a list",
        lambda c: c["deployment"].update(limits=[]),
        InvalidSetting,
        r"deployment\.limits is \[\], but it must be a mapping",
    ),
]


@pytest.mark.parametrize(
    ("edit", "error", "words"), [row[1:] for row in SCHEMA_MISTAKES], ids=[row[0] for row in SCHEMA_MISTAKES]
)
def test_what_does_not_fit_the_schema_is_refused(
    tmp_path: Path, edit: Callable[[Content], object], error: type[QgfError], words: str
) -> None:
    path = write_two_joints(tmp_path, edit)
    with pytest.raises(error, match=words):
        load_contract(path)


# The parts: names that refer to one another, rates, limits, outputs.
def term(content: Content, index: int) -> Content:
    found: Content = content["interface"]["observation"][index]
    return found


PART_MISTAKES: list[tuple[str, Callable[[Content], object], str]] = [
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
    (
        "ticks that do not divide",
        lambda c: c["deployment"].update(command_rate_hz=90.0),
        r"one control period is 4\.5 command ticks .*whole number, at least 1",
    ),
    (
        "period shorter than a tick",
        lambda c: c["deployment"].update(command_rate_hz=1.0),
        r"one control period is 0\.05 command ticks",
    ),
    (
        "negative rates",
        lambda c: (
            c["deployment"].update(command_rate_hz=-100),
            c["interface"].update(control_period_s=-0.05),
        ),
        "both must be above 0",
    ),
    ("chunk of nothing", lambda c: c["interface"].update(chunk_length=0), "chunk_length is 0; .*at least 1"),
    (
        "input without topic",
        lambda c: c["deployment"]["inputs"].pop("goal"),
        r"deployment\.inputs lacks goal; every interface input needs a topic",
    ),
    (
        "topic of no input",
        lambda c: c["deployment"]["inputs"].update(gaol={"topic": "a", "max_age_s": 1}),
        r"deployment\.inputs names 'gaol'; it must be one of joint_states, goal",
    ),
    (
        "name that is no topic",
        lambda c: c["deployment"]["inputs"]["goal"].update(topic="goal pose"),
        r"deployment\.inputs\.goal\.topic is 'goal pose'",
    ),
    (
        "no age allowed",
        lambda c: c["deployment"]["inputs"]["goal"].update(max_age_s=0),
        "max_age_s is 0; it must be above 0",
    ),
    (
        "limits of no joint",
        lambda c: c["deployment"]["limits"].update(wrist=c["deployment"]["limits"]["elbow"]),
        r"deployment\.limits names 'wrist'; it must be one of shoulder, elbow",
    ),
    (
        "joint without limits",
        lambda c: c["deployment"]["limits"].pop("elbow"),
        r"deployment\.limits lacks elbow; every joint needs all its limits",
    ),
    (
        "limits the wrong way round",
        lambda c: c["deployment"]["limits"]["elbow"].update(lower=2.0),
        "the limits of 'elbow' allow no motion; lower < upper",
    ),
    (
        "no speed",
        lambda c: c["deployment"]["limits"]["elbow"].update(velocity=0),
        "the limits of 'elbow' allow no motion",
    ),
    (
        "output that misses a joint",
        lambda c: c["deployment"]["outputs"][0].update(joints=["shoulder"]),
        "the outputs carry shoulder; each of shoulder, elbow exactly once",
    ),
    (
        "joint sent twice",
        lambda c: c["deployment"]["outputs"].append({"kind": "group", "topic": "b", "joints": ["elbow"]}),
        "the outputs carry shoulder, elbow, elbow; each of shoulder, elbow exactly once",
    ),
    ("no outputs", lambda c: c["deployment"].update(outputs=[]), "the outputs carry no joints"),
    (
        "empty output",
        lambda c: c["deployment"]["outputs"].append({"kind": "group", "topic": "b", "joints": []}),
        "the output 'b' carries no joints",
    ),
    (
        "two outputs on a topic",
        lambda c: c["deployment"].update(
            outputs=[{"kind": "group", "topic": "a", "joints": [joint]} for joint in ("shoulder", "elbow")]
        ),
        r"deployment\.outputs names a twice",
    ),
    (
        "gripper of two joints",
        lambda c: c["deployment"]["outputs"][0].update(kind="gripper_command"),
        "the gripper command 'arm_controller/commands' carries shoulder, elbow; it moves one joint",
    ),
]


@pytest.mark.parametrize(
    ("edit", "words"), [row[1:] for row in PART_MISTAKES], ids=[row[0] for row in PART_MISTAKES]
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


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    path = write_shipped(tmp_path, lambda content: content["interface"]["kinematics"].update(model="arm.xml"))
    with pytest.raises(MissingFileError, match=r"contracts/arm\.xml"):
        load_contract(path)
