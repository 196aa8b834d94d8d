"""Draws the figure of `bench/delay_study.py` and prints its table for docs/adr/0016-prefix-methods.md.

python bench/delay_plot.py --json docs/studies/delay.json --out docs/images/delay.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from outcomes import Cells, Outcome, success_rate
from study_plots import draw_and_print, points_in_words, rate_in_words, success_gain, write_picture

NAMES = {
    "synchronous": "synchronous, the arm waits",
    "naive": "naive",
    "ensemble": "temporal ensembling",
    "overwriting": "real time, overwriting",
    "pseudo_inverse": "real time, pseudo-inverse",
    "conditioned": "real time, conditioned",
}
DELAYS = (0, 2, 4, 6)


def guided(cells: Cells, kind: str) -> list[tuple[int, list[Outcome]]]:
    """(delay, cell) of a mode or method, guided."""
    return [(d, cells[f"{kind}/d{d}/guided"]) for d in DELAYS if f"{kind}/d{d}/guided" in cells]


def mean_of(cell: list[Outcome], key: str) -> float:
    """Mean over episodes."""
    return float(np.mean([outcome[key] for outcome in cell]))


def steps_to_success(cell: list[Outcome]) -> float:
    """Mean control periods of the episodes that succeeded; nan where none did."""
    steps = [outcome["steps"] for outcome in cell if outcome["success"]]
    return float(np.mean(steps)) if steps else float("nan")


def draw(cells: Cells, path: Path) -> None:
    """Success, time to success and seam over the delay."""
    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(12, 3.8))
    for index, (kind, label) in enumerate(NAMES.items()):
        points = guided(cells, kind)
        shifted = [d + 0.06 * (index - 2.5) for d, _ in points]
        rates = [success_rate(cell) for _, cell in points]
        low = [rate.success - rate.interval[0] for rate in rates]
        high = [rate.interval[1] - rate.success for rate in rates]
        left.errorbar(
            shifted, [rate.success for rate in rates], yerr=[low, high], marker="o", capsize=2, label=label
        )
        middle.plot([d for d, _ in points], [0.05 * steps_to_success(cell) for _, cell in points], marker="o")
        right.plot([d for d, _ in points], [mean_of(cell, "velocity") for _, cell in points], marker="o")
    left.set_ylabel("success, guided (95 % Wilson interval)")
    left.set_ylim(-0.02, 1.02)
    middle.set_ylabel("time to success, s")
    right.set_ylabel("seam in velocity, rad/s")
    for axes in (left, middle, right):
        axes.set_xlabel("delay, actions of 50 ms")
        axes.set_xticks(DELAYS)
        axes.grid(alpha=0.3)
    left.legend(fontsize=7, loc="lower left")
    write_picture(figure, path)


def minus_start(cell: list[Outcome], start: list[Outcome]) -> str:
    """The difference in success, in points with its interval, over the seeds that both have."""
    found = success_gain(cell, start)
    return "" if found is None else points_in_words(found)


def table(cells: Cells) -> str:
    """Every cell as a row of a Markdown table; differences are paired by seed with the same kind of policy at d = 0."""
    lines = [
        "| cell | success | minus d = 0, points | time to success | seam: rad | rad/s | rad/s2 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, cell in cells.items():
        mode, _, kind = name.split("/")
        start = f"conditioned/d0/{kind}" if mode.startswith("conditioned") else f"synchronous/d0/{kind}"
        minus = minus_start(cell, cells.get(start, []))
        rate = rate_in_words(success_rate(cell))
        seams = " | ".join(f"{mean_of(cell, key):.3g}" for key in ("position", "velocity", "acceleration"))
        lines.append(f"| {name} | {rate} | {minus} | {0.05 * steps_to_success(cell):.1f} s | {seams} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws and prints."""
    draw_and_print(__doc__, arguments, "delay", draw, table)


if __name__ == "__main__":
    main()
