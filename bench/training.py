"""Steps per second of one gradient step of training against the same step in JAX: what `qgf bench training` runs.

    python bench/training.py --json out/training.json

Networks 3 x 256, two critics, batch 256, observation 40, D = 25. Data lie in memory; cutting a batch is not part of either side.
Each side runs in a process of its own, at each thread count, and they take turns (rounds.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from latency_report import machine
from ratios import BARS
from rich.console import Console
from rich.table import Table
from rounds import Budget, measure
from workers import Seat, started

NET, RATIO = "3x256", "training_vs_jax/3x256"
THREADS = (1, 2)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="20 s instead of 60")
    parser.add_argument("--threads", nargs="+", type=int, help="thread counts tried (default 1 2)")
    parser.add_argument("--seconds", type=float, help="time for all sides together")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    threads = arguments.threads or [count for count in THREADS if count <= cores]
    seats = [Seat(side, count) for side in ("ours", "jax") for count in threads]
    if has_gpu():
        seats += [Seat(side, 1, "cuda") for side in ("ours", "jax")]
    figures = measure_training(seats, arguments.seconds or (20.0 if arguments.quick else 60.0))
    print_training(figures)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure_training(seats: list[Seat], seconds: float) -> dict[str, Any]:
    """Rows, the ratio at each side's best thread count (above 1 we are faster), and what is missing."""
    missing: dict[str, str] = {}
    began, load = time.monotonic(), os.getloadavg()[0]
    with started(seats, "training_worker.py") as workers:
        for worker in workers:
            worker.send({"open": {}})
        answers = {worker.seat: worker.receive() for worker in workers}
        missing |= {seat.name: found["missing"] for seat, found in answers.items() if "missing" in found}
        usable = [worker for worker in workers if "missing" not in answers[worker.seat]]
        timings = measure({worker.seat: worker.turn for worker in usable}, Budget(seconds, most=1000))
    rows = [
        {"sampler": seat.sampler, "net": NET, "threads": seat.threads, "device": seat.device}
        | {"description": answers[seat]["description"], "steps_per_s": 1e3 / found.figures()["p50_ms"]}
        | found.figures()
        for seat, found in timings.items()
    ]
    return {
        "machine": machine(),
        "load_before": load,
        "seconds": time.monotonic() - began,
        "rows": rows,
        "ratios": training_ratios(rows),
        "missing": missing,
    }


def training_ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Our steps per second over JAX's, each at its best thread count, by device."""
    found = {}
    for device in sorted({row["device"] for row in rows}):
        fastest = {
            side: max(
                (r["steps_per_s"] for r in rows if (r["sampler"], r["device"]) == (side, device)),
                default=None,
            )
            for side in ("ours", "jax")
        }
        if fastest["ours"] and fastest["jax"]:
            found[RATIO + ("" if device == "cpu" else f"/{device}")] = fastest["ours"] / fastest["jax"]
    return found


def print_training(figures: dict[str, Any]) -> None:
    """The table that a person reads."""
    console, known = Console(width=110), figures["machine"]
    table = Table(title=f"training, 3x256, batch 256: {known['processor']}, {known['cores']} cores")
    for heading in ("side", "device", "threads", "steps/s", "p50 ms", "p99 ms", "minimum ms", "calls"):
        table.add_column(heading, justify="left" if heading in ("side", "device") else "right")
    for row in sorted(figures["rows"], key=lambda row: row["p50_ms"]):
        table.add_row(
            row["sampler"],
            row["device"],
            str(row["threads"]),
            f"{row['steps_per_s']:.1f}",
            *(f"{row[name]:.2f}" for name in ("p50_ms", "p99_ms", "min_ms")),
            str(row["calls"]),
        )
    console.print(table)
    bars = {bar.name: bar for bar in BARS}
    for name, ratio in figures["ratios"].items():
        bar = bars.get(name)
        verdict = (
            ""
            if bar is None
            else f" (bar {bar.figure:g}: {'reached' if bar.reached(ratio) else 'not reached'})"
        )
        console.print(f"{name}: {ratio:.2f}{verdict}")
    for name, reason in figures["missing"].items():
        console.print(f"left out: {name}: {reason}")


def has_gpu() -> bool:
    """Whether PyTorch sees CUDA."""
    asked = [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "True"


if __name__ == "__main__":
    main()
