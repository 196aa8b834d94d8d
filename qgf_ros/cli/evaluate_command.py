"""`qgf evaluate CHECKPOINT`: episodes in process, guided against unguided on the same seeds, with intervals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes
from qgf_ros.inference.engines.engine import EngineName

if TYPE_CHECKING:
    from qgf_ros.contract.schema import Chunking, Contract
    from qgf_ros.evaluate.rollouts import Episode

HELP = "measure a checkpoint: success with interval, guided against unguided on the same seeds"
EXAMPLE = "qgf evaluate checkpoints/NAME --episodes 300 --json out/eval.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder, for example one of checkpoints")
    parser.add_argument(
        "--contract", type=Path, help="contract YAML (default: the one the checkpoint was trained with)"
    )
    parser.add_argument("--task", help="simulation task (default: the one the checkpoint was trained for)")
    parser.add_argument("--episodes", type=int, default=100, help="episodes a row (default 100)")
    parser.add_argument(
        "--seed", type=int, default=0, help="first seed; the rows share their seeds (default 0)"
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        help="only these rows (default: unguided best_of_4 best_of_16 guided_n1 guided, with goals shuffled_goal; and guided_bf16 where named)",
    )
    parser.add_argument("--weight", type=float, help="guidance weight instead of the checkpoint's")
    parser.add_argument(
        "--candidates", type=int, help="best-of-N of the guided row instead of the checkpoint's"
    )
    parser.add_argument(
        "--engine",
        choices=[name.value for name in EngineName],
        default=EngineName.AUTO.value,
        help="what computes the chunks (default auto: the compiled one)",
    )
    parser.add_argument(
        "--chunks",
        metavar="MODE[:S:D]",
        help="how chunks follow one another, instead of the contract's: for example synchronous, or real_time:4:1",
    )
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the episodes, prints the table, returns the report."""
    import dataclasses
    import math

    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.cli.origin import chosen, contract_path
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.contract.load import load_contract, with_chunks
    from qgf_ros.errors import InvalidSetting
    from qgf_ros.evaluate.report import evaluation_report
    from qgf_ros.evaluate.robot import load_simulation
    from qgf_ros.evaluate.rollouts import bf16_row, run_all, shuffled_row, standard_rows

    if arguments.episodes < 1:
        raise InvalidSetting("--episodes", arguments.episodes, "at least 1")
    if arguments.seed < 0:
        raise InvalidSetting("--seed", arguments.seed, "0 or more")
    if arguments.weight is not None and not math.isfinite(arguments.weight):
        raise InvalidSetting("--weight", arguments.weight, "a finite number")
    checkpoint = load_checkpoint(arguments.checkpoint)
    contract = load_contract(contract_path(arguments.contract, checkpoint, arguments.checkpoint))
    if arguments.chunks is not None:
        contract = with_chunks(contract, read_chunks(arguments.chunks))
    checkpoint = load_checkpoint(arguments.checkpoint, contract.interface)
    overrides = {"guidance_weight": arguments.weight, "candidates": arguments.candidates}
    defaults = dataclasses.replace(
        checkpoint.defaults, **{key: value for key, value in overrides.items() if value is not None}
    )
    rows = standard_rows(dataclasses.replace(checkpoint, defaults=defaults), EngineName(arguments.engine))
    guided = rows[-1]
    rows += [shuffled_row(guided)] if contract.interface.goal is not None else []
    rows += [bf16_row(guided)]
    names = [row.name for row in rows]
    for name in arguments.rows or []:
        if name not in names:
            raise InvalidSetting("--rows", name, "one of " + ", ".join(names))
    wanted = arguments.rows or names[:-1]
    rows = [row for row in rows if row.name in wanted]
    task = chosen("task", arguments.task, checkpoint)
    load_simulation(task)
    seeds = range(arguments.seed, arguments.seed + arguments.episodes)
    running = run_all(contract, arguments.checkpoint, task, rows, seeds, arguments.processes)
    episodes: list[Episode] = []
    with counted_progress(len(rows) * len(seeds), 0, "episode") as progress:
        for episode in running:
            episodes.append(episode)
            progress(len(episodes), _rates(episodes))
    report = evaluation_report(episodes, contract.ticks_per_action)
    report |= {
        "task": task,
        "checkpoint": arguments.checkpoint.name,
        "guidance_weight": defaults.guidance_weight,
        "candidates": defaults.candidates,
        "chunks": chunks_in_words(contract),
        "engine": arguments.engine,
    }
    print_rows(names, report)
    return report


def read_chunks(text: str) -> Chunking:
    """A way of chunks following one another, as `MODE` or `MODE:S:D`. Raises InvalidSetting."""
    from qgf_ros.contract.schema import Chunking, ChunkMode
    from qgf_ros.errors import InvalidSetting

    mode, *counts = text.split(":")
    modes = [member.value for member in ChunkMode]
    if mode not in modes or len(counts) not in (0, 2) or not all(count.isdecimal() for count in counts):
        raise InvalidSetting("--chunks", text, f"MODE or MODE:S:D, the mode one of {', '.join(modes)}")
    return Chunking(ChunkMode(mode), *map(int, counts))


def chunks_in_words(contract: Contract) -> str:
    """The same in the form that `--chunks` takes."""
    chunks = contract.deployment.chunks
    return f"{chunks.mode.value}:{contract.execution_horizon}:{chunks.delay}"


def _rates(episodes: list[Episode]) -> dict[str, float]:
    """Success so far, by row."""
    outcomes: dict[str, list[bool]] = {}
    for episode in episodes:
        outcomes.setdefault(episode.row, []).append(episode.success)
    return {name: sum(found) / len(found) for name, found in sorted(outcomes.items())}


def print_rows(names: list[str], report: dict[str, Any]) -> None:
    """The table that a person reads."""
    from rich.console import Console
    from rich.table import Table

    from qgf_ros.evaluate.rollouts import BF16_ROW

    title = f"{report['checkpoint']} on {report['task']}, {report['episodes']} episodes a row, chunks {report['chunks']}"
    table = Table(title=title)
    for heading in (
        "row",
        "success",
        "95 % interval",
        "gain over unguided",
        "return",
        "steps",
        "seam rad/s",
        "flagged",
        "latency p50 / p99 ms",
    ):
        table.add_column(heading, justify="left" if heading == "row" else "right")
    for name in names:
        if name not in report:
            continue
        row, gain = report[name], report[name].get("gain_over_unguided")
        gained = (
            f"{gain['mean']:+.2f} ({gain['interval'][0]:+.2f}, {gain['interval'][1]:+.2f})" if gain else ""
        )
        low, high = row["interval"]
        latency = f"{row['latency_ms']['p50']:.1f} / {row['latency_ms']['p99']:.1f}"
        jump = row["seams"]["velocity_rad_s"]["mean"]
        seam = "" if jump is None else f"{jump:.2f}"
        table.add_row(
            name,
            f"{row['success']:.3f}",
            f"{low:.3f} to {high:.3f}",
            gained,
            f"{row['return']:.1f}",
            f"{row['steps']:.0f}",
            seam,
            "" if row["flagged"] is None else f"{row['flagged']}",
            latency,
        )
    console = Console(width=120)
    console.print(table)
    if "gain_over_guided" in report.get(BF16_ROW, {}):
        gain = report[BF16_ROW]["gain_over_guided"]
        low, high = gain["interval"]
        words = f"over {gain['pairs']} pairs of episodes"
        console.print(f"{BF16_ROW} against guided: {gain['mean']:+.3f} ({low:+.3f}, {high:+.3f}) {words}")
