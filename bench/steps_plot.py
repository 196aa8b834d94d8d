"""Draws the figures of `bench/steps_study.py`.

python bench/steps_plot.py --json docs/studies/steps.json --out docs/images
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from outcomes import Cells, Outcome, load_cells, success_rate
from study_plots import ROOT, plot_options, write_picture

STEPS = 10

Points = list[tuple[float, list[Outcome]]]


def curve(axes: Axes, points: Points, label: str, marker: str) -> None:
    """Success with Wilson intervals over x."""
    rates = [(x, success_rate(cell)) for x, cell in sorted(points, key=lambda point: point[0])]
    xs, ys = [x for x, _ in rates], [rate.success for _, rate in rates]
    below = [rate.success - rate.interval[0] for _, rate in rates]
    above = [rate.interval[1] - rate.success for _, rate in rates]
    axes.errorbar(xs, ys, yerr=[below, above], label=label, marker=marker, capsize=2, linewidth=1)


def numbered(cells: Cells, prefix: str, suffix: str) -> Points:
    """The cells named prefix/NUMBER/suffix."""
    parts = {name: name.split("/", 2) for name in cells}
    return [
        (float(part[1]), cells[name])
        for name, part in parts.items()
        if part[0] == prefix and part[2] == suffix
    ]


def draw_planned(cells: Cells, path: Path) -> None:
    """Success over planned steps and over the time at which a walk of ten is cut short."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for n, marker in ((4, "o"), (1, "s")):
        whole = [(float(STEPS), cells[f"guided/{STEPS}/all/n{n}"])]
        curve(left, numbered(cells, "planned", f"guided/n{n}") + whole, f"guided, {chosen(n)}", marker)
        cut = [(k / STEPS, cell) for k, cell in numbered(cells, "cut", f"guided/n{n}")]
        curve(right, [*cut, (1.0, whole[0][1])], f"guided, {chosen(n)}", marker)
    none = [(float(STEPS), cells["guided/0/none/n4"])]
    curve(left, numbered(cells, "planned", "unguided/n4") + none, "unguided, best of 4", "^")
    left.set_xlabel("planned steps, on the training grid")
    right.set_xlabel("t at which the walk of 10 steps is cut short")
    finish(figure, (left, right), path)


def draw_guided(cells: Cells, path: Path) -> None:
    """Success over how many of the ten steps are guided, by which ones."""
    figure, axes = pyplot.subplots(figsize=(5.6, 3.6))
    for n, marker in ((4, "o"), (1, "s")):
        ends = [(0.0, cells[f"guided/0/none/n{n}"]), (float(STEPS), cells[f"guided/{STEPS}/all/n{n}"])]
        for place in ("first", "last", "spread") if n == 4 else ("spread",):
            points = numbered(cells, "guided", f"{place}/n{n}") + ends
            curve(axes, points, f"{place} steps, {chosen(n)}", marker)
    axes.set_xlabel("guided steps out of 10")
    finish(figure, (axes,), path)


def chosen(candidates: int) -> str:
    """How many candidates a chunk was chosen from, in words."""
    return "one candidate" if candidates == 1 else f"best of {candidates}"


def finish(figure: pyplot.Figure, all_axes: tuple[Axes, ...], path: Path) -> None:
    """Labels and writes a figure."""
    all_axes[0].set_ylabel("success (95 % Wilson interval)")
    for axes in all_axes:
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="lower right")
    write_picture(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws both figures."""
    options = plot_options(__doc__, arguments, "steps", ROOT / "docs/images")
    cells = load_cells(options.json)
    draw_planned(cells, options.out / "steps_planned.png")
    draw_guided(cells, options.out / "steps_guided.png")


if __name__ == "__main__":
    main()
