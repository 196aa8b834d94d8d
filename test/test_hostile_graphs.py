"""Graphs from somebody else: only this package's own nodes are started, with files that came with the graph."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from qgf_ros.cli.main import main
from qgf_ros.errors import InvalidSetting
from qgf_ros.graph import load_graph, settings
from qgf_ros.graph_file import OWN_MODULES
from qgf_ros.runner import command_line

ROOT = Path(__file__).parents[1]
OWN = "{package: qgf_ros, executable: sim_node, module: qgf_sim.node}"


def written(folder: Path, node: str = OWN, params_file: str = "p.yaml", arguments: str = "{}") -> Path:
    """A graph of one node."""
    (folder / "p.yaml").write_text("/**:\n  ros__parameters: {seed: 1}\n")
    inner = node.strip("{}")
    path = folder / "graph.yaml"
    path.write_text(
        f"description: one node\narguments: {arguments}\n"
        f"nodes:\n  - {{name: it, {inner}, params_file: {json.dumps(params_file)}}}\n"
    )
    return path


STRANGE = {
    "a module that lies beside it": (
        "package: qgf_ros, executable: sim_node, module: evil",
        "module is 'evil'",
    ),
    "a module of Python's own": ("package: qgf_ros, executable: sim_node, module: http.server", "http"),
    "another of our modules": ("package: qgf_ros, executable: sim_node, module: qgf_ros.cli.main", "cli"),
    "one node under the name of another": (
        "package: qgf_ros, executable: sim_node, module: qgf_ros.nodes.command_node",
        "executable is 'sim_node', but it must be command_node",
    ),
    "a path for an executable": (
        "package: qgf_ros, executable: ../../bin/sh, module: qgf_sim.node",
        "executable is '../../bin/sh', but it must be sim_node",
    ),
    "another package": (
        "package: evil, executable: sim_node, module: qgf_sim.node",
        "package is 'evil', but it must be qgf_ros",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_node_that_is_none_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    node, message = STRANGE[name]
    with pytest.raises(InvalidSetting, match=message):
        load_graph(written(tmp_path, node))


def test_the_sentence_says_which_nodes_there_are_and_how_another_is_allowed(tmp_path: Path) -> None:
    node = "package: p, executable: e, module: my_driver"
    with pytest.raises(InvalidSetting, match=r"one of .*qgf_ros\.nodes\.command_node.*--allow-module"):
        load_graph(written(tmp_path, node))


def test_a_module_that_the_caller_allows_is_started(tmp_path: Path) -> None:
    path = written(tmp_path, "package: mine, executable: driver, module: my_driver")
    [setting] = settings(load_graph(path, allowed=["my_driver"]), {})
    assert "my_driver" in command_line(setting)


def test_qgf_run_starts_no_module_that_it_was_not_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evil.py").write_text("open('sentinel', 'w')")
    path = written(tmp_path, "package: p, executable: e, module: evil")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["run", str(path)]) != 0
    assert "--allow-module" in capsys.readouterr().err
    assert not (tmp_path / "sentinel").exists()
    assert main(["run", str(path), "--allow-module", "evil"]) != 0  # it ends, which no node does
    assert (tmp_path / "sentinel").exists()


def test_a_file_in_the_folder_in_which_a_graph_is_started_stands_in_for_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "yaml.py").write_text("open('sentinel', 'w')")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "my_driver.py").write_text("import yaml")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    path = written(tmp_path / "inside", "package: p, executable: e, module: my_driver")
    [setting] = settings(load_graph(path, allowed=["my_driver"]), {})
    subprocess.run(command_line(setting), cwd=tmp_path / "inside", check=True)
    assert not (tmp_path / "inside" / "sentinel").exists()


@pytest.mark.parametrize(
    "params_file", ["../secret.yaml", "/etc/hostname", "a/../../secret.yaml", "link.yaml"]
)
def test_a_parameter_file_lies_below_the_graph_s_folder(tmp_path: Path, params_file: str) -> None:
    (tmp_path / "secret.yaml").write_text("/**:\n  ros__parameters: {}\n")
    (tmp_path / "inside" / "a").mkdir(parents=True)
    (tmp_path / "inside" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(InvalidSetting, match=r"params_file is .* must be a relative path that stays below"):
        load_graph(written(tmp_path / "inside", params_file=params_file))


@pytest.mark.parametrize("default", ["../secret", "/etc/passwd", "link"])
def test_a_path_that_an_argument_has_where_none_is_given_lies_there_too(tmp_path: Path, default: str) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to("/etc/passwd")
    arguments = f"{{checkpoint: {{kind: path, default: {default}, help: x}}}}"
    with pytest.raises(InvalidSetting, match=r"checkpoint\.default is .* stays below"):
        load_graph(written(tmp_path / "inside", arguments=arguments))


def test_where_something_is_written_only_the_caller_says(tmp_path: Path) -> None:
    arguments = "{record: {kind: output, default: ~/.config, help: x}}"
    with pytest.raises(InvalidSetting, match=r"record\.default is '~/\.config', but it must be empty"):
        load_graph(written(tmp_path, arguments=arguments))


def test_a_graph_that_is_included_lies_in_the_folder_also_where_links_lead(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.yaml").write_text("description: secret\n")
    (tmp_path / "inside" / "b.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "inside" / "a.yaml").write_text("description: a\ninclude: [b.yaml]\n")
    with pytest.raises(InvalidSetting, match=r"include is 'b\.yaml'"):
        load_graph(tmp_path / "inside" / "a.yaml")


def test_graphs_that_ship_may_name_everything_that_ships() -> None:
    graph = load_graph(ROOT / "config" / "graphs" / "jaco_reach.yaml")
    assert graph.arguments["checkpoint"].default == str(ROOT / "checkpoints" / "jaco_reach")


def test_all_executables_but_the_command_line_are_nodes_that_a_graph_may_start() -> None:
    text = (ROOT / "setup.py").read_text()
    named = [line.strip(' ",\n').split(" = ") for line in text.splitlines() if ":main" in line]
    assert {name: target.removesuffix(":main") for name, target in named if name != "qgf"} == OWN_MODULES
