"""A study's report in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qgf_ros.evaluate.study import ALL

HOW = (
    "Intervals are at 95 %. Of success they cover Wilson's over all episodes and, of several trainings, the bootstrap's over trainings and their episodes. Differences are paired on "
    "episode seeds; the unit is a task with a training seed: units are drawn anew, and within each its pairs, and the interval also covers that of "
    "Agresti and Min over all pairs. `finds from`: the smallest true difference whose interval would be clear of zero four times in five; nothing smaller is "
    "called a difference. Each comparison stands by itself: of twenty that are void one is expected to look like a difference."
)
COST = (
    "`ms an action`: sampling, by control periods, on one core, in so many processes beside one another as the figures say; comparable only between equal engines: where it says "
    "`autograd`, no faster engine plays the method, and the passes (rows through the policy, there and back, and through the critic) tell more. `train s`: the method's own training; beyond it all "
    "need policy and critic of the `parent`."
)
ROW_HEADS = (
    "method",
    "success",
    "interval",
    "ms an action",
    "policy passes",
    "critic passes",
    "train s",
    "knob",
    "engine",
)
MEANS = "All cells: mean success, median time"
MEAN_HEADS = ("method", "success", "interval", "ms an action")
DIFFERENCE_HEADS = ("method", "mean", "interval", "finds from", "pairs", "units", "so")


def markdown(figures: Mapping[str, Any]) -> str:
    """The report, from the figures of `study_figures.figures`."""
    parts = [f"# {figures['study']}", "\n\n".join(sentences(figures))]
    if figures["means"]:
        parts += [f"## {MEANS}", table(MEAN_HEADS, map(mean_cells, figures["means"]))]
    for cell, rows in by_cell(figures["rows"]).items():
        parts += [f"## {title(cell, rows)}", table(ROW_HEADS, map(row_cells, rows))]
    for cell, found in by_cell(figures["differences"]).items():
        where = "mean over all cells" if cell == ALL else cell
        parts += [
            f"## Against {figures['base']}: {where}",
            table(DIFFERENCE_HEADS, map(difference_cells, found)),
        ]
    return "\n\n".join([*parts, "## How to read this", HOW, COST]) + "\n"


def sentences(figures: Mapping[str, Any]) -> list[str]:
    """What stands above all tables."""
    first, last = figures["episode_seeds"]
    trainings = ", ".join(map(str, figures["training_seeds"]))
    return [
        str(figures["chosen"]["words"]),
        f"Episodes {first} to {last}, training seeds {trainings}. Rows were made by code of commit {', '.join(figures['commits'])}.",
    ]


def by_cell(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of each cell, in the order of their coming."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["cell"], []).append(row)
    return found


def title(cell: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A cell's heading: its task, and how long its parent was trained, in the mean over trainings."""
    parent = rows[0]["parent_train_s"]
    trained = "" if parent is None else f", parent trained in {parent:.0f} s"
    return f"{cell}: {rows[0]['task']}{trained}"


def mean_cells(mean: Mapping[str, Any]) -> list[str]:
    """A method's line in MEAN_HEADS' order."""
    return [
        mean["method"],
        f"{mean['success']:.3f}",
        span(mean["interval"], ""),
        f"{mean['ms_per_action']:.2f}",
    ]


def row_cells(row: Mapping[str, Any]) -> list[str]:
    """A method's line in ROW_HEADS' order."""
    passes = row["passes"]
    policy = f"{passes['policy_forward']}" + _back(passes["policy_backward"])
    critic = f"{passes['critic_forward']}" + _back(passes["critic_backward"])
    return [
        row["method"],
        f"{row['success']:.3f}",
        span(row["interval"], ""),
        f"{row['ms_per_action']:.2f}",
        policy,
        critic,
        "" if row["train_s"] is None else f"{row['train_s']:.0f}",
        knob(row),
        row["engine"],
    ]


def knob(row: Mapping[str, Any]) -> str:
    """What was chosen, or the guidance weights that were in force unasked."""
    if row["value"] is not None:
        return f"{row['knob']} {row['value']:g}, of {row['tried']} tried"
    weights = sorted({f"{weight:.3g}" for weight in row["weights"] if weight is not None})
    return f"weight {', '.join(weights)}" if weights else ""


def difference_cells(found: Mapping[str, Any]) -> list[str]:
    """A comparison's line in DIFFERENCE_HEADS' order."""
    return [
        found["method"],
        f"{found['mean']:+.3f}",
        span(found["interval"], "+"),
        f"{found['resolution']:.3f}",
        str(found["pairs"]),
        str(found["units"]),
        found["words"],
    ]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def span(interval: Sequence[float], sign: str) -> str:
    """An interval in words."""
    low, high = interval
    return f"{low:{sign}.3f} to {high:{sign}.3f}"


def _back(passes: int) -> str:
    return f" + {passes} back" if passes else ""
