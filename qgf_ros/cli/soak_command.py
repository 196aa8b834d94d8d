"""`qgf soak`: a long run, in one of two ways.

`--minutes`: simulator, policy node, command node and recorder as processes in real time; are there commands at every tick?
`--ticks`: what the command node decides, in process on virtual time, under random faults; does anything unsafe leave?
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from qgf_ros.errors import InvalidSetting
from qgf_ros.runner import print_line

HELP = "run for long: the whole graph in real time (--minutes), or its decisions under random faults in virtual time (--ticks)"
EXAMPLE = "qgf soak --minutes 10 --json out/soak.json\n  qgf soak --ticks 1000000 --json out/soak_ticks.json"
LOUD = ("[ERROR]", "[FATAL]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--minutes",
        type=float,
        default=1.0,
        help="real processes, real time, nothing goes wrong on purpose: how regular are commands, chunks, recording (default 1)",
    )
    way.add_argument(
        "--ticks",
        type=int,
        metavar="N",
        help="robot, faults and command session in process, faster than real time: N ticks with random faults, chunks, stops; "
        "every command is checked by other arithmetic, every certificate verified",
    )
    parser.add_argument(
        "--processes", type=int, default=2, help="with --ticks: parallel processes (default 2)"
    )
    parser.add_argument(
        "--episode",
        type=int,
        metavar="K",
        help="with --ticks: only episode K of that soak, to see a failure again",
    )
    parser.add_argument("--graph", type=Path, help="graph YAML (default: config/graphs/closed_loop.yaml)")
    parser.add_argument("--contract", type=Path, help="contract YAML (default: the graph's)")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the graph's)")
    parser.add_argument("--task", help="simulation task (default: the one the checkpoint was trained for)")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="with --minutes: of the first episode; with --ticks: of all chance (default 0)",
    )
    parser.add_argument("--bag", type=Path, help="with --minutes: keep the recording in this new folder")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="[NODE:]NAME:=VALUE",
        help="with --minutes: a node's parameter",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs, prints the table, returns the figures; `exit_code` is 1 where a tick had no command, or anything unsafe was found."""
    check_way(arguments)
    if arguments.ticks is not None:
        from qgf_ros.cli.soak_ticks import run_ticks

        return run_ticks(arguments)
    if not arguments.minutes > 0:
        raise InvalidSetting("--minutes", arguments.minutes, "a time above 0")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))

    from qgf_ros.cli.shipped import GRAPH, Shipped
    from qgf_ros.graph import load_graph
    from qgf_ros.nodes.runtime import require_rclpy
    from qgf_ros.share import share_path

    require_rclpy()
    from qgf_ros.nodes.soak import Soak, run_soak

    path = arguments.graph or share_path(GRAPH)
    graph, shipped = load_graph(path), Shipped.of_the_graph(path)
    checkpoint = arguments.checkpoint or shipped.checkpoint
    task = arguments.task or shipped.task_of(checkpoint)
    given = {"checkpoint": str(checkpoint), "task": task}
    if arguments.contract:
        given["contract"] = str(arguments.contract)
    soak = Soak(
        graph,
        {name: text for name, text in given.items() if text},
        tuple(arguments.param),
        arguments.minutes * 60.0,
        arguments.seed,
    )
    figures: dict[str, Any] = run_soak(soak, arguments.bag, lambda line: print(line, flush=True), _complain)
    print_table(figures)
    return figures | {"exit_code": int(figures["ticks_without_command"] > 0)}


def check_way(arguments: argparse.Namespace) -> None:
    """Raises InvalidSetting where an argument belongs to the other way: it would say nothing."""
    in_ticks = arguments.ticks is not None
    strange = (
        {"--bag": arguments.bag and str(arguments.bag), "--param": arguments.param}
        if in_ticks
        else {"--episode": arguments.episode}
    )
    for name, value in strange.items():
        if value not in (None, []):
            raise InvalidSetting(name, value, f"given with {'--minutes' if in_ticks else '--ticks'} alone")


def print_table(figures: dict[str, Any]) -> None:
    """Prints the figures for people."""
    rungs = ", ".join(f"{name} {count}" for name, count in figures["rungs"].items())
    recorder = figures["recorder"]
    rows = {
        "ran": f"{figures['seconds']:.0f} s, {figures['successes']} of {figures['episodes']} episodes at the goal",
        "ticks": f"{figures['ticks']}, {figures['ticks_without_command']} without a command",
        "fresh": f"{figures['fresh_share']:.2%} of {figures['episode_ticks']} ticks in episodes; "
        f"{figures['fresh_share_after_first']:.2%} after the first chunk of each",
        "rungs": rungs,
        "jitter, sent": _spread(figures["jitter_sent_ms"]),
        "jitter, received": _spread(figures["jitter_received_ms"]),
        "latency of chunks": _spread(figures["latency_ms"]),
        "recorder": f"{recorder['messages']} messages, {recorder['lost']} lost",
        "cores used": ", ".join(f"{name} {share:.2f}" for name, share in figures["cpu_share"].items()),
        "load": f"{figures['load_before']:.1f} before, {figures['cores']} cores",
    }
    for name, text in rows.items():
        print(f"{name:<18}  {text}")


def _spread(figures: dict[str, float]) -> str:
    if not figures["count"]:
        return "none"
    return f"p50 {figures['p50']:.3f} ms, p99 {figures['p99']:.3f} ms, worst {figures['worst']:.3f} ms"


def _complain(name: str, line: str) -> None:
    if any(word in line for word in LOUD):
        print_line(name, line)
