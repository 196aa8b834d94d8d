"""The rows of the matrix over real processes: `qgf faults --process`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from qgf_ros.bags.reader import read_facts
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph, load_graph
from qgf_ros.nodes.command_faults import (
    best_effort_sensor,
    command_rows,
    ending_rows,
    mismatched_sensor,
)
from qgf_ros.nodes.kills import PHASE_S, CommandKill, PolicyKill, kill_command_nodes, kill_policy_nodes
from qgf_ros.nodes.policy_faults import policy_rows
from qgf_ros.runner import Sink
from qgf_ros.share import share_path
from qgf_ros.verify.bag import verify_bag

GRAPH = "config/graphs/closed_loop.yaml"
SEED = 0
TOLD = 5  # violations


def process_rows(kills: int, say: Callable[[str], None]) -> Iterator[MatrixRow]:
    """All rows over real processes, with `kills` kills of each node. `say` gets a line for each kill, and nodes' complaints.

    Raises:
        NodeDiedError, NodeSilentError, NodeRefusedError: the graph did not run.
    """
    graph = load_graph(share_path(GRAPH))

    def sink(name: str, line: str) -> None:
        if any(word in line for word in ("FATAL", "Traceback")):
            say(f"[{name}] {line}")

    yield from command_rows(graph, sink)
    yield from ending_rows(graph, sink)
    yield best_effort_sensor(graph, sink)
    yield mismatched_sensor(graph, sink)
    yield from policy_rows(graph, sink)
    yield from kill_rows(graph, kills, say, sink)


def kill_rows(graph: Graph, kills: int, say: Callable[[str], None], sink: Sink) -> Iterator[MatrixRow]:
    """kill -9 of the policy node and of the command node, half of the latter under each kind of output."""
    phases: list[float] = np.random.default_rng(SEED).uniform(*PHASE_S, kills).tolist()
    policies = []
    with tempfile.TemporaryDirectory(prefix="qgf_kills_") as folder:
        bag = Path(folder) / "bag"
        for killed in kill_policy_nodes(graph, phases, bag, sink):
            say(policy_line(killed))
            policies.append(killed)
        yield policy_row(policies)
        yield verified_row(bag, load_contract(Path(graph.arguments["contract"].default)), say)
    halves = {OutputKind.GROUP: phases[: (kills + 1) // 2], OutputKind.TRAJECTORY: phases[(kills + 1) // 2 :]}
    for kind, half in halves.items():
        commands = []
        for kill in kill_command_nodes(graph, kind, half, SEED, sink):
            say(command_line(kill))
            commands.append(kill)
        if commands:
            yield command_row(kind, commands)


def verified_row(bag: Path, contract: Contract, say: Callable[[str], None]) -> MatrixRow:
    """Whether the verifier finds anything in the recording of all kills of the policy node."""
    report = verify_bag(bag, contract, read_facts(bag))
    for entry in report.violations[:TOLD]:
        say(str(entry))
    expected = "every certificate verified"
    kinds = ", ".join(f"{what} {count}" for what, count in report.counts.most_common())
    seen = expected if report.holds else f"in {report.ticks} ticks {kinds}"
    fault = f"policy node kill -9, recording of {report.ticks} ticks"
    return MatrixRow(fault, "all", expected, seen, 0.0, 0.0, report.holds)


def policy_line(kill: PolicyKill) -> str:
    """A kill in words."""
    rest = "does not rest" if kill.rest_s is None else f"rests after {kill.rest_s:.2f} s"
    words = "; ".join(kill.problems) or "no command missing, inside the limits"
    return f"policy node killed {kill.phase_s:.2f} s into motion: {words}; {' '.join(kill.rungs)}; {rest}"


def command_line(kill: CommandKill) -> str:
    """A kill in words."""
    words = f"joints moved by {kill.moved.max():.3f} rad at most, {kill.share:.2f} of stopping bound and lag"
    return f"command node killed {kill.phase_s:.2f} s into motion ({kill.kind.value}): {words}"


def policy_row(kills: Sequence[PolicyKill]) -> MatrixRow:
    """All kills of the policy node in one row; the time is the longest until the arm was at rest."""
    bad = [kill for kill in kills if not kill.passed]
    rests = [kill.rest_s for kill in kills if kill.rest_s is not None]
    ticks = sum(kill.ticks for kill in kills)
    expected = "no command missing, tail, rest"
    seen = expected if not bad else policy_line(bad[0])
    fault = f"policy node kill -9, {len(kills)} phases, {ticks} ticks"
    within_s = 1.0  # chunks in play and on their way, 0.5 s, and the way to rest
    passed = not bad and max(rests, default=0.0) <= within_s
    return MatrixRow(fault, "chunk", expected, seen, max(rests, default=None), within_s, passed)


def command_row(kind: OutputKind, kills: Sequence[CommandKill]) -> MatrixRow:
    """All kills of the command node under one kind of output in a row; the time is the longest until the joints were at rest."""
    bad = [kill for kill in kills if not kill.passed]
    share = max(kill.share for kill in kills)
    seen = (
        f"joints inside the stopping bound (at most {share:.2f} of it)" if not bad else command_line(bad[0])
    )
    fault = f"command node kill -9, {len(kills)} phases, {kind.value}"
    rest_s = max(kill.rest_s for kill in kills)
    return MatrixRow(fault, "chunk", "joints inside the stopping bound", seen, rest_s, 1.2, not bad)
