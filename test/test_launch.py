"""The launch files start what the graphs say. Launching itself needs a ROS installation with `launch`, which no wheel brings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from qgf_ros.graph import COMMON, load_graph, settings

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("policy", "sim", "closed_loop", "teleop")
DOCUMENTED = {"checkpoint", "contract", "params_file", "namespace", "use_sim_time", "log_level", "autostart"}


@pytest.fixture(scope="module")
def launch() -> Any:
    pytest.importorskip(
        "launch_ros", reason="launch and launch_ros come with a ROS installation; there are no wheels of them"
    )
    return pytest.importorskip(
        "launch", reason="launch comes with a ROS installation; there is no wheel of it"
    )


def launch_file(name: str) -> Path:
    return ROOT / "launch" / f"{name}.launch.py"


def calls_in(path: Path) -> list[str]:
    """Every call in a file, as it is written."""
    tree = ast.parse(path.read_text())
    return [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("name", NAMES)
def test_a_launch_file_holds_nothing_but_the_name_of_its_graph(name: str) -> None:
    assert calls_in(launch_file(name)) == [f"describe('{name}')"]
    assert load_graph(ROOT / "config" / "graphs" / f"{name}.yaml").nodes


def test_every_launch_file_has_its_graph() -> None:
    graphs = {path.stem for path in (ROOT / "config" / "graphs").glob("*.yaml")}
    assert {path.name.removesuffix(".launch.py") for path in (ROOT / "launch").glob("*.launch.py")} <= graphs


@pytest.mark.parametrize("name", ["policy", "closed_loop"])
def test_the_documented_arguments_are_there_and_explained(name: str) -> None:
    arguments = load_graph(ROOT / "config" / "graphs" / f"{name}.yaml").arguments
    assert arguments.keys() >= DOCUMENTED
    assert [key for key, argument in arguments.items() if not argument.help] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_argument_is_declared_in_vain(name: str) -> None:
    graph = load_graph(ROOT / "config" / "graphs" / f"{name}.yaml")
    taken = {argument for node in graph.nodes for argument in (*node.arguments, *node.given.values())}
    assert graph.arguments.keys() - COMMON.keys() == taken


@pytest.mark.parametrize("name", NAMES)
def test_nodes_that_take_the_simulated_time_take_it_from_their_own_namespace(name: str) -> None:
    for node in load_graph(ROOT / "config" / "graphs" / f"{name}.yaml").nodes:
        assert ("use_sim_time" in node.arguments) == (node.remappings.get("/clock") == "clock")


@pytest.mark.parametrize("name", ["policy", "closed_loop"])
def test_every_lifecycle_node_can_start_itself(name: str) -> None:
    nodes = load_graph(ROOT / "config" / "graphs" / f"{name}.yaml").nodes
    assert [node.name for node in nodes if node.lifecycle] == ["command_node", "policy_node"]
    assert all(("autostart" in node.arguments) == node.lifecycle for node in nodes)


@pytest.mark.ros
@pytest.mark.parametrize("name", NAMES)
def test_ros2_launch_shows_the_arguments_of_the_graph_with_its_defaults(launch: Any, name: str) -> None:
    from launch.launch_description_sources import get_launch_description_from_python_launch_file

    description = get_launch_description_from_python_launch_file(str(launch_file(name)))
    shown = {
        entry.name: (entry.description, entry.default_value[0].text)
        for entry in description.get_launch_arguments()
    }
    graph = load_graph(ROOT / "config" / "graphs" / f"{name}.yaml")
    assert shown.keys() == graph.arguments.keys()
    for key, argument in graph.arguments.items():
        assert shown[key][0].startswith(argument.help)
        assert shown[key][1] == argument.default


@pytest.mark.ros
def test_ros2_launch_starts_each_node_of_the_graph_with_its_executable(launch: Any, tmp_path: Path) -> None:
    from qgf_ros.launching import action

    graph = load_graph(ROOT / "config" / "graphs" / "closed_loop.yaml")
    chosen = settings(graph, {"namespace": "left", "checkpoint": str(tmp_path)})
    actions = [action(setting) for setting in chosen]
    assert [(entry.node_package, entry.node_executable) for entry in actions] == [
        (node.package, node.executable) for node in graph.nodes
    ]
