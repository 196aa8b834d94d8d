"""Whether recording disturbs commands: jitter and missed ticks with a recorder and without, in turns, in one run of one graph.

    python bench/recording_jitter.py --rounds 6 --seconds 20 --json out/recording_jitter.json

The graph is config/graphs/closed_loop.yaml, in real time. It runs all the while, and so does who counts; in every second phase a recorder is
started, which writes all topics, and ended. Each phase runs episodes for so many seconds once the recorder listens, so that what differs is the recording
alone. Ticks that were missed while a recorder starts or ends are counted with its phase.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import Float64MultiArray

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.errors import LostMessagesError
from qgf_ros.evaluate.command_stream import Certificate, Topic, Window, command_figures, spread
from qgf_ros.graph import load_graph, settings
from qgf_ros.nodes.conductor import COMMAND, EVERYTHING, Conductor
from qgf_ros.nodes.diagnostics import values
from qgf_ros.nodes.soak import SIMULATED
from qgf_ros.runner import running
from qgf_ros.share import share_path

START_S = 3.0  # until a recorder has found the graph
PHASES = ("off", "on")


class Counting(Conductor):
    """A conductor that also notes when each command of the first output was sent, and each certificate."""

    def __init__(self, contract: Contract, check: Any) -> None:
        super().__init__(contract, lockstep=False, check=check)
        self.sent: list[tuple[int, int]] = []
        self.certificates: list[Certificate] = []
        subscribe = self._client.inputs.subscribe_informed
        topic = contract.deployment.outputs[0].topic
        subscribe(Float64MultiArray, topic, self._on_command, EVERYTHING)
        subscribe(DiagnosticArray, f"{COMMAND}/certificate", self._on_tick, EVERYTHING)

    def _on_command(self, _message: Float64MultiArray, facts: dict[str, Any]) -> None:
        self.sent.append((facts["source_timestamp"], facts["received_timestamp"]))

    def _on_tick(self, message: DiagnosticArray, _facts: dict[str, Any]) -> None:
        found, stamp = values(message.status[0]), stamp_ns(message.header.stamp)
        counts = (int(found["commands"]), int(found["missed"]))
        self.certificates.append(Certificate(stamp, found["rung"], *counts, found["reason"]))

    def wait(self, seconds: float) -> None:
        """Serves messages for a while."""
        self._client.spin(seconds)


def phase(conductor: Counting, seconds: float, seed: int, tick_ns: int) -> dict[str, Any]:
    """Episodes for so long; the jitter of their commands, ms, ticks without a command and all."""
    conductor.sent.clear()
    conductor.certificates.clear()
    records, begun, stolen = [], time.monotonic(), stolen_ms()
    while time.monotonic() - begun < seconds:
        try:
            records.append(conductor.run_episode(seed + len(records)))
        except LostMessagesError as error:
            print(error)
    stamps = [record.stamps_ns for record in records if len(record.stamps_ns)]
    windows = [Window(int(found[0]), int(found[-1])) for found in stamps]
    commands = Topic(*np.array(conductor.sent, np.int64).reshape(-1, 2).T)
    figures = command_figures(conductor.certificates, windows, commands, tick_ns)
    inside = [
        commands.sent_ns[(commands.sent_ns >= w.first_ns) & (commands.sent_ns <= w.last_ns)] for w in windows
    ]
    jitter = np.concatenate([np.abs(np.diff(times) - tick_ns) * 1e-6 for times in inside])
    return {
        "jitter_ms": jitter,
        "ticks": figures["ticks"],
        "missed": figures["ticks_without_command"],
        "episodes": len(records),
        "stolen_ms": stolen_ms() - stolen,
    }


def stolen_ms() -> float:
    """Processor time that a hypervisor gave to others since the start, of all cores, ms in steps of 10; 0 on a machine of its own."""
    told = Path("/proc/stat").read_text().split(maxsplit=9)
    return 1e3 * int(told[8]) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Runs, prints the table, writes the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help="phases without and with a recorder (default 6 each)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each phase (default 20)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    graph = load_graph(share_path("config/graphs/closed_loop.yaml"))
    contract = load_contract(Path(graph.arguments["contract"].default))
    load_before, found = os.getloadavg()[0], {name: [] for name in PHASES}
    with tempfile.TemporaryDirectory(prefix="recording_jitter_") as folder:
        nodes = settings(graph, {"record": "unused"}, SIMULATED)
        robot = [node for node in nodes if node.node.name != "recorder_node"]
        with running(robot, lambda *_: None) as processes, Counting(contract, processes.check) as conductor:
            conductor.wait_until_active()
            conductor.run_episode(0)
            for number in range(2 * arguments.rounds):
                name = PHASES[number % 2]
                given = {"record": f"{folder}/bag{number}"}
                recorders = [node for node in settings(graph, given) if node.node.name == "recorder_node"]
                with running(recorders, lambda *_: None) if name == "on" else nullcontext():
                    conductor.wait(START_S)
                    found[name].append(
                        phase(conductor, arguments.seconds, 100 + 20 * number, contract.tick_ns)
                    )
                print(
                    f"{name:>3}  {spread(found[name][-1]['jitter_ms'])}  missed {found[name][-1]['missed']}, "
                    f"{found[name][-1]['stolen_ms']:.0f} ms stolen",
                    flush=True,
                )
    report: dict[str, Any] = {"load_before": load_before, "cores": os.cpu_count()}
    for name, phases in found.items():
        report[name] = {
            "jitter_sent_ms": spread(np.concatenate([entry["jitter_ms"] for entry in phases])),
            "p50_by_phase": [float(np.median(entry["jitter_ms"])) for entry in phases],
            **{
                key: sum(entry[key] for entry in phases)
                for key in ("ticks", "missed", "episodes", "stolen_ms")
            },
            "missed_by_phase": [entry["missed"] for entry in phases],
            "stolen_ms_by_phase": [entry["stolen_ms"] for entry in phases],
        }
    report["p50_ratio"] = report["on"]["jitter_sent_ms"]["p50"] / report["off"]["jitter_sent_ms"]["p50"]
    print(json.dumps(report, indent=2))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
