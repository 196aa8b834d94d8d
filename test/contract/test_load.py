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


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    path = write_shipped(tmp_path, lambda content: content["interface"]["kinematics"].update(model="arm.xml"))
    with pytest.raises(MissingFileError, match=r"contracts/arm\.xml"):
        load_contract(path)
