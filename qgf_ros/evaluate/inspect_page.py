"""The figures of `qgf inspect` as a page: one HTML file that needs nothing beside it, pictures drawn as SVG.

Names come out of files that others wrote: every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

GOOD, BAD, CALM = "var(--good)", "var(--bad)", "var(--calm)"
COLOURS = {True: GOOD, False: BAD, None: CALM}
MOST_EPISODES = 400  # bars; with more each stands for several
STYLE = """
:root { --good: #1b7f5c; --bad: #c2513a; --calm: #2b4c7e; --ink: #23262b; --soft: #6d737c; --line: #e2e5ea; --ground: #fff; --card: #f7f8fa }
@media (prefers-color-scheme: dark) { :root { --good: #4cc296; --bad: #ef8168; --calm: #8fb2e8; --ink: #e8eaee; --soft: #9aa1ab;
  --line: #343a44; --ground: #16191e; --card: #1e2229 } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.35rem; margin: 0 0 .2rem } h2 { font-size: 1.05rem; margin: 2rem 0 .6rem } p { margin: .2rem 0; color: var(--soft) }
.facts, .grid { display: grid; gap: .7rem } .facts { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); margin-top: 1rem }
.grid { grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; overflow: hidden }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums } .card.bad { border-color: var(--bad) }
.name { font-weight: 600; overflow-wrap: anywhere } .note { color: var(--soft); font-size: .85em; font-variant-numeric: tabular-nums }
.warn { color: var(--bad) } table { border-collapse: collapse; width: 100% }
td, th { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; white-space: nowrap }
td:first-child, th:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere } th { color: var(--soft); font-weight: 500 }
svg { display: block; width: 100% } .wide { overflow-x: auto }
"""


def page(figures: Mapping[str, Any]) -> str:
    """The whole page, from the figures of `qgf inspect`."""
    name = str(figures["path"])
    parts = [_head(name, figures), _troubles(figures)]
    parts += [_topics(figures)] if figures.get("topics") else []
    parts += [_episodes(figures), _columns(figures)] if "columns" in figures else []
    title = f"<title>{escape(name)}</title><style>{STYLE}</style>"
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return f"<!doctype html><html lang=en><head>{meta}{title}</head><body>{''.join(parts)}</body></html>\n"


def _head(name: str, figures: Mapping[str, Any]) -> str:
    facts = [(f"{figures['bytes'] / 1e6:.1f} MB", "on the disk")]
    if "topics" in figures:
        facts += [(f"{figures['duration_s']:.0f} s", "recorded"), (f"{figures['messages']}", "messages")]
        facts += [] if figures["lost"] is None else [(str(figures["lost"]), "lost by the recorder's count")]
    if "columns" in figures:
        facts += [(str(figures["episodes"]), "episodes"), (str(figures["rows"]), "rows looked at")]
        facts += [
            (str(figures[kind]), kind) for kind in ("successes", "failures", "unmarked") if figures[kind]
        ]
    if parity := figures.get("parity"):
        facts.append((f"{parity['same']} of {parity['live']}", "live observations made again bit by bit"))
    kind = escape(str(figures.get("format", "rosbag2")))
    what = f"{kind}, interface {escape(str(figures['interface']))}" if figures.get("interface") else kind
    return f"<h1>{escape(name)}</h1><p>{what}</p><div class=facts>{''.join(_fact(*fact) for fact in facts)}</div>"


def _fact(value: str, what: str) -> str:
    return f"<div class=card><b>{escape(value)}</b><span class=note>{escape(what)}</span></div>"


def _troubles(figures: Mapping[str, Any]) -> str:
    """What is wrong, first of all; nothing where all is well."""
    found = [figures["problem"]] if figures["problem"] else []
    found += (
        [] if figures.get("is_finished", True) else ["The recorder did not finish: the end may be missing."]
    )
    found += [f"Silent: {topic} has no message, and rows need it." for topic in figures.get("silent", [])]
    found += [
        f"Lost on {topic}: {count} messages." for topic, count in figures.get("lost_by_topic", {}).items()
    ]
    if (parity := figures.get("parity")) and parity["same"] < parity["live"]:
        words = f"{parity['different']} live observations differ, {parity['not_made']} cannot be made. {parity['why']}"
        found.append(words.strip())
    found += [f"Left out: {name}. {why}" for name, why in figures.get("left_out", {}).items()]
    found += [f"Refused: {entry['problem']}" for entry in figures.get("refused", [])]
    if not found:
        return ""
    return (
        f"<h2>To look at</h2><ul>{''.join(f'<li class=warn>{escape(text)}</li>' for text in found[:50])}</ul>"
    )


def _topics(figures: Mapping[str, Any]) -> str:
    most = max(topic["messages"] for topic in figures["topics"])
    rows = "".join(_topic(topic, most) for topic in figures["topics"])
    head = "<tr><th>topic<th>messages<th>Hz<th>MB<th>gaps<th>longest<th style=width:30%>over time</tr>"
    return f"<h2>Topics</h2><div class=wide><table>{head}{rows}</table></div>"


def _topic(topic: Mapping[str, Any], most: int) -> str:
    rate = "" if topic["rate_hz"] is None else f"{topic['rate_hz']:.1f}"
    longest = "" if topic["longest_gap_s"] is None else f"{topic['longest_gap_s']:.2f} s"
    name = (
        f"<span class=name>{escape(topic['name'])}</span><br><span class=note>{escape(topic['type'])}</span>"
    )
    gaps = f"<span class=warn>{topic['gaps']}</span>" if topic["gaps"] else "0"
    cells = [name, topic["messages"], rate, f"{topic['bytes'] / 1e6:.1f}", gaps, longest]
    picture = _bars(topic["timeline"], [CALM if count else BAD for count in topic["timeline"]], 26)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{picture}</td></tr>"


def _episodes(figures: Mapping[str, Any]) -> str:
    rows, outcomes = figures["rows_of_each"], figures["outcomes"]
    every = -(-len(rows) // MOST_EPISODES) or 1
    colours = [COLOURS[outcome] for outcome in outcomes[::every]]
    note = "rows of each; green: success, red: failure, blue: nobody marked it"
    tasks = f"; tasks: {escape(', '.join(figures['tasks'][:20]))}" if figures["tasks"] else ""
    return f"<h2>Episodes</h2><p>{note}{tasks}</p><div class=card>{_bars(rows[::every], colours, 70)}</div>"


def _columns(figures: Mapping[str, Any]) -> str:
    parts = [
        f"<h2>{escape(name)}</h2><div class=grid>{''.join(map(_component, components))}</div>"
        for name, components in figures["columns"].items()
    ]
    others = [f"<li>{escape(name)}: {escape(shape)}</li>" for name, shape in figures["others"].items()]
    return "".join(parts) + (f"<h2>Other arrays</h2><ul>{''.join(others)}</ul>" if others else "")


def _component(entry: Mapping[str, Any]) -> str:
    """A card with a histogram: red where values are not finite or lie far out."""
    warnings = [f"{entry['not_finite']} not finite"] if entry["not_finite"] else []
    warnings += [f"{entry['outliers']:.2%} far out"] if entry["outliers"] else []
    warnings += ["never changes"] if entry["least"] == entry["most"] else []
    unit = f" {escape(entry['unit'])}" if entry["unit"] else ""
    ends = f"{entry['least']:.4g} to {entry['most']:.4g}{unit}, mean {entry['mean']:.4g}"
    is_bad = bool(entry["not_finite"] or entry["outliers"])
    colour = BAD if is_bad else CALM
    picture = _bars(entry["histogram"], [colour] * len(entry["histogram"]), 46)
    said = f"<br><span class='note warn'>{escape(', '.join(warnings))}</span>" if warnings else ""
    words = f"<span class=name>{escape(entry['name'])}</span><br><span class=note>{ends}</span>{said}"
    return f"<div class='card{' bad' * is_bad}'>{words}{picture}</div>"


def _bars(values: Sequence[float], colours: Iterable[str], height: int) -> str:
    """Bars side by side, the highest as high as the picture."""
    most = max([*values, 1e-12])
    bars = []
    for place, (value, colour) in enumerate(zip(values, colours, strict=True)):
        length = max(value / most * height, 1.0)
        bars.append(
            f'<rect x="{place}" y="{height - length:.2f}" width=".86" height="{length:.2f}" style="fill:{colour}"/>'
        )
    size = f'viewBox="0 0 {max(len(values), 1)} {height}" height="{height}" preserveAspectRatio="none"'
    return f"<svg {size}>{''.join(bars)}</svg>"
