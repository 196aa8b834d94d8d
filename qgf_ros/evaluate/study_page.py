"""A study's report as a page: one HTML file that needs nothing beside it, its plots drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from qgf_ros.evaluate.inspect_style import STYLE
from qgf_ros.evaluate.study import ALL
from qgf_ros.evaluate.study_report import (
    COST,
    DIFFERENCE_HEADS,
    HOW,
    MEAN_HEADS,
    MEANS,
    ROW_HEADS,
    by_cell,
    difference_cells,
    mean_cells,
    row_cells,
    sentences,
    title,
)

OWN_STYLE = """
td:first-child { white-space: nowrap } td:last-child, th:last-child { text-align: left; white-space: normal } svg.plot { max-width: 44rem } svg text { font: 11px system-ui, sans-serif; fill: var(--ink) }
@media (max-width: 45rem) { tr { grid-template-columns: repeat(3, 1fr) } }
"""
LEFT, WIDTH, LINE, BELOW = 120, 560, 20, 22  # of a plot, in its own units
HEIGHT, DOT, LETTER = 200, 5, 6.5  # of a plot over time: its height, half of a dot, the width of a letter
Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge."""


def page(figures: Mapping[str, Any]) -> str:
    """The whole page, from the figures of `study_figures.figures`."""
    name = escape(str(figures["study"]))
    biased = " class=bad" if figures["chosen"]["biased"] else ""
    above = "".join(f"<p{biased}>{escape(words)}</p>" for words in sentences(figures)[:1])
    above += "".join(f"<p>{escape(words)}</p>" for words in sentences(figures)[1:])
    parts = [f"<h1>{name}</h1>", above]
    if means := figures["means"]:
        points = [(row["method"], row["ms_per_action"], row["success"]) for row in means]
        parts += [f"<h2>{escape(MEANS)}</h2><p>Success over milliseconds an action.</p>", over_time(points)]
        parts += [_table(MEAN_HEADS, map(mean_cells, means))]
    for cell, rows in by_cell(figures["rows"]).items():
        marks = [(row["method"], row["success"], row["interval"], "calm") for row in rows]
        parts += [f"<h2>{escape(title(cell, rows))}</h2><p>Success, with its interval.</p>"]
        parts += [plot(marks, 0.0, 1.0), _table(ROW_HEADS, map(row_cells, rows))]
    for cell, found in by_cell(figures["differences"]).items():
        where = "mean over all cells" if cell == ALL else cell
        marks = [(row["method"], row["mean"], row["interval"], _grade(row)) for row in found]
        parts += [f"<h2>Against {escape(figures['base'])}: {escape(where)}</h2>"]
        parts += [
            "<p>Difference of success; grey where none is claimed.</p>",
            plot(marks, *_ends(found)),
            _table(DIFFERENCE_HEADS, map(difference_cells, found)),
        ]
    parts += [f"<h2>How to read this</h2><p>{escape(HOW)}</p><p>{escape(COST)}</p>"]
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"<head>{meta}<title>{name}</title><style>{STYLE}{OWN_STYLE}</style></head>"
    return f"<!doctype html><html lang=en>{head}<body>{''.join(parts)}</body></html>\n"


def plot(marks: Sequence[tuple[str, float, Sequence[float], str]], least: float, most: float) -> str:
    """A line for each of (name, value, interval, colour): the interval as a stroke, the value as a dot, from `least` to `most`."""

    def across(value: float) -> float:
        return LEFT + WIDTH * (min(max(value, least), most) - least) / (most - least)

    height = LINE * len(marks)
    lines = [
        f'<line x1="{across(tick):.1f}" x2="{across(tick):.1f}" y1="0" y2="{height}" stroke="var(--line)"/>'
        f'<text x="{across(tick):.1f}" y="{height + 14}" text-anchor="middle">{tick:g}</text>'
        for tick in (least, (least + most) / 2, most)
    ]
    for place, (name, value, (low, high), colour) in enumerate(marks):
        y = LINE * place + LINE / 2
        lines.append(
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line x1="{across(low):.1f}" x2="{across(high):.1f}" y1="{y}" y2="{y}" stroke="var(--{colour})" stroke-width="3"/>'
            f'<circle cx="{across(value):.1f}" cy="{y}" r="5" fill="var(--{colour})"/>'
        )
    box = f"0 0 {LEFT + WIDTH + 20} {height + BELOW}"
    return f'<svg class=plot viewBox="{box}" role="img">{"".join(lines)}</svg>'


def over_time(points: Sequence[tuple[str, float, float]]) -> str:
    """A dot for each of (name, milliseconds, success), the names beside them and apart from one another; time is drawn by its logarithm."""
    least, most = min(ms for _, ms, _ in points), max(ms for _, ms, _ in points)
    span = max(math.log(most / least), 1e-9) if least > 0.0 else 1.0

    def across(ms: float) -> float:
        return LEFT + 0.8 * WIDTH * (math.log(ms / least) / span if least > 0.0 else 0.0)

    def down(success: float) -> float:
        return HEIGHT * (1.05 - success)

    lines = [
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{down(tick):.1f}" y2="{down(tick):.1f}" stroke="var(--line)"/>'
        f'<text x="{LEFT - 8}" y="{down(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in (0.0, 0.5, 1.0)
    ]
    lines += [
        f'<text x="{across(tick):.1f}" y="{down(0.0) + 16:.1f}" text-anchor="middle">{tick:.2g} ms</text>'
        for tick in dict.fromkeys((least, most))
    ]
    dots = [(name, across(ms), down(success)) for name, ms, success in points]
    taken: list[Box] = [(x - DOT, y - DOT, x + DOT, y + DOT) for _, x, y in dots]
    for name, x, y in dots:
        box = _free(x, y, LETTER * len(name), taken)
        taken.append(box)
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="var(--calm)"/>'
            f'<text x="{box[0]:.1f}" y="{box[3] - 2:.1f}">{escape(name)}</text>'
        )
    return f'<svg class=plot viewBox="0 0 {LEFT + WIDTH + 20} {HEIGHT + 2 * BELOW}" role="img">{"".join(lines)}</svg>'


def _free(x: float, y: float, width: float, taken: Sequence[Box]) -> Box:
    """Where a name of this width has room: right of its dot, left, above or below, and from there ever lower."""
    right, left, middle = x + DOT + 3, x - DOT - 3 - width, x - width / 2
    places = [(right, y), (left, y), (middle, y - 12), (middle, y + 12)]
    places += [(right, y + 6 * step) for step in range(1, 100)]
    boxes = [(start, centre - 6, start + width, centre + 6) for start, centre in places]
    return next(box for box in boxes if not any(_overlap(box, other) for other in taken))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _grade(row: Mapping[str, Any]) -> str:
    if not row["is_difference"]:
        return "soft"
    return "good" if row["mean"] > 0.0 else "bad"


def _ends(found: Iterable[Mapping[str, Any]]) -> tuple[float, float]:
    """A range around zero that holds all intervals, in tenths."""
    furthest = max((abs(end) for row in found for end in row["interval"]), default=1.0)
    most = max(-(-furthest * 10 // 1) / 10, 0.1)
    return -most, most


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
