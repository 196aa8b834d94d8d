"""`qgf soak --ticks`: the soak in lockstep, its progress and its table."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.shipped import Shipped
from qgf_ros.errors import InvalidSetting

if TYPE_CHECKING:
    from qgf_ros.evaluate.lockstep_soak import SoakPlan
    from qgf_ros.evaluate.soak_report import SoakReport

SHOWN = 10  # of each table of counts


def run_ticks(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs all episodes, or the one that is asked for; returns the figures, with `exit_code` 1 where it was not clean."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from qgf_ros.evaluate.soak_report import SoakReport

    if arguments.ticks < 1 or arguments.processes < 1:
        raise InvalidSetting(
            "--ticks and --processes", min(arguments.ticks, arguments.processes), "at least 1"
        )
    if arguments.seed < 0:
        raise InvalidSetting("--seed", arguments.seed, "0 or more")
    plan = _plan(arguments)
    report, began = SoakReport(), time.monotonic()
    if arguments.episode is not None:
        from qgf_ros.evaluate.lockstep_soak import Soak

        plan.ticks_of(arguments.episode)
        report.add(Soak(plan).episode(arguments.episode))
    else:
        _run_all(plan, arguments.processes, report)
    figures = report.figures(time.monotonic() - began)
    _print(figures, report, plan)
    return figures | {"exit_code": int(not report.is_clean)}


def _plan(arguments: argparse.Namespace) -> SoakPlan:
    from qgf_ros.evaluate.lockstep_soak import SoakPlan

    shipped = Shipped.of_the_graph(arguments.graph)
    contract, checkpoint = arguments.contract or shipped.contract, arguments.checkpoint or shipped.checkpoint
    task = arguments.task or shipped.task_of(checkpoint)
    return SoakPlan(contract, checkpoint, task, arguments.ticks, arguments.seed)


def _run_all(plan: SoakPlan, processes: int, report: SoakReport) -> None:
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.evaluate.lockstep_soak import run_soak

    with counted_progress(plan.ticks, 0, "ticks") as progress:
        for episode in run_soak(plan, processes):
            report.add(episode)
            progress(report.ticks, {"troubles": len(report.troubles)})


def _print(figures: dict[str, Any], report: SoakReport, plan: SoakPlan) -> None:
    ticks, seconds = figures["ticks"], figures["seconds"]
    rows = {
        "ran": f"{ticks} ticks in {figures['episodes']} episodes, {seconds:.0f} s",
        "limits": f"{figures['limit_violations']} violations",
        "certificates": f"{figures['unverified']} that do not hold",
        "crashes": str(figures["crashes"]),
        "memory": f"{figures['rss_mb']:.0f} MB, grew by {figures['rss_growth']:.2%} after the warm-up, "
        f"{figures['rss_mb_per_100k_ticks']:.1f} MB every 100,000 ticks",
        "rungs": _counts(figures["rungs"]),
        "held or stopped": _counts({k: v for k, v in figures["reasons"].items() if ":" in k}),
        "faults": f"{sum(figures['faults'].values())} of {len(figures['faults'])} kinds: {_counts(figures['faults'])}",
        "operator": _counts(figures["deeds"]),
        "chunks refused": _counts(figures["refused"]),
        "commands": f"digest {figures['digest']}",
    }
    for name, text in rows.items():
        print(f"{name:<16}  {text}")
    for trouble in report.troubles[:SHOWN]:
        again = f"qgf soak --ticks {plan.ticks} --seed {plan.seed} --episode {trouble.episode}"
        print(f"{trouble.kind} at tick {trouble.tick} of `{again}`: {trouble.sentence}")


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:SHOWN]]
    more = [f"{len(counts) - SHOWN} more kinds"] * (len(counts) > SHOWN)
    return ", ".join([*shown, *more]) or "none"
