"""Draws the figure of `bench/shifts.py` and prints its table for docs/studies/README.md.

python bench/shifts_plot.py --json docs/studies/shifts.json --out docs/images/shifts.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot
from outcomes import Cells, success_rate
from shifts import NOMINAL, ROWS, SHIFTS
from study_plots import draw_and_print, points_in_words, rate_in_words, success_gain, write_picture

from qgf_ros.evaluate.compare import rate

LABELS = {"watched": "guided, with detector", "guided": "guided, without", "unguided": "unguided"}


def draw(cells: Cells, path: Path) -> None:
    """Share of flagged episodes, and success of the three rows, by shift."""
    names = [name for name in SHIFTS if f"{name}/watched" in cells]
    places = np.arange(len(names))[::-1]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4.5), sharey=True)
    flagged = [rate([bool(outcome["flagged"]) for outcome in cells[f"{name}/watched"]]) for name in names]
    left.barh(places, [found.success for found in flagged], height=0.5)
    left.errorbar(
        [found.success for found in flagged],
        places,
        xerr=np.abs(np.array([found.interval for found in flagged]).T - [found.success for found in flagged]),
        fmt="none",
        ecolor="black",
        capsize=2,
    )
    left.set_xlabel("episodes flagged (95 % Wilson interval)")
    left.axvline(0.8, linestyle=":", color="grey")
    left.set_yticks(places, ["no shift" if name == NOMINAL else name for name in names])
    for index, row in enumerate(ROWS):
        known = [name for name in names if f"{name}/{row}" in cells]
        rates = [success_rate(cells[f"{name}/{row}"]) for name in known]
        heights = [places[names.index(name)] + 0.2 * (1 - index) for name in known]
        shares = [found.success for found in rates]
        spans = np.abs(np.array([found.interval for found in rates]).T - shares)
        right.errorbar(shares, heights, xerr=spans, fmt="o", capsize=2, label=LABELS[row])
    right.set_xlabel("success (95 % Wilson interval)")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set_xlim(-0.02, 1.02)
        axes.grid(alpha=0.3, axis="x")
    write_picture(figure, path)


def difference(cells: Cells, ours: str, theirs: str) -> str:
    """Success of ours minus theirs in points, with its interval, over the seeds that both have."""
    found = success_gain(cells.get(ours, []), cells.get(theirs, []))
    return "" if found is None else f"{points_in_words(found)} of {found.pairs}"


def table(cells: Cells) -> str:
    """A row a shift: share flagged, success, and paired differences, as a Markdown table."""
    lines = [
        "| shift | flagged | success with detector | without | unguided | with - unguided, points | with - without, points |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in SHIFTS:
        watched = cells.get(f"{name}/watched")
        if watched is None:
            continue
        shown = rate_in_words(rate([bool(outcome["flagged"]) for outcome in watched]))
        shares = [
            f"{success_rate(cells[f'{name}/{row}']).success:.2f}" if f"{name}/{row}" in cells else ""
            for row in ROWS
        ]
        gains = [difference(cells, f"{name}/watched", f"{name}/{row}") for row in ("unguided", "guided")]
        lines.append(f"| {' | '.join([name, shown, *shares, *gains])} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws and prints."""
    draw_and_print(__doc__, arguments, "shifts", draw, table)


if __name__ == "__main__":
    main()
