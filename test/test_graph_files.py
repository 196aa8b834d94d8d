"""Graphs that ship: who confirms full speed, and what a graph or parameter file may not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from qgf_ros.errors import InvalidSetting, MissingPathError, UnreadableFileError
from qgf_ros.graph import load_graph, parameter_names, settings
from qgf_ros.strict import read_yaml

ROOT = Path(__file__).parents[1]


def test_a_real_robot_never_starts_at_full_speed_unless_a_person_says_so_and_a_simulation_says_that_it_does() -> (
    None
):
    graphs = {path.stem: load_graph(path) for path in (ROOT / "config" / "graphs").glob("*.yaml")}
    confirmed = {}
    for name, graph in graphs.items():
        nodes = {entry.node.name: entry for entry in settings(graph, {})}
        if "command_node" in nodes:
            command = nodes["command_node"]
            assert (command.announcements != ()) == command.parameters["full_speed_confirmed"]
            simulated = command.announcements == ("full speed confirmed: simulation",)
            assert simulated == ("sim_node" in nodes)
            confirmed[name] = command.parameters["full_speed_confirmed"]
    assert confirmed == {
        "command": False,
        "policy": False,
        "teleop": False,
        "closed_loop": True,
        "jaco_reach": True,
        "sim_teleop": True,
    }
    written = read_yaml(ROOT / "config" / "params" / "command_node.yaml")
    assert written["/**"]["ros__parameters"]["full_speed_confirmed"] is False


def test_what_an_argument_announces_is_the_first_that_is_shown_of_its_node_where_it_is_true() -> None:
    graph = load_graph(ROOT / "config" / "graphs" / "closed_loop.yaml")
    assert [one.announcements for one in settings(graph, {"full_speed_confirmed": "false"})] == [()] * 3


def test_a_parameter_may_take_an_argument_of_another_name(tmp_path: Path) -> None:
    graph = load_graph(ROOT / "config" / "graphs" / "policy.yaml")
    command = next(
        one for one in settings(graph, {"checkpoint": str(tmp_path)}) if one.node.name == "command_node"
    )
    assert command.parameters["seen"] == str(tmp_path)
    assert "checkpoint" not in command.parameters


@pytest.mark.parametrize("include", ["[a.yaml]", "[b.yaml, b.yaml]", "[../b.yaml]", "[c.yaml]", '[""]'])
def test_a_graph_includes_others_of_its_folder_once_and_never_itself(tmp_path: Path, include: str) -> None:
    (tmp_path / "a.yaml").write_text(f"description: a\ninclude: {include}\n")
    (tmp_path / "b.yaml").write_text("description: b\n")
    (tmp_path / "c.yaml").write_text("description: c\ninclude: [a.yaml]\n")
    with pytest.raises(InvalidSetting, match="another graph's file in the same folder, included once"):
        load_graph(tmp_path / "a.yaml")


def test_a_parameter_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("/**:\n  ros__parameters: [1]\n")
    with pytest.raises(UnreadableFileError, match="ros__parameters is no mapping"):
        parameter_names(tmp_path / "p.yaml")


def test_a_name_of_a_parameter_file_that_is_too_long_for_one_is_refused(tmp_path: Path) -> None:
    """Found by the fuzzer: asking whether there is such a file fails, and says nothing about the graph."""
    long = "params/" + "x" * 5000 + ".yaml"
    (tmp_path / "a.yaml").write_text(
        f"description: a\nnodes:\n  - name: sim_node\n    package: qgf_ros\n    executable: sim_node\n"
        f"    module: qgf_sim.node\n    params_file: {long}\n"
    )
    with pytest.raises(MissingPathError, match="params_file"):
        load_graph(tmp_path / "a.yaml")
