"""A study's report as a page: one HTML file that needs nothing beside it, its plots drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from qgf_ros.evaluate.inspect_style import STYLE
from qgf_ros.evaluate.study import ALL
from qgf_ros.evaluate.study_report import (
    COST,
    DIFFERENCE_HEADS,
    HOW,
    ROW_HEADS,
    by_cell,
    difference_cells,
    row_cells,
    sentences,
    title,
)

OWN_STYLE = """
td:first-child { white-space: nowrap } td:last-child, th:last-child { text-align: left; white-space: normal } svg.plot { max-width: 44rem } svg text { font: 11px system-ui, sans-serif; fill: var(--ink) }
@media (max-width: 45rem) { tr { grid-template-columns: repeat(3, 1fr) } }
"""
LEFT, WIDTH, LINE, BELOW = 120, 560, 20, 22  # of a plot, in its own units


def page(figures: Mapping[str, Any]) -> str:
    """The whole page, from the figures of `study_figures.figures`."""
    name = escape(str(figures["study"]))
    biased = " class=bad" if figures["chosen"]["biased"] else ""
    above = "".join(f"<p{biased}>{escape(words)}</p>" for words in sentences(figures)[:1])
    above += "".join(f"<p>{escape(words)}</p>" for words in sentences(figures)[1:])
    parts = [f"<h1>{name}</h1>", above]
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
