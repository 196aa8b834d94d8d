"""The rows of the matrix over real processes: `qgf faults --process`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from qgf_ros.bags.reader import read_facts
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, OutputKind
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph, load_graph
from qgf_ros.nodes.command_faults import best_effort_sensor, command_rows, mismatched_sensor
from qgf_ros.nodes.ending_faults import ending_rows
from qgf_ros.nodes.fault_rows import attempt
from qgf_ros.nodes.killed import LONGEST_REST_S, SAG_RAD, UNHEARD_S, CommandKill, PolicyKill
from qgf_ros.nodes.kills import draw_phases, kill_command_nodes, kill_policy_nodes
from qgf_ros.nodes.policy_faults import policy_rows
from qgf_ros.runner import Sink
from qgf_ros.share import share_path
from qgf_ros.verify.bag import verify_bag

Kill = TypeVar("Kill")
GRAPH = "config/graphs/closed_loop.yaml"
TOLD = 5  # violations


def process_rows(kills: int, seed: int, say: Callable[[str], None]) -> Iterator[MatrixRow]:
    """All rows over real processes, with `kills` kills of each node in phases drawn from `seed`.

    `say` gets a line for each kill, and nodes' complaints. What the graph does not do is a failed row with its sentence.
    """
    graph = load_graph(share_path(GRAPH))

    def sink(name: str, line: str) -> None:
        if any(word in line for word in ("FATAL", "Traceback")):
            say(f"[{name}] {line}")

    yield from attempt("faults about the command node", lambda: command_rows(graph, sink))
    yield from ending_rows(graph, sink)
    yield from attempt("joint_states best effort", lambda: [best_effort_sensor(graph, sink)])
    yield from attempt("QoS mismatch on joint_states", lambda: [mismatched_sensor(graph, sink)])
    yield from attempt("faults about the policy node", lambda: policy_rows(graph, sink))
    yield from kill_rows(graph, kills, seed, say, sink)


def kill_rows(
    graph: Graph, kills: int, seed: int, say: Callable[[str], None], sink: Sink
) -> Iterator[MatrixRow]:
    """kill -9 of the policy node and of the command node, half of the latter under each kind of output."""
    say(f"phases of kills are drawn from seed {seed}")
    yield from attempt("policy node kill -9, recording", lambda: policy_kills(graph, kills, seed, say, sink))
    phases = draw_phases(seed)
    for kind, count in {OutputKind.GROUP: (kills + 1) // 2, OutputKind.TRAJECTORY: kills // 2}.items():
        done: list[CommandKill] = []
        found = kill_command_nodes(graph, kind, count, phases, seed, sink)
        yield from attempt(
            f"command node kill -9, {kind.value}", partial(_collected, found, done, command_line, say)
        )
        if done:
            yield command_row(kind, done)


def policy_kills(
    graph: Graph, kills: int, seed: int, say: Callable[[str], None], sink: Sink
) -> Iterator[MatrixRow]:
    """All kills of the policy node in one row, those before a graph that failed too; and what the verifier finds in their recording."""
    phases, done = list(islice(draw_phases(seed), kills)), list[PolicyKill]()
    with tempfile.TemporaryDirectory(prefix="qgf_kills_") as folder:
        bag = Path(folder) / "bag"
        found = kill_policy_nodes(graph, phases, bag, sink)
        yield from attempt("policy node kill -9", partial(_collected, found, done, policy_line, say))
        if done:
            row, contract = policy_row(done), load_contract(Path(graph.arguments["contract"].default))
            yield row
            verified = verified_row(bag, contract, say)
            yield replace(verified, missed=row.missed, missed_before=row.missed_before)


def _collected(
    found: Iterable[Kill], done: list[Kill], line: Callable[[Kill], str], say: Callable[[str], None]
) -> Iterator[MatrixRow]:
    """No row: each kill is said, and put into `done`."""
    for kill in found:
        say(line(kill))
        done.append(kill)
    yield from ()


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
    words = f"{words}; {' '.join(kill.rungs)}; {rest}; {kill.missed.words}"
    return f"policy node killed {kill.phase_s:.2f} s into motion: {words}"


def command_line(kill: CommandKill) -> str:
    """A kill in words."""
    worst = int(np.argmax(kill.moved))
    parts = f"lag {kill.lag[worst]:.3f}, stopping bound {kill.bound[worst]:.3f}; {kill.share:.2f} of both and {SAG_RAD} at most"
    words = f"at {kill.speed:.2f} rad/s, moved by {kill.moved[worst]:.3f} rad at most ({parts}), at rest after {kill.rest_s:.2f} s"
    if kill.unheard_s > UNHEARD_S:
        words = f"{words}; of {kill.unheard_s:.2f} s nothing was heard"
    if kill.again:
        words = f"{words}; done again {kill.again} times, since nobody saw the end of one before"
    return f"command node killed {kill.phase_s:.2f} s into motion ({kill.kind.value}): {words}"


def policy_row(kills: Sequence[PolicyKill]) -> MatrixRow:
    """All kills of the policy node in one row; the time is the longest until the arm was at rest."""
    bad = [kill for kill in kills if not kill.passed]
    rests = [kill.rest_s for kill in kills if kill.rest_s is not None]
    ticks, missed = (
        sum(kill.ticks for kill in kills),
        sum((kill.missed for kill in kills[1:]), kills[0].missed),
    )
    expected = "no command missing, tail, rest"
    seen = policy_line(bad[0]) if bad else missed.words if missed.is_the_faults else expected
    fault = f"policy node kill -9, {len(kills)} phases, {ticks} ticks"
    within_s = 1.0  # chunks in play and on their way, 0.5 s, and the way to rest
    passed = seen == expected and max(rests, default=0.0) <= within_s
    row = MatrixRow(fault, "chunk", expected, seen, max(rests, default=None), within_s, passed)
    figures = tuple(kill.figures() for kill in kills)
    return replace(row, missed=missed.after, missed_before=missed.before, kills=figures)


def command_row(kind: OutputKind, kills: Sequence[CommandKill]) -> MatrixRow:
    """All kills of the command node under one kind of output in a row; the time is the longest until the joints were at rest.

    Ticks can be missed before a kill alone: after it there are none.
    """
    bad = [kill for kill in kills if not kill.passed]
    share = max(kill.share for kill in kills)
    again = sum(kill.again for kill in kills)
    told = f"at most {share:.2f} of it and the lag" + (f"; {again} done again" if again else "")
    seen = command_line(bad[0]) if bad else f"joints inside the stopping bound ({told})"
    fault = f"command node kill -9, {len(kills)} phases, {kind.value}"
    rests = [kill.rest_s for kill in kills]
    rest_s = max(rests) if np.isfinite(rests).all() else None
    expected = "joints inside the stopping bound"
    row = MatrixRow(fault, "chunk", expected, seen, rest_s, LONGEST_REST_S, not bad)
    figures = tuple(kill.figures() for kill in kills)
    return replace(row, missed=0, missed_before=sum(kill.missed for kill in kills), kills=figures)
