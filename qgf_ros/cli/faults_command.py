"""`qgf faults`: the table of faults and reactions; every fault strikes in its phases, and what follows is compared."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qgf_ros.evaluate.matrix_row import MatrixRow

HELP = "let every fault of the table strike, and compare what follows with what has to"
EXAMPLE = (
    "qgf faults --json out/faults.json\n  qgf faults --only clock\n  qgf faults --process --kills 50 --seed 1"
)
COLUMNS = ("fault", "phase", "expected", "within", "took", "seen")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument(
        "--only", metavar="NAME", help="of the faults in one process only those whose name contains NAME"
    )
    parser.add_argument(
        "--process",
        action="store_true",
        help="also kill, stall and disturb real processes, in minutes (the rest is in one process, on virtual time)",
    )
    parser.add_argument(
        "--kills", type=int, default=5, help="with --process: phases in which each node is killed (default 5)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="with --process: of the phases in which nodes are killed (default 0)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the rows, prints the table, returns the figures; `exit_code` is 1 where a row failed."""
    from qgf_ros.errors import InvalidSetting
    from qgf_ros.evaluate.fault_matrix import figures

    if arguments.kills < 1:
        raise InvalidSetting("--kills", arguments.kills, "at least 1")
    if arguments.seed < 0:
        raise InvalidSetting("--seed", arguments.seed, "0 or more")
    rows: list[MatrixRow] = []
    print(columns(COLUMNS))
    for row in _rows(arguments):
        rows.append(row)
        print(line(row), flush=True)
    found = figures(rows)
    print(f"{found['faults']} faults in {len(rows)} rows, {found['failed']} failed")
    return found | {"exit_code": int(any(not row.passed for row in rows))}


def _rows(arguments: argparse.Namespace) -> Iterator[MatrixRow]:
    from qgf_ros.cli.shipped import Shipped
    from qgf_ros.contract.load import load_contract
    from qgf_ros.evaluate.fault_matrix import run_matrix, select

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MUJOCO_GL", "disable")
    chosen = select(arguments.only)
    shipped = Shipped.of_the_graph()
    task = shipped.task_of(shipped.checkpoint)
    yield from run_matrix(load_contract(shipped.contract), shipped.checkpoint, task, chosen)
    if arguments.process:
        yield from _process_rows(arguments.kills, arguments.seed)


def _process_rows(kills: int, seed: int) -> Iterator[MatrixRow]:
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    from qgf_ros.nodes.runtime import require_rclpy

    require_rclpy()
    from qgf_ros.nodes.process_faults import process_rows

    yield from process_rows(kills, seed, lambda line: print(line, flush=True))


def line(row: MatrixRow) -> str:
    """A row as one line of the table."""
    took = "-" if row.time is None else f"{row.time:.2f} s"
    seen = row.seen if row.passed else f"FAILED  {row.seen}"
    if row.missed is not None:
        seen += f"; {row.missed} ticks missed, {row.missed_before} before"
    return columns((row.fault, row.phase, row.expected, f"{row.within:.2f} s", took, seen))


def columns(texts: tuple[str, ...]) -> str:
    """One line of the table, in columns."""
    fault, phase, expected, within, took, seen = texts
    return f"{fault:<31}  {phase:<13}  {expected:<38}  {within:>6}  {took:>6}  {seen}"
