"""Runs the whole graph in real time for minutes, episode after episode, and tells from a recording how its commands were."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message

from qgf_ros.bags.reader import Recorded, read_bag, read_facts
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.errors import LostMessagesError
from qgf_ros.evaluate.command_stream import (
    Certificate,
    Topic,
    Window,
    command_figures,
    spread,
)
from qgf_ros.evaluate.recording import EpisodeRecord
from qgf_ros.graph import Graph, settings
from qgf_ros.nodes.conductor import COMMAND, POLICY, Conductor
from qgf_ros.nodes.diagnostics import values
from qgf_ros.runner import Processes, running

SIMULATED = ("sim_node:end_at_success:=true", "sim_node:paused:=true")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Soak:
    """What is run: arguments of the graph by name, parameters as `qgf run` takes them, first seed, how long."""

    graph: Graph
    arguments: dict[str, str]
    parameters: tuple[str, ...]
    seconds: float
    seed: int = 0


def run_soak(soak: Soak, bag: Path | None, say: Say, said: Callable[[str, str], None]) -> dict[str, object]:
    """Runs the graph and returns its figures. The recording stays in `bag`, if one is named.

    `say` gets a line for each episode, `said` (node, line) what the nodes say.

    Raises:
        NodeDiedError, NodeSilentError, NodeRefusedError: the graph did not run.
    """
    contract = load_contract(Path(soak.arguments.get("contract", soak.graph.arguments["contract"].default)))
    with tempfile.TemporaryDirectory(prefix="qgf_soak_") as folder:
        recording = bag if bag is not None else Path(folder) / "bag"
        given = soak.arguments | {"record": str(recording), "autostart": "true"}
        nodes = settings(soak.graph, given, [*SIMULATED, *soak.parameters])
        load_before = os.getloadavg()[0]
        with running(nodes, said) as processes:
            drive = _drive(soak, contract, processes, say)
        figures = analyse(recording, contract, drive.records)
    return {
        "seconds": drive.seconds,
        "episodes": len(drive.records),
        "successes": sum(record.success for record in drive.records),
        "episodes_not_conducted": drive.holes,
        "cpu_share": drive.cpu_share,
        "load_before": load_before,
        "cores": os.cpu_count(),
        **figures,
    }


def analyse(bag: Path, contract: Contract, records: Sequence[EpisodeRecord]) -> dict[str, object]:
    """The figures of a recording in which these episodes were run, in real time."""
    sent: list[tuple[int, int]] = []
    messages, output = 0, _output(contract)
    certificates: list[Certificate] = []
    latencies: list[float] = []
    for entry in read_bag(bag):
        messages += 1
        if entry.topic.endswith(output):
            sent.append((entry.sent_ns, entry.received_ns))
        elif entry.topic.endswith(f"{COMMAND}/certificate"):
            certificates.append(_certificate(entry))
        elif entry.topic.endswith(f"{POLICY}/report"):
            latencies += _latency(entry)
    commands = Topic(*np.array(sent, np.int64).reshape(-1, 2).T)
    windows = [
        Window(int(record.stamps_ns[0]), int(record.stamps_ns[-1]))
        for record in records
        if len(record.stamps_ns)
    ]
    figures = command_figures(certificates, windows, commands, contract.tick_ns)
    facts = read_facts(bag).items()
    lost = {name.removeprefix("lost"): int(count) for name, count in facts if name.startswith("lost")}
    recorder = {"messages": messages, "lost": lost.pop("", 0), "lost_by_topic": lost}
    return figures | {"latency_ms": spread(np.array(latencies)), "recorder": recorder}


@dataclass(frozen=True)
class _Drive:
    """What was driven. `cpu_share` by node: seconds of a core a second. `holes`: episodes whose record was not complete."""

    records: list[EpisodeRecord]
    holes: int
    seconds: float
    cpu_share: dict[str, float]


def _drive(soak: Soak, contract: Contract, processes: Processes, say: Say) -> _Drive:
    records: list[EpisodeRecord] = []
    holes, seed = 0, soak.seed
    namespace = soak.arguments.get("namespace", "")
    with Conductor(contract, lockstep=False, namespace=namespace, check=processes.check) as conductor:
        conductor.wait_until_active()
        before, begun = _cpu_seconds(processes), time.monotonic()
        while time.monotonic() - begun < soak.seconds:
            try:
                records.append(conductor.run_episode(seed))
                say(_line(records[-1], time.monotonic() - begun))
            except LostMessagesError as error:
                holes += 1
                say(str(error))
            seed += 1
        seconds = time.monotonic() - begun
        after = _cpu_seconds(processes)
    return _Drive(records, holes, seconds, {name: (after[name] - before[name]) / seconds for name in before})


def _line(record: EpisodeRecord, at_s: float) -> str:
    result = "at the goal" if record.success else "not there"
    ticks = len(record.commands)
    late = f"{record.tail_ticks} tail, {record.hold_ticks} hold, {record.missed_commands} missed of {ticks} ticks"
    return f"{at_s:6.0f} s  seed {record.seed:<4d}  {result:<11}  {late}"


def _cpu_seconds(processes: Processes) -> dict[str, float]:
    """Seconds of a core that each process has used."""
    hz = os.sysconf("SC_CLK_TCK")
    found = {}
    for process in processes.members:
        fields = Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(")")[2].split()
        found[process.name] = (int(fields[11]) + int(fields[12])) / hz
    return found


def _output(contract: Contract) -> str:
    kinds = (OutputKind.GROUP, OutputKind.TRAJECTORY)
    return next(
        (entry.topic for entry in contract.deployment.outputs if entry.kind in kinds), f"{COMMAND}/executed"
    )


def _certificate(entry: Recorded) -> Certificate:
    message = deserialize_message(entry.data, DiagnosticArray)
    found = values(message.status[0])
    stamp = stamp_ns(message.header.stamp)
    return Certificate(stamp, found["rung"], int(found["commands"]), int(found["missed"]), found["reason"])


def _latency(entry: Recorded) -> list[float]:
    """The latency of a chunk that was sent; none for an attempt that was not."""
    found = values(deserialize_message(entry.data, DiagnosticArray).status[0])
    return [float(found["latency_ms"])] if found.get("sent", "true") == "true" else []
