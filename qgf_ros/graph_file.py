"""A ROS graph as its YAML says it, and what a graph that somebody else wrote may start and name: our own nodes, its own files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from qgf_ros.bounds import inside
from qgf_ros.errors import InvalidSetting
from qgf_ros.share import PACKAGE, share_path

OWN_MODULES = {
    "policy_node": "qgf_ros.nodes.policy_node",
    "command_node": "qgf_ros.nodes.command_node",
    "recorder_node": "qgf_ros.nodes.recorder_node",
    "teleop_node": "qgf_ros.nodes.teleop_node",
    "sim_node": "qgf_sim.node",
}
"""Executables of this package, as setup.py installs them, with their modules: what a graph starts unless its caller allows more."""


class Kind(Enum):
    """What an argument's text means."""

    TEXT = "text"
    PATH = "path"
    OUTPUT = "output"  # a path that need not exist
    BOOL = "bool"


@dataclass(frozen=True)
class Argument:
    """An argument of the whole graph. A default path is relative to the graph's file; empty means: not given.

    `announce` is said at the start of each node that takes the argument, where it is true.
    """

    help: str
    kind: Kind = Kind.TEXT
    default: str = ""
    announce: str = ""


@dataclass(frozen=True)
class GraphNode:
    """One process. `arguments` are those of the graph that it takes as parameters of the same name.

    `given` are further parameters, each with the argument that it takes the value of. `only_with` names an argument of the
    graph without which the node is not started.
    """

    name: str
    package: str
    executable: str
    module: str
    params_file: Path
    lifecycle: bool = False
    arguments: tuple[str, ...] = ()
    given: dict[str, str] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    only_with: str = ""


@dataclass(frozen=True)
class GraphFile:
    """The YAML as it is written.

    `include` names graphs in the same folder whose nodes and arguments come first; an argument that is declared again has
    the new default.
    """

    description: str
    include: tuple[str, ...] = ()
    arguments: dict[str, Argument] = field(default_factory=dict)
    nodes: tuple[GraphNode, ...] = ()


def root_of(path: Path) -> Path:
    """The folder below which a graph's files lie: the package's own where the graph is one that ships, else the graph's."""
    share = share_path("package.xml").resolve().parent
    folder = path.resolve().parent
    return share if folder.is_relative_to(share) else folder


def check_node(node: GraphNode, allowed: Collection[str], where: str) -> None:
    """Returns where the node is one of ours, or of a module that the caller allowed; `where` names its graph.

    Raises:
        InvalidSetting: another program would be started.
    """
    place = f"{where}.{node.name}"
    if node.module in allowed:
        return
    executables = [name for name, module in OWN_MODULES.items() if module == node.module]
    if not executables:
        accepted = f"one of {', '.join(OWN_MODULES.values())}, or allowed by --allow-module of qgf run"
        raise InvalidSetting(f"{place}.module", node.module, accepted)
    for key, found, own in (
        ("executable", node.executable, executables[0]),
        ("package", node.package, PACKAGE),
    ):
        if found != own:
            raise InvalidSetting(f"{place}.{key}", found, f"{own} with the module {node.module}")


def anchored(argument: Argument, name: str, path: Path) -> Argument:
    """The argument `name` of the graph at `path` with its default path made absolute.

    Raises:
        InvalidSetting: the default leads out of `root_of` the graph, or says where something is written.
    """
    where = f"{path.name}.arguments.{name}.default"
    if argument.kind is Kind.OUTPUT and argument.default:
        raise InvalidSetting(
            where, argument.default, "empty: only the caller says where something is written"
        )
    if argument.kind is not Kind.PATH or not argument.default:
        return argument
    return replace(argument, default=str(inside(root_of(path), path.parent, argument.default, where)))
