"""Times the guided sampler's engines, their rivals and the floor side by side: what `qgf bench latency` runs.

    python bench/latency.py --json out/latency.json
    python bench/latency.py --quick
    python bench/latency.py --curves

Each side runs in a process of its own on a stated number of cores; the processes take turns (rounds.py), so that noise hits
all alike. All sides answer the same question, and their answers are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from cases import Case
from latency_report import machine, print_report
from ratios import ratios_of
from rounds import Budget, measure
from workers import Seat, Worker, started

NETS, COUNTS, THREADS = ("3x256", "4x512", "4x1024"), (1, 4, 16), (1, 2)
CPU_SIDES = (
    "cpu_fp32",
    "cpu_bf16",
    "onnx",
    "torch_fp32",
    "autograd",
    "compile",
    "jax",
    "floor_fp32",
    "floor_bf16",
)
GPU_SIDES = ("cuda_graph_fp32", "cuda_graph_bf16", "autograd", "compile", "jax")
QUICK_SIDES = ("cpu_fp32", "cpu_bf16", "jax", "autograd", "floor_fp32", "floor_bf16")
SINGLE_ONLY = (
    "compile",
    "floor_fp32",
    "floor_bf16",
)  # measured for one sample: compiling takes long, a floor is one reading
SECONDS = {1: 40.0, 4: 25.0, 16: 25.0}  # a group of rows of one size
QUICK_SECONDS = 20.0


def main() -> None:
    """Measures, prints, writes."""
    arguments = parse()
    cases = [Case(net, n) for net in arguments.nets for n in arguments.n]
    seats = [Seat(side, threads) for side in arguments.sides for threads in arguments.threads]
    if has_gpu():
        seats += [
            Seat(side, 1, "cuda")
            for side in GPU_SIDES
            if not arguments.quick or side in ("jax", "cuda_graph_fp32")
        ]
    if arguments.curves:
        from latency_curves import measure_curves

        figures = measure_curves(arguments.threads, arguments.curves)
    else:
        figures = measure_cases(cases, seats, arguments.seconds)
        print_report(figures)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def parse() -> argparse.Namespace:
    """The arguments, with the shorter set of --quick filled in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="two sizes, one sample, fewer sides: about 2 minutes"
    )
    parser.add_argument("--nets", nargs="+", help=f"DEPTHxWIDTH (default {' '.join(NETS)})")
    parser.add_argument("--n", nargs="+", type=int, help="samples a chunk (default 1 4 16)")
    parser.add_argument(
        "--threads", nargs="+", type=int, default=None, help="thread counts tried (default 1 2)"
    )
    parser.add_argument("--sides", nargs="+", choices=CPU_SIDES, help="only these sides on the CPU")
    parser.add_argument("--seconds", type=float, help="time for each size and N, instead of the default")
    parser.add_argument(
        "--curves", type=Path, metavar="PICTURE", help="cost over K, N, ensemble and width, drawn there"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    quick = arguments.quick
    cores = len(os.sched_getaffinity(0))
    arguments.nets = arguments.nets or (NETS[1:] if quick else NETS)
    arguments.n = arguments.n or ((1,) if quick else COUNTS)
    arguments.threads = arguments.threads or [count for count in THREADS if count <= cores]
    arguments.sides = arguments.sides or (QUICK_SIDES if quick else CPU_SIDES)
    arguments.seconds = arguments.seconds or (QUICK_SECONDS if quick else None)
    return arguments


def measure_cases(cases: Sequence[Case], seats: Sequence[Seat], seconds: float | None) -> dict[str, Any]:
    """Rows and ratios for all cases, and what was left out and why."""
    from tqdm import tqdm

    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    began, load = time.monotonic(), os.getloadavg()[0]
    with started(seats) as workers, tqdm(total=len(cases), unit="size", dynamic_ncols=True) as bar:
        for case in cases:
            bar.set_description(case.name)
            budget = Budget(seconds or SECONDS.get(case.candidates, 30.0))
            rows += measure_case(case, workers, budget, missing)
            bar.update()
    return {
        "machine": machine(),
        "load_before": load,
        "seconds": time.monotonic() - began,
        "rows": rows,
        "ratios": ratios_of(rows),
        "ratios_of_minima": ratios_of(rows, "min_ms"),
        "missing": missing,
    }


def measure_case(
    case: Case, workers: Sequence[Worker], budget: Budget, missing: dict[str, str]
) -> list[dict[str, Any]]:
    """The rows of one case; sides that cannot answer it are noted in `missing`."""
    asked = [w for w in workers if case.candidates == 1 or w.seat.sampler not in SINGLE_ONLY]
    usable, answers = [], {}
    for worker in asked:
        worker.send({"open": asdict(case)})  # they compile side by side
    for worker in asked:
        answer = worker.receive()
        if "missing" in answer:
            missing[worker.seat.name] = answer["missing"]
            continue
        usable.append(worker)
        answers[worker.seat] = answer
    timings = measure({worker.seat: worker.turn for worker in usable}, budget)
    of_gpu = {worker.seat: worker.gpu_figures() for worker in usable}
    expected = next((a["actions"] for seat, a in answers.items() if seat.sampler == "autograd"), None)
    return [
        {
            "sampler": seat.sampler,
            "net": case.net,
            "n": case.candidates,
            "threads": seat.threads,
            "device": seat.device,
            "description": answers[seat]["description"],
            "error": deviation(answers[seat]["actions"], expected),
        }
        | timings[seat].figures()
        | of_gpu[seat]
        for seat in answers
    ]


def deviation(actions: list[list[float]] | None, expected: list[list[float]] | None) -> float | None:
    """The largest difference to the specification's actions; None where a side samples nothing or there is nothing to compare."""
    if actions is None or expected is None:
        return None
    return float(np.max(np.abs(np.array(actions) - np.array(expected))))


def has_gpu() -> bool:
    """Whether PyTorch sees CUDA; asked in another process, so that this one stays light."""
    asked = [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "True"


if __name__ == "__main__":
    main()
