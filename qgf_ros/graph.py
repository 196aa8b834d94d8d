"""A ROS graph as one YAML file: nodes, parameter files, arguments. Launch files and `qgf run` both start what stands there.

What a later source says overrides an earlier one, for each node: its own `params_file`, the `params_file` argument, the other
arguments, single parameters from the command line.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qgf_ros.bounds import inside
from qgf_ros.errors import InvalidSetting, MissingPathError, UnknownKeys, UnreadableFileError
from qgf_ros.graph_file import Argument, GraphFile, GraphNode, Kind, anchored, check_node, root_of
from qgf_ros.strict import build, read_yaml

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True)
class Graph:
    """A graph with its inclusions, every path absolute."""

    description: str
    arguments: dict[str, Argument]
    nodes: tuple[GraphNode, ...]


@dataclass(frozen=True)
class NodeSetting:
    """A node as it is started: parameter files in order, then `parameters`, then `overrides` (`NAME:=VALUE`, VALUE in YAML)."""

    node: GraphNode
    namespace: str
    params_files: tuple[Path, ...]
    parameters: dict[str, bool | str]
    overrides: tuple[str, ...]
    log_level: str
    announcements: tuple[str, ...] = ()


# Arguments of every graph: they concern each process, not a parameter of one.
COMMON = {
    "params_file": Argument(
        "one more parameter file, over the nodes' own; its keys are node names", Kind.PATH
    ),
    "namespace": Argument("namespace of all nodes and topics, so that two robots share one network"),
    "log_level": Argument("least severity that is logged", Kind.TEXT, "info"),
}


def load_graph(path: Path, allowed: Collection[str] = ()) -> Graph:
    """The graph in a file, with what it includes; `allowed` are modules that its nodes may be beside this package's own.

    Raises:
        MissingFileError, FileTooLarge, UnreadableFileError, UnknownKeys, InvalidSetting: as in `qgf_ros.strict`.
        MissingPathError: a node's parameter file does not exist.
        InvalidSetting: two nodes of one name, a node takes an argument that is not declared or is a program that is not
            allowed, a path leads out of the graph's folder, or a graph is included that lies in another folder, or twice, or
            within itself.
    """
    return _load(path, allowed, [])


def _load(path: Path, allowed: Collection[str], loaded: list[str]) -> Graph:
    """`loaded`: names of the graphs that were included by now, in any depth; this adds its own."""
    written = build(GraphFile, read_yaml(path), path.name)
    loaded.append(path.name)
    included = []
    for name in written.include:
        where = f"{path.name}.include"
        if not name or name != Path(name).name or name in loaded:
            raise InvalidSetting(
                where, name, "the name of another graph's file in the same folder, included once"
            )
        inside(path.parent, path.parent, name, where)
        included.append(_load(path.parent / name, allowed, loaded))
    own = {name: anchored(argument, name, path) for name, argument in written.arguments.items()}
    arguments = {name: argument for graph in included for name, argument in graph.arguments.items()}
    nodes = [node for graph in included for node in graph.nodes]
    for node in written.nodes:
        check_node(node, allowed, path.name)
        where = f"{path.name}.{node.name}.params_file"
        file = inside(root_of(path), path.parent, str(node.params_file), where)
        if not os.path.isfile(file):  # False too where the name is too long to be one
            raise MissingPathError(where, file)
        nodes.append(replace(node, params_file=file))
    graph = Graph(written.description, COMMON | arguments | own, tuple(nodes))
    _check(graph, path.name)
    return graph


def settings(
    graph: Graph, arguments: Mapping[str, str], parameters: Sequence[str] = ()
) -> tuple[NodeSetting, ...]:
    """Each node as it is started under `arguments` (by name) and `parameters` (`[NODE:]NAME:=VALUE`).

    Paths in `arguments` are relative to the folder in which the command is called.

    Raises:
        UnknownKeys: an argument that the graph does not have.
        InvalidSetting: a value of the wrong kind, or a parameter that no node knows.
        MissingPathError: a path names nothing.
    """
    if unknown := arguments.keys() - graph.arguments.keys():
        raise UnknownKeys("The graph's argument list", unknown, graph.arguments)
    texts = {name: arguments.get(name, argument.default) for name, argument in graph.arguments.items()}
    values = {name: _value(name, graph.arguments[name], text) for name, text in texts.items() if text}
    if texts["log_level"] not in LOG_LEVELS:
        raise InvalidSetting("log_level", texts["log_level"], "one of " + ", ".join(LOG_LEVELS))
    extra = _overrides(graph, parameters)
    files = (Path(str(values["params_file"])),) if "params_file" in values else ()
    return tuple(
        NodeSetting(
            node=node,
            namespace=texts["namespace"].strip("/"),
            params_files=(node.params_file, *files),
            parameters={name: values[of] for name, of in _takes(node).items() if of in values},
            overrides=tuple(extra[node.name]),
            log_level=texts["log_level"],
            announcements=tuple(
                graph.arguments[name].announce
                for name in node.arguments
                if values.get(name) is True and graph.arguments[name].announce
            ),
        )
        for node in graph.nodes
        if not node.only_with or node.only_with in values
    )


def _takes(node: GraphNode) -> dict[str, str]:
    """The node's parameters with the arguments that they take their values from."""
    return {name: name for name in node.arguments} | node.given


def _check(graph: Graph, where: str) -> None:
    names = [node.name for node in graph.nodes]
    for node in graph.nodes:
        if names.count(node.name) > 1:
            raise InvalidSetting(f"{where}.nodes", node.name, "a name that no other node has")
        for name in (*_takes(node).values(), *filter(None, [node.only_with])):
            if name not in graph.arguments:
                raise InvalidSetting(
                    f"{where}.{node.name}.arguments", name, "one of " + ", ".join(graph.arguments)
                )


def _value(name: str, argument: Argument, text: str) -> bool | str:
    if argument.kind is Kind.BOOL:
        if text.lower() not in ("true", "false"):
            raise InvalidSetting(name, text, "true or false")
        return text.lower() == "true"
    if argument.kind in (Kind.PATH, Kind.OUTPUT):
        path = Path(text).expanduser().absolute()
        if argument.kind is Kind.PATH and not os.path.exists(path):
            raise MissingPathError(name, path)
        return str(path)
    return text


def _overrides(graph: Graph, parameters: Sequence[str]) -> dict[str, list[str]]:
    """`[NODE:]NAME:=VALUE` by node; without NODE it goes to each node whose parameter file has the name."""
    found: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    known = {node.name: parameter_names(node.params_file) for node in graph.nodes}
    for text in parameters:
        key, separator, value = text.partition(":=")
        node_name, _, name = key.rpartition(":")
        if not separator or not name or node_name not in {"", *found}:
            raise InvalidSetting("--param", text, f"[NODE:]NAME:=VALUE with NODE one of {', '.join(found)}")
        takers = [node_name] if node_name else [node for node in found if name in known[node]]
        if not takers:
            raise UnknownKeys("--param", [name], {name for names in known.values() for name in names})
        for taker in takers:
            found[taker].append(f"{name}:={value}")
    return found


def parameter_names(params_file: Path) -> set[str]:
    """The names of the parameters that a file sets, nested groups joined by dots. Raises UnreadableFileError, as `read_yaml`."""
    content = read_yaml(params_file)
    groups = [entry.get("ros__parameters", {}) for entry in content.values() if isinstance(entry, dict)]
    if not all(isinstance(group, dict) for group in groups):
        raise UnreadableFileError(params_file, "a parameter file", "ros__parameters is no mapping")
    return {name for group in groups for name in _flat(group)}


def _flat(group: Mapping[str, object]) -> list[str]:
    names = []
    for name, value in group.items():
        names += [f"{name}.{inner}" for inner in _flat(value)] if isinstance(value, dict) else [str(name)]
    return names
