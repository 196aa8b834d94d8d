"""Cost of a chunk over steps K, samples N, ensemble size E and width, from one case in the middle; and the picture of it."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cases import Case
from latency_report import machine
from rounds import Budget, measure
from workers import Seat, started

MIDDLE = Case("4x512", 1)
SIDES = ("cpu_fp32", "cpu_bf16", "jax")
SECONDS = 3.0  # a case
AXES: dict[str, tuple[tuple[int, Case], ...]] = {
    "steps K": tuple((k, dataclasses.replace(MIDDLE, steps=k)) for k in (2, 5, 10, 20)),
    "samples N": tuple((n, dataclasses.replace(MIDDLE, candidates=n)) for n in (1, 2, 4, 8, 16)),
    "critics E": tuple((e, dataclasses.replace(MIDDLE, critics=e)) for e in (1, 2, 4, 8)),
    "width": tuple((w, dataclasses.replace(MIDDLE, net=f"4x{w}")) for w in (128, 256, 512, 1024)),
}


def measure_curves(threads: Sequence[int], picture: Path) -> dict[str, Any]:
    """Rows with the axis and the value they stand for; draws them to `picture`. Each side at the most threads that are tried."""
    from tqdm import tqdm

    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    load = os.getloadavg()[0]
    began = time.monotonic()
    points = [(axis, value, case) for axis, cases in AXES.items() for value, case in cases]
    with started([Seat(side, max(threads)) for side in SIDES]) as workers, tqdm(total=len(points)) as bar:
        for axis, value, case in points:
            bar.set_description(f"{axis} {value}")
            for worker in workers:
                worker.send({"open": asdict(case)})
            answers = {worker.seat: worker.receive() for worker in workers}
            missing |= {
                seat.name: answer["missing"] for seat, answer in answers.items() if "missing" in answer
            }
            usable = {worker.seat: worker.turn for worker in workers if "missing" not in answers[worker.seat]}
            for seat, timings in measure(usable, Budget(SECONDS)).items():
                labels = {"axis": axis, "value": value, "sampler": seat.sampler, "threads": seat.threads}
                rows.append(
                    labels
                    | {"net": case.net, "n": case.candidates, "device": seat.device}
                    | timings.figures()
                )
            bar.update()
    draw(rows, picture)
    seconds = time.monotonic() - began
    return {
        "machine": machine(),
        "load_before": load,
        "seconds": seconds,
        "rows": rows,
        "ratios": {},
        "missing": missing,
    }


def draw(rows: Sequence[dict[str, Any]], picture: Path) -> None:
    """One panel an axis: median of the calls, the line of the fastest ones below it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(AXES), figsize=(14, 3.4), constrained_layout=True)
    for panel, axis in zip(panels, AXES, strict=True):
        for side in SIDES:
            found = sorted(
                (row["value"], row["p50_ms"]) for row in rows if (row["axis"], row["sampler"]) == (axis, side)
            )
            if found:
                panel.plot(*zip(*found, strict=True), marker="o", markersize=3, label=side)
        panel.set_xlabel(axis)
        panel.set_ylim(bottom=0.0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("p50, ms a chunk")
    panels[0].legend()
    figure.suptitle(f"from {MIDDLE.net}, N = 1, K = 10, E = 2")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
