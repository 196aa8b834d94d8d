"""The digest of an interface changes with its meaning, and with nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from contract_files import SHIPPED, two_joints, write_shipped, write_two_joints

from qgf_ros.contract.load import differences, interface_from_canonical, load_contract
from qgf_ros.errors import InvalidSetting, UnknownKeys

Content = dict[str, Any]

SHIPPED_DIGEST = "e8eb1c487c4e41bafc77a8e50fe6dbc1fc7bbc7c77cd9bcf6649ec2be6ac950c"


def reversed_keys(value: object) -> object:
    """The same YAML with the keys of every mapping in reverse order."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def test_the_shipped_interface_is_the_one_that_data_and_checkpoints_name() -> None:
    """Fails when the meaning of the shipped contract, or its model file, changes: data must then be made anew."""
    assert load_contract(SHIPPED).interface.digest == SHIPPED_DIGEST


def test_the_order_of_keys_white_space_and_comments_do_not_change_the_digest(tmp_path: Path) -> None:
    path = write_shipped(tmp_path)
    content = reversed_keys(yaml.safe_load(path.read_text()))
    path.write_text("# a comment\n\n" + yaml.safe_dump(content, sort_keys=False, indent=7, width=40))
    assert load_contract(path).interface.digest == SHIPPED_DIGEST


def test_whole_numbers_and_fractions_of_one_value_have_one_digest(tmp_path: Path) -> None:
    whole = two_joints(tmp_path, lambda c: c["interface"]["action"]["dimensions"][0].update(scale=1))
    fraction = two_joints(tmp_path, lambda c: c["interface"]["action"]["dimensions"][0].update(scale=1.0))
    assert whole.interface.digest == fraction.interface.digest


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["deployment"].update(command_rate_hz=200.0),
        lambda c: c["deployment"]["inputs"]["goal"].update(frame="world"),
        lambda c: c["deployment"]["inputs"]["goal"].update(topic="/elsewhere", max_age_s=1.0),
        lambda c: c["deployment"]["limits"]["elbow"].update(velocity=0.1),
        lambda c: c["deployment"]["outputs"][0].update(kind="trajectory"),
    ],
    ids=["rate", "frame of this robot", "topic", "limits", "output"],
)
def test_the_deployment_is_no_part_of_the_digest(tmp_path: Path, edit: Callable[[Content], object]) -> None:
    assert two_joints(tmp_path, edit).interface.digest == two_joints(tmp_path).interface.digest


MEANINGS: dict[str, Callable[[Content], object]] = {
    "name": lambda i: i.update(name="other"),
    "order of joints": lambda i: i["joints"].reverse(),
    "control period": lambda i: i.update(control_period_s=0.1),
    "chunk length": lambda i: i.update(chunk_length=5),
    "frame": lambda i: i["inputs"][1].update(frame="world"),
    "order of inputs": lambda i: i["inputs"].reverse(),
    "order of terms": lambda i: i["observation"].reverse(),
    "order of joints in a term": lambda i: i["observation"][0]["joints"].reverse(),
    "a term's name": lambda i: i["observation"][0].update(name="positions"),
    "a term's unit": lambda i: i["observation"][0].update(unit="m"),
    "a term's field": lambda i: i["observation"][1].update(field="position", unit="rad"),
    "a term less": lambda i: i["observation"].pop(),
    "reference": lambda i: i["action"].update(reference="measured"),
    "order of dimensions": lambda i: i["action"]["dimensions"].reverse(),
    "scale": lambda i: i["action"]["dimensions"][0].update(scale=0.11),
    "centre": lambda i: i["action"]["dimensions"][0].update(centre=0.01),
    "an action's unit": lambda i: i["action"]["dimensions"][0].update(unit="m"),
}


@pytest.mark.parametrize("edit", MEANINGS.values(), ids=MEANINGS.keys())
def test_every_change_of_meaning_changes_the_digest(
    tmp_path: Path, edit: Callable[[Content], object]
) -> None:
    changed = two_joints(tmp_path, lambda content: edit(content["interface"]))
    assert changed.interface.digest != two_joints(tmp_path).interface.digest


@pytest.mark.parametrize(
    "edit",
    [
        lambda i: i["action"].update(workspace=[[0.25, -0.35, 0.02], [0.6, 0.35, 0.36]]),
        lambda i: i["action"].update(workspace=None),
        lambda i: i["kinematics"].update(nominal_quat_wxyz=[1.0, 0.0, 0.0, 0.0]),
    ],
    ids=["workspace", "no workspace", "nominal attitude"],
)
def test_the_tool_is_part_of_the_digest(tmp_path: Path, edit: Callable[[Content], object]) -> None:
    path = write_shipped(tmp_path, lambda content: edit(content["interface"]))
    assert load_contract(path).interface.digest != SHIPPED_DIGEST


def test_the_bytes_of_the_model_are_part_of_the_digest(tmp_path: Path) -> None:
    path = write_shipped(tmp_path)
    model = tmp_path / "robots" / "ur5e_2f85.xml"
    model.write_text(model.read_text().replace('pos="0 0 0.163"', 'pos="0 0 0.164"'))
    assert load_contract(path).interface.digest != SHIPPED_DIGEST


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("*.yaml")), ids=lambda path: path.name)
def test_the_canonical_form_gives_the_interface_back_through_json(path: Path) -> None:
    interface = load_contract(path).interface
    stored = json.loads(json.dumps(interface.canonical(), sort_keys=True))
    assert interface_from_canonical(stored) == interface
    assert interface_from_canonical(stored).digest == interface.digest


def test_a_stored_interface_of_another_schema_is_refused(tmp_path: Path) -> None:
    stored = two_joints(tmp_path).interface.canonical()
    with pytest.raises(UnknownKeys, match="interface has unknown keys colour"):
        interface_from_canonical(stored | {"colour": "red"})
    with pytest.raises(InvalidSetting, match=r"interface\.joints is 3, but it must be a list"):
        interface_from_canonical(stored | {"joints": 3})


def test_equal_interfaces_have_no_differences(tmp_path: Path) -> None:
    assert differences(two_joints(tmp_path).interface, two_joints(tmp_path).interface) == []


def test_differences_are_told_in_words(tmp_path: Path) -> None:
    ours = two_joints(tmp_path).interface
    theirs = two_joints(
        tmp_path, lambda c: c["interface"]["action"]["dimensions"][1].update(scale=0.3)
    ).interface
    assert differences(ours, theirs) == ["action.dimensions[1].scale is 0.2 here and 0.3 there"]


def test_lists_of_other_lengths_and_absent_parts_are_told_in_words(tmp_path: Path) -> None:
    ours = load_contract(SHIPPED).interface
    theirs = dataclasses.replace(ours, observation=ours.observation[:-1], kinematics=None)
    assert differences(ours, theirs) == [
        f"observation is a list of {len(ours.observation)} here and a list of {len(theirs.observation)} there",
        "kinematics is given here and absent there",
    ]


def test_many_differences_end_with_a_count(tmp_path: Path) -> None:
    ours = two_joints(tmp_path).interface
    edit = MEANINGS["order of terms"]
    theirs = load_contract(write_two_joints(tmp_path, lambda content: edit(content["interface"]))).interface
    told = differences(ours, theirs)
    assert len(told) == 7
    assert told[-1].startswith("and ")
    assert told[-1].endswith(" more")
