"""The figures of `qgf inspect` as a page: one HTML file that needs nothing beside it, pictures drawn as SVG.

Names come out of files that others wrote: every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from qgf_ros.evaluate.inspect_findings import Finding, Grade, findings, label
from qgf_ros.evaluate.inspect_style import STYLE

GOOD, BAD, CALM, EMPTY = "var(--good)", "var(--bad)", "var(--calm)", "var(--line)"
COLOURS = {True: GOOD, False: BAD, None: CALM}
OUTCOMES = {True: "success", False: "failure", None: "not marked"}
MOST_EPISODES = 400  # bars; with more each stands for several
FEWEST_EPISODES = 30  # places for bars, so that few are not wide
MOST_FINDINGS = 50
DIGITS = 3  # of a range
GRADES = "Bad: messages or rows are missing, wrong or refused. Look: it may be as it should, only who recorded it can tell."
EXPLAINED = (
    "Each picture counts values between the two numbers below it. Far out are values beyond the middle 99 % by more than its width; they are "
    "counted, and not drawn. Spread is half the width of the middle 68 %."
)


def page(figures: Mapping[str, Any]) -> str:
    """The whole page, from the figures of `qgf inspect`."""
    name = str(figures["path"])
    parts = [_head(name, figures), _findings(findings(figures))]
    parts += [_topics(figures)] if figures.get("topics") else []
    parts += [_episodes(figures), _columns(figures)] if "columns" in figures else []
    title = f"<title>{escape(name)}</title><style>{STYLE}</style>"
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return f"<!doctype html><html lang=en><head>{meta}{title}</head><body>{''.join(parts)}</body></html>\n"


def _head(name: str, figures: Mapping[str, Any]) -> str:
    facts = [(_size(figures["bytes"]), "on the disk")]
    if "topics" in figures:
        facts += [(f"{figures['duration_s']:.1f} s", "recorded"), (f"{figures['messages']}", "messages")]
    if "columns" in figures:
        facts.append((f"{figures['looked_at']} of {figures['episodes']}", "episodes looked at"))
        facts.append((str(figures["rows"]), f"rows looked at{_lasting(figures['rows'], figures)}"))
        facts += [
            (str(figures[kind]), words)
            for kind, words in (
                ("successes", "successes"),
                ("failures", "failures"),
                ("unmarked", "episodes without an outcome"),
            )
            if figures[kind]
        ]
    kind = escape(str(figures.get("format", "rosbag2")))
    what = f"{kind}, interface {escape(str(figures['interface']))}" if figures.get("interface") else kind
    return f"<h1>{escape(name)}</h1><p>{what}</p><div class=facts>{''.join(_fact(*fact) for fact in facts)}</div>"


def _fact(value: str, what: str) -> str:
    return f"<div class=card><b>{escape(value)}</b><span class=note>{escape(what)}</span></div>"


def _lasting(rows: float, figures: Mapping[str, Any]) -> str:
    """How long so many rows last, where their rate is known."""
    rate_hz = figures["rate_hz"]
    return f", {rows / rate_hz:.1f} s at {rate_hz:g} Hz" if rate_hz else ""


def _findings(found: Sequence[Finding]) -> str:
    """First of all what is bad, then what to look at, and what was found to be good."""
    counts = {grade: sum(finding.grade is grade for finding in found) for grade in Grade}
    bad = f"{counts[Grade.BAD]} bad" if counts[Grade.BAD] else "Nothing bad"
    verdict = f"{bad}, {counts[Grade.LOOK] or 'nothing'} to look at"
    items = "".join(
        f"<li><span class={finding.grade.value}>{finding.grade.value}</span> <div>{escape(finding.words)}</div></li>"
        for finding in found[:MOST_FINDINGS]
    )
    more = f"<li>and {len(found) - MOST_FINDINGS} more</li>" if len(found) > MOST_FINDINGS else ""
    return f"<h2>{verdict}</h2><p>{GRADES}</p><ul class=findings>{items}{more}</ul>"


def _topics(figures: Mapping[str, Any]) -> str:
    rows = "".join(map(_topic, figures["topics"]))
    over = f"<th class=over>messages from 0 to {figures['duration_s']:.1f} s"
    head = f"<tr><th>topic<th>messages<th>Hz<th>size<th>gaps<th>longest{over}</tr>"
    note = "Gaps are silences of more than 5 usual intervals, of topics that speak regularly; they are drawn red."
    return f"<h2>Topics</h2><p>{note}</p><table>{head}{rows}</table>"


def _topic(topic: Mapping[str, Any]) -> str:
    rate = "" if topic["rate_hz"] is None else f"{topic['rate_hz']:.1f}"
    longest = "" if topic["longest_gap_s"] is None else f"{topic['longest_gap_s']:.2f} s"
    name = (
        f"<span class=name>{escape(topic['name'])}</span><br><span class=note>{escape(topic['type'])}</span>"
    )
    gaps = f"<span class=bad>{topic['gaps']}</span>" if topic["gaps"] else "0"
    cells = [name, topic["messages"], rate, _size(topic["bytes"]), gaps, longest]
    picture = _bars(topic["timeline"], _timeline_colours(topic), 26)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{picture}</td></tr>"


def _timeline_colours(topic: Mapping[str, Any]) -> list[str]:
    """Red where a topic with gaps is silent, but for the time before its first message."""
    counts = topic["timeline"]
    first = next((place for place, count in enumerate(counts) if count), 0)
    last = next((place for place, count in enumerate(reversed(counts)) if count), 0)
    gap = range(first if topic["gaps"] else len(counts), len(counts) - last)
    ending = range(len(counts) - last if topic["silent_at_end_s"] else len(counts), len(counts))
    is_red = [place in gap or place in ending for place in range(len(counts))]
    return [CALM if count else BAD if red else EMPTY for count, red in zip(counts, is_red, strict=True)]


def _episodes(figures: Mapping[str, Any]) -> str:
    rows, outcomes = figures["rows_of_each"], figures["outcomes"]
    every = -(-len(rows) // MOST_EPISODES) or 1
    shown = range(0, len(rows), every)
    titles = [
        f"{place + 1}: {rows[place]} rows{_lasting(rows[place], figures)}, {OUTCOMES[outcomes[place]]}"
        for place in shown
    ]
    colours = [COLOURS[outcomes[place]] for place in shown]
    picture = _bars([rows[place] for place in shown], colours, 70, titles, FEWEST_EPISODES)
    longest = max(rows, default=0)
    note = f"Rows of each, in order; the longest has {longest}{_lasting(longest, figures)}. "
    note += "Green: success, red: failure, blue: not marked." + f" Every {every}th is drawn." * (every > 1)
    tasks = f" Tasks: {escape(', '.join(figures['tasks'][:20]))}." if figures["tasks"] else ""
    return f"<h2>Episodes</h2><p>{note}{tasks}</p><div class=card>{picture}</div>"


def _columns(figures: Mapping[str, Any]) -> str:
    parts = [
        f"<h2>{escape(name)}</h2><div class=grid>{''.join(_component(name, entry) for entry in components)}</div>"
        for name, components in figures["columns"].items()
    ]
    others = [f"<li>{escape(name)}: {escape(shape)}</li>" for name, shape in figures["others"].items()]
    explained = f"<h2>Values</h2><p>{EXPLAINED}</p>"
    return explained + "".join(parts) + (f"<h2>Other arrays</h2><ul>{''.join(others)}</ul>" if others else "")


def _component(column: str, entry: Mapping[str, Any]) -> str:
    """A card with a histogram, its ends, and what is not in it."""
    low, high = entry["histogram_ends"]
    unit = f" {entry['unit']}" if entry["unit"] not in ("", "1") else ""
    least, most = (_number(entry[key], high - low) for key in ("least", "most"))
    said = [f"<span class=bad>{entry['not_finite']} not finite</span>"] if entry["not_finite"] else []
    if entry["outliers"]:
        said.append(f"<span class=look>{entry['outliers']:.2%} far out</span>: {least} to {most}")
    picture = ""
    if entry["least"] < entry["most"]:
        ends = (
            f"<span>{_number(low, high - low)}</span><span>{_number(high, high - low)}{escape(unit)}</span>"
        )
        picture = f"{_bars(entry['histogram'], [CALM] * len(entry['histogram']), 46)}<div class='note ends'>{ends}</div>"
        mean, spread = (_number(entry[key], high - low) for key in ("mean", "spread"))
        said.append(f"mean {mean}, spread {spread}")
    elif entry["histogram"]:
        said.append(f"never changes: {entry['most']:.4g}{escape(unit)}")
    grade = " bad" if entry["not_finite"] else " look" if entry["outliers"] else ""
    name = f"<span class=name>{escape(label(column, entry))}</span>"
    return f"<div class='card{grade}'>{name}{picture}<div class=note>{'<br>'.join(said)}</div></div>"


def _number(value: float, span: float) -> str:
    """As many digits as tell values apart within a span."""
    if not 1e-6 < span < 1e6:
        return f"{value:.{DIGITS + 1}g}"
    digits = max(DIGITS - 1 - math.floor(math.log10(span)), 0)
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _bars(
    values: Sequence[float],
    colours: Iterable[str],
    height: int,
    titles: Sequence[str] = (),
    places: int = 1,
) -> str:
    """Bars side by side, the highest as high as the picture, with room for as many as `places`; `titles` show where one points at."""
    most = max([*values, 1e-12])
    bars = []
    for place, (value, colour) in enumerate(zip(values, colours, strict=True)):
        length = max(value / most * height, 1.0)
        title = f"<title>{escape(titles[place])}</title>" if titles else ""
        bars.append(
            f'<rect x="{place}" y="{height - length:.2f}" width=".86" height="{length:.2f}" style="fill:{colour}">{title}</rect>'
        )
    size = f'viewBox="0 0 {max(len(values), places)} {height}" height="{height}" preserveAspectRatio="none"'
    return f"<svg {size}>{''.join(bars)}</svg>"
