"""Graph files: what they may say, what overrides what, and how processes are started and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from qgf_ros.errors import InvalidSetting, MissingPathError, NodeDiedError, UnknownKeys
from qgf_ros.graph import Graph, settings
from qgf_ros.graph import load_graph as load_strange_graph
from qgf_ros.runner import command_line, running

GRAPH = """
description: two nodes
arguments:
  robot: {kind: path, default: robot.txt, help: a file}
  fast: {kind: bool, default: "false", help: a switch}
  task: {default: push, help: a word}
nodes:
  - {name: first, package: p, executable: first, module: first_module, params_file: first.yaml, arguments: [robot, fast]}
  - {name: second, package: p, executable: second, module: second_module, params_file: second.yaml, arguments: [task],
     remappings: {/clock: clock}}
"""
# Stands in for a node where only the life of its process matters.
UNTIL_INTERRUPTED = "import signal, sys\nprint('ready', flush=True)\nsignal.pause()\n"
DIES = "import sys\nprint('the motor is missing')\nsys.exit(3)\n"
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('ready', flush=True)\nsignal.pause()\n"
PATIENCE_S = 20.0


def load_graph(path: Path) -> Graph:
    """The graph, its made-up modules allowed."""
    return load_strange_graph(path, ["first_module", "second_module", "t"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "robot.txt").write_text("")
    (tmp_path / "first.yaml").write_text("/**:\n  ros__parameters: {weight: 1.0, limits: {speed: 2.0}}\n")
    (tmp_path / "second.yaml").write_text("/**:\n  ros__parameters: {weight: 1.0, seed: 3}\n")
    return tmp_path


@pytest.fixture
def graph(folder: Path) -> Graph:
    return load_graph(folder / "graph.yaml")


def started_with(
    graph: Graph, arguments: dict[str, str], parameters: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The ROS arguments of each node."""
    return {entry.node.name: command_line(entry)[4:] for entry in settings(graph, arguments, parameters)}


def test_a_node_gets_only_the_arguments_that_it_names(graph: Graph) -> None:
    chosen = {
        entry.node.name: entry.parameters for entry in settings(graph, {"fast": "true", "task": "lift"})
    }
    assert chosen["first"].keys() == {"robot", "fast"}
    assert chosen["second"] == {"task": "lift"}


def test_default_paths_are_relative_to_the_graph_file_and_given_ones_to_the_caller(
    graph: Graph, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "mine.txt").write_text("")
    monkeypatch.chdir(folder / "elsewhere")
    by_default, given = settings(graph, {})[0], settings(graph, {"robot": "mine.txt"})[0]
    assert by_default.parameters["robot"] == str(folder.resolve() / "robot.txt")
    assert Path(str(given.parameters["robot"])).samefile(folder / "elsewhere" / "mine.txt")


def test_later_sources_override_earlier_ones_by_their_place_on_the_command_line(
    graph: Graph, folder: Path
) -> None:
    (folder / "mine.yaml").write_text("first:\n  ros__parameters: {weight: 5.0}\n")
    line = started_with(graph, {"params_file": str(folder / "mine.yaml")}, ["first:weight:=7.0"])["first"]
    places = [
        line.index(text)
        for text in (str(folder / "first.yaml"), str(folder / "mine.yaml"), "fast:=false", "weight:=7.0")
    ]
    assert places == sorted(places)


def test_a_namespace_reaches_every_node_with_or_without_slash(graph: Graph) -> None:
    plain, slashed = started_with(graph, {"namespace": "left"}), started_with(graph, {"namespace": "/left"})
    assert plain == slashed
    assert all("__ns:=/left" in line for line in plain.values())


def test_a_parameter_without_a_node_goes_to_each_node_whose_file_has_it(graph: Graph) -> None:
    lines = started_with(graph, {}, ["weight:=2.0", "limits.speed:=3.0"])
    assert "weight:=2.0" in lines["first"]
    assert "weight:=2.0" in lines["second"]
    assert "limits.speed:=3.0" in lines["first"]
    assert "limits.speed:=3.0" not in lines["second"]


def test_a_parameter_that_no_node_has_is_refused_with_those_there_are(graph: Graph) -> None:
    with pytest.raises(UnknownKeys, match=r"wieght.*limits\.speed, seed, weight"):
        settings(graph, {}, ["wieght:=2.0"])


@pytest.mark.parametrize("text", ["weight", "weight=2", ":=2", "third:weight:=2"])
def test_a_malformed_parameter_is_refused(graph: Graph, text: str) -> None:
    with pytest.raises(InvalidSetting, match="NODE one of first, second"):
        settings(graph, {}, [text])


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"taks": "push"}, UnknownKeys, "taks.*valid keys are .*task"),
        ({"fast": "yes"}, InvalidSetting, "fast is 'yes', but it must be true or false"),
        ({"robot": "nowhere.txt"}, MissingPathError, r"robot is .*nowhere\.txt"),
        ({"log_level": "loud"}, InvalidSetting, "log_level is 'loud'.*debug, info"),
    ],
)
def test_a_wrong_argument_is_one_sentence_that_says_what_would_do(
    graph: Graph, arguments: dict[str, str], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        settings(graph, arguments)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (("name: second", "name: first"), InvalidSetting, "a name that no other node has"),
        (("[task]", "[taks]"), InvalidSetting, "taks"),
        (("params_file: second.yaml", "params_file: gone.yaml"), MissingPathError, r"gone\.yaml"),
        (("remappings", "remapings"), UnknownKeys, "remapings"),
    ],
)
def test_a_wrong_graph_file_is_refused(
    folder: Path, change: tuple[str, str], error: type[Exception], sentence: str
) -> None:
    (folder / "graph.yaml").write_text(GRAPH.replace(*change))
    with pytest.raises(error, match=sentence):
        load_graph(folder / "graph.yaml")


def test_a_graph_that_includes_another_has_its_nodes_and_may_change_its_defaults(folder: Path) -> None:
    (folder / "mine.yaml").write_text(
        "description: mine\ninclude: [graph.yaml]\narguments:\n  task: {default: lift, help: a word}\n"
    )
    graph = load_graph(folder / "mine.yaml")
    assert [node.name for node in graph.nodes] == ["first", "second"]
    assert settings(graph, {})[1].parameters == {"task": "lift"}


@pytest.fixture
def nodes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Graph]:
    """Makes the graph's two modules from sources."""

    def make(first: str, second: str) -> Graph:
        (folder / "first_module.py").write_text(first)
        (folder / "second_module.py").write_text(second)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        return load_graph(folder / "graph.yaml")

    return make


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_all_processes_are_gone_when_the_block_ends(nodes: Callable[[str, str], Graph]) -> None:
    said: list[tuple[str, str]] = []
    graph = nodes(UNTIL_INTERRUPTED, UNTIL_INTERRUPTED)
    with running(settings(graph, {}), lambda name, line: said.append((name, line))) as processes:
        wait_for(lambda: {("first", "ready"), ("second", "ready")} <= set(said))
        assert set(processes.exit_codes().values()) == {None}
    assert None not in processes.exit_codes().values()


def test_a_node_that_dies_is_named_with_its_code_and_last_words_and_the_others_stop(
    nodes: Callable[[str, str], Graph],
) -> None:
    graph = nodes(UNTIL_INTERRUPTED, DIES)
    with (
        pytest.raises(NodeDiedError, match=r"second ended with exit code 3.*the motor is missing"),
        running(settings(graph, {}), lambda name, line: None) as processes,
    ):
        processes.watch()
    assert None not in processes.exit_codes().values()


@pytest.mark.slow
def test_a_node_that_does_not_listen_to_an_interrupt_is_terminated(
    nodes: Callable[[str, str], Graph],
) -> None:
    said: list[str] = []
    with running(settings(nodes(DEAF, DEAF), {}), lambda name, line: said.append(line)) as processes:
        wait_for(lambda: len(said) == 2)
    assert set(processes.exit_codes().values()) == {-signal.SIGTERM}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_qgf_run_stops_its_nodes_on_a_signal_and_ends_well(
    nodes: Callable[[str, str], Graph], folder: Path, number: signal.Signals
) -> None:
    nodes(UNTIL_INTERRUPTED, UNTIL_INTERRUPTED)
    paths = os.pathsep.join([str(folder), str(Path(__file__).resolve().parents[1])])
    command = [sys.executable, "-m", "qgf_ros.cli.main", "run", str(folder / "graph.yaml")]
    command += ["--allow-module", "first_module", "--allow-module", "second_module"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as run:
        assert run.stdout is not None
        seen = {run.stdout.readline().strip() for _ in range(2)}
        run.send_signal(number)
        rest = run.stdout.read()
    assert seen == {"[first] ready", "[second] ready"}
    assert "stopping the nodes" in rest
    assert run.returncode == 0


OPTIONAL = GRAPH.replace(
    "nodes:",
    "  record: {kind: output, help: a folder}\nnodes:\n"
    "  - {name: third, package: p, executable: t, module: t, params_file: second.yaml, arguments: [record], only_with: record}",
)


def test_a_node_that_is_started_only_with_an_argument_is_absent_without_it(folder: Path) -> None:
    (folder / "optional.yaml").write_text(OPTIONAL)
    graph = load_graph(folder / "optional.yaml")
    assert [entry.node.name for entry in settings(graph, {})] == ["third", "first", "second"][1:]
    assert [entry.node.name for entry in settings(graph, {"record": "new"})] == ["third", "first", "second"]


def test_an_output_need_not_exist_and_is_relative_to_the_caller(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "optional.yaml").write_text(OPTIONAL)
    third = settings(load_graph(folder / "optional.yaml"), {"record": "new"})[0]
    assert third.parameters["record"] == str(folder / "new")


def test_a_node_cannot_wait_for_an_argument_that_is_not_declared(folder: Path) -> None:
    (folder / "bad.yaml").write_text(GRAPH.replace("arguments: [task]", "only_with: recrod"))
    with pytest.raises(InvalidSetting, match="recrod"):
        load_graph(folder / "bad.yaml")
