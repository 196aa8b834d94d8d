"""Goals in a contract: what they may be places for, and what they leave as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract_files import ROOT, two_joints, write_shipped
from goal_world import RADIUS, add_goal

from qgf_ros.contract.load import differences, interface_from_canonical, load_contract
from qgf_ros.contract.schema import Input, Message
from qgf_ros.errors import ContractError

CONTRACTS = ROOT / "config" / "contracts"
OF_THE_CUBE = "e8eb1c487c4e41bafc77a8e50fe6dbc1fc7bbc7c77cd9bcf6649ec2be6ac950c"  # in data and checkpoints made before goals


def test_a_contract_without_goals_has_the_digest_it_had_before_there_were_any() -> None:
    assert load_contract(CONTRACTS / "ur5e_cube.yaml").interface.digest == OF_THE_CUBE


def test_rows_recorded_without_goals_serve_an_interface_with_goals() -> None:
    plain, told = (
        load_contract(CONTRACTS / f"{name}.yaml").interface for name in ("ur5e_cube", "ur5e_cube_goal")
    )
    assert plain.digest != told.digest
    assert plain.row_digest == told.row_digest
    assert told.without_goal == plain
    assert differences(plain, told) == ["goal is absent here and given there"]
    assert differences(told, plain) == ["goal is given here and absent there"]


def test_an_interface_with_goals_comes_back_from_its_canonical_form(tmp_path: Path) -> None:
    interface = two_joints(tmp_path, add_goal).interface
    assert interface_from_canonical(interface.canonical()) == interface
    assert interface.goal_dim == 3


def test_goals_come_in_the_frame_of_what_they_are_places_for(tmp_path: Path) -> None:
    assert two_joints(tmp_path, add_goal).goal_input == Input("goal", Message.POSE, "base_link")

    def rename(content: dict[str, Any]) -> None:
        add_goal(content)
        content["deployment"]["inputs"]["goal"]["frame"] = "base"

    def rename_twice(content: dict[str, Any]) -> None:
        rename(content)
        content["deployment"]["goal"]["frame"] = "table"

    assert two_joints(tmp_path, rename).goal_input == Input("goal", Message.POSE, "base")
    assert two_joints(tmp_path, rename_twice).goal_input == Input("goal", Message.POSE, "table")
    assert two_joints(tmp_path).goal_input is None


@pytest.mark.parametrize("term", ["angles", "goal_yaw", "elsewhere"])
def test_a_goal_is_a_place(tmp_path: Path, term: str) -> None:
    def edit(content: dict[str, Any]) -> None:
        add_goal(content)
        content["interface"]["goal"]["term"] = term

    with pytest.raises(ContractError, match=r"it must be a pose_position .*: goal_position"):
        two_joints(tmp_path, edit)


def test_a_goal_does_not_move_with_the_tool(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["interface"]["goal"] = {"term": "cube_from_tool", "radius": RADIUS}
        content["deployment"]["goal"] = {"topic": "goal"}

    with pytest.raises(ContractError, match="not taken from the tool: cube_position"):
        load_contract(write_shipped(tmp_path, edit))


@pytest.mark.parametrize("part", ["interface", "deployment"])
def test_goals_need_a_term_and_a_topic(tmp_path: Path, part: str) -> None:
    def edit(content: dict[str, Any]) -> None:
        add_goal(content)
        del content[part]["goal"]

    with pytest.raises(ContractError, match=r"\.goal is given without .*\.goal"):
        two_joints(tmp_path, edit)


@pytest.mark.parametrize("radius", [0.0, -0.1])
def test_a_radius_is_above_zero(tmp_path: Path, radius: float) -> None:
    def edit(content: dict[str, Any]) -> None:
        add_goal(content)
        content["interface"]["goal"]["radius"] = radius

    with pytest.raises(ContractError, match="radius"):
        two_joints(tmp_path, edit)


def test_a_topic_of_goals_has_a_name_as_every_topic(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        add_goal(content)
        content["deployment"]["goal"]["topic"] = "where to"

    with pytest.raises(ContractError, match=r"deployment\.goal\.topic"):
        two_joints(tmp_path, edit)
