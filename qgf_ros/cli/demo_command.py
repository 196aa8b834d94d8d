"""`qgf demo`: simulator, policy and command node as ROS 2 processes, unguided against guided, in real time."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.errors import InvalidSetting, UnknownTaskError
from qgf_ros.runner import print_line

if TYPE_CHECKING:
    from qgf_ros.cli.demo_report import Records
    from qgf_ros.contract.schema import Contract
    from qgf_ros.evaluate.recording import EpisodeRecord
    from qgf_ros.graph import Graph

HELP = "run the ROS 2 graph in real time, unguided and guided, and report with a table, a plot and a film"
EXAMPLE = "qgf demo --episodes 5"
ROWS: dict[str, dict[str, bool | int | float | str]] = {
    "unguided": {"guidance_weight": 0.0, "candidates": 1},
    "guided": {
        "guidance_weight": -1.0,
        "candidates": 0,
    },  # the checkpoint's own defaults, as the node starts with
}
LOUD = ("[ERROR]", "[FATAL]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder (default: the graph's)")
    parser.add_argument("--graph", type=Path, help="graph YAML (default: config/graphs/closed_loop.yaml)")
    parser.add_argument("--contract", type=Path, help="contract YAML (default: the graph's)")
    parser.add_argument("--task", help="simulation task (default: the one the checkpoint was trained for)")
    parser.add_argument(
        "--episodes", type=int, default=5, help="episodes unguided, and as many guided (default 5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed; both rows share theirs (default 0)")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="results (default out/demo)")
    parser.add_argument("--no-film", action="store_true", help="make no film")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the episodes, prints them as they end, writes and returns the report."""
    if arguments.episodes < 1:
        raise InvalidSetting("--episodes", arguments.episodes, "at least 1")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    own_domain = str(1 + os.getpid() % 100)  # two demos on one computer shall not meet
    os.environ.setdefault("ROS_DOMAIN_ID", own_domain)

    import qgf_sim
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.cli import demo_report
    from qgf_ros.cli.main import write_json
    from qgf_ros.contract.load import load_contract
    from qgf_ros.graph import load_graph
    from qgf_ros.nodes.runtime import require_rclpy
    from qgf_ros.share import share_path

    require_rclpy()
    graph = load_graph(arguments.graph or share_path("config/graphs/closed_loop.yaml"))
    contract = load_contract(arguments.contract or Path(graph.arguments["contract"].default))
    checkpoint_path = arguments.checkpoint or Path(graph.arguments["checkpoint"].default)
    provenance = load_checkpoint(checkpoint_path, contract.interface).provenance
    task = arguments.task or str(provenance.get("task", graph.arguments["task"].default))
    if task not in qgf_sim.available():
        raise UnknownTaskError(task, qgf_sim.available())
    arguments.out.mkdir(parents=True, exist_ok=True)
    records = drive(arguments, graph, contract, checkpoint_path, task)
    figures = demo_report.report(records, task, checkpoint_path.name)
    write_json(arguments.out / "report.json", figures)
    demo_report.print_table(figures)
    print(f"report   {arguments.out / 'report.json'}")
    print(
        f"picture  {demo_report.picture(records, contract, task, arguments.out / 'episodes.png')}", flush=True
    )
    if not arguments.no_film:
        print("film     being made ...", flush=True)
        print(f"film     {demo_report.film(records, contract, task, arguments.out)}", flush=True)
    return figures


def drive(
    arguments: argparse.Namespace, graph: Graph, contract: Contract, checkpoint: Path, task: str
) -> Records:
    """The episodes, unguided and guided in turn on the same seeds."""
    from qgf_ros.graph import settings
    from qgf_ros.nodes.conductor import Conductor
    from qgf_ros.runner import running

    began = time.monotonic()
    given = {"contract": str(contract.path), "checkpoint": str(checkpoint), "task": task, "autostart": "true"}
    nodes = settings(graph, given, ["sim_node:end_at_success:=true", "sim_node:paused:=true"])
    names = ", ".join(node.node.name for node in nodes)
    log = arguments.out / "nodes.log"
    print(
        f"starting {names} on ROS domain {os.environ['ROS_DOMAIN_ID']}; what they say is in {log}", flush=True
    )
    for line in (line for node in nodes for line in node.announcements):
        print(line, flush=True)
    records: Records = {name: [] for name in ROWS}
    total = arguments.episodes * len(ROWS)
    with (
        log.open("w") as file,
        running(nodes, lambda name, line: _note(file, name, line)) as processes,
        Conductor(contract, lockstep=False, poses={"goal": "goal_pose"}, check=processes.check) as conductor,
    ):
        conductor.wait_until_active()
        print(
            f"ready after {time.monotonic() - began:.0f} s; {task}, {total} episodes in real time", flush=True
        )
        for number in range(total):
            row = list(ROWS)[number % len(ROWS)]
            conductor.set_policy(ROWS[row])
            record = conductor.run_episode(arguments.seed + number // len(ROWS))
            records[row].append(record)
            lasted_s = len(record.commands) * contract.tick_ns * 1e-9
            print(f"{number + 1:3d}/{total}  {row:<8}  {_line(record, lasted_s)}", flush=True)
    return records


def _note(file: Any, name: str, line: str) -> None:
    file.write(f"[{name}] {line}\n")
    if any(word in line for word in LOUD):
        print_line(name, line)


def _line(record: EpisodeRecord, lasted_s: float) -> str:
    if not record.latencies_ms:
        return f"seed {record.seed:<4d}  at the goal from the beginning"
    result = "at the goal" if record.success else "not there"
    latency = f"{statistics.median(record.latencies_ms):5.1f} ms a chunk"
    missed = f"{record.missed_commands} of {len(record.commands)} commands missed"
    return f"seed {record.seed:<4d}  {result:<11} after {lasted_s:4.1f} s  {latency}  {missed}"
