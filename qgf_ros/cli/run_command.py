"""`qgf run GRAPH.yaml`: starts the nodes of a graph as processes, as `ros2 launch` does from the same file."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from qgf_ros.errors import InvalidSetting
from qgf_ros.graph import load_graph, settings
from qgf_ros.runner import Processes, running

HELP = "start the nodes of a graph and show what they say, until Ctrl-C or until one of them ends"
EXAMPLE = (
    "qgf run config/graphs/closed_loop.yaml task:=cube-single-task2 --param policy_node:guidance_weight:=0.1"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("graph", type=Path, help="graph YAML, for example config/graphs/closed_loop.yaml")
    parser.add_argument(
        "values", nargs="*", metavar="NAME:=VALUE", help="the graph's arguments, as `ros2 launch` takes them"
    )
    parser.add_argument(
        "--show-args", action="store_true", help="list the graph's arguments and start nothing"
    )
    parser.add_argument("--namespace", metavar="NAME", help="the same as namespace:=NAME")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="[NODE:]NAME:=VALUE",
        help="a node's parameter; without NODE, of every node that has it (may be repeated)",
    )
    parser.add_argument(
        "--allow-module",
        action="append",
        default=[],
        metavar="NAME",
        help="installed Python module, not of this package, that the graph may start as a node (may be repeated)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the graph until it is interrupted; returns its nodes, their exit codes and how long they ran (s)."""
    graph = load_graph(arguments.graph, arguments.allow_module)
    if arguments.show_args:
        print(graph.description)
        for name, argument in graph.arguments.items():
            print(f"  {name}:={argument.default or '(none)'}\n      {argument.help}")
        return {"arguments": {name: argument.default for name, argument in graph.arguments.items()}}
    values = _assignments(arguments.values)
    if arguments.namespace is not None:
        values["namespace"] = arguments.namespace
    chosen = settings(graph, values, arguments.param)
    with running(chosen) as processes:
        began = time.monotonic()
        _until_interrupted(processes)
        ran_s = time.monotonic() - began
    return {"ran_s": ran_s, "exit_codes": processes.exit_codes()}


def _until_interrupted(processes: Processes) -> None:
    """Ctrl-C and SIGTERM are the usual ends of a graph, not errors."""
    try:
        processes.watch()
    except KeyboardInterrupt:
        print("qgf run: stopping the nodes", flush=True)


def _assignments(texts: list[str]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, separator, value = text.partition(":=")
        if not separator or not name:
            raise InvalidSetting("the argument", text, "NAME:=VALUE")
        values[name] = value
    return values
