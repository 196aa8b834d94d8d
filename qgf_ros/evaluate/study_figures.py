"""The figures of a study, from its rows alone: success and cost of each method on each task, and paired differences against the base row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.hierarchy import Resolved, rate_interval, resolved
from qgf_ros.evaluate.study import ALL, Study
from qgf_ros.evaluate.study_choice import Choices
from qgf_ros.evaluate.study_rows import Purpose, Row

FEW_UNITS = 5  # below, an interval hardly knows how much trainings differ
Reported = Mapping[tuple[str, str], Sequence[Row]]
"""(cell, method) -> its rows, one a training seed, in the study's order."""


def reported(study: Study, choices: Choices, rows: Sequence[Row]) -> Reported:
    """Of the reporting rows those of the chosen values."""
    by_key = {
        (row.cell, row.rival, row.training_seed, row.value): row
        for row in rows
        if row.purpose is Purpose.REPORTING
    }
    return {
        (cell, name): [
            by_key[cell, name, seed, choices.get(cell, {}).get(name)] for seed in study.training_seeds
        ]
        for cell in study.cells
        for name in study.methods
    }


def figures(
    study: Study, choices: Choices, rows: Sequence[Row], chosen: Mapping[str, object]
) -> dict[str, Any]:
    """What `--json` writes and the report shows; `chosen` as `study_choice.how_chosen` says."""
    found = reported(study, choices, rows)
    commits = sorted({row.commit or "unknown" for own in found.values() for row in own})
    seeds = [study.first_seed, study.first_seed + study.episodes - 1]
    return {
        "study": study.name,
        "base": study.base,
        "chosen": dict(chosen),
        "episode_seeds": seeds,
        "training_seeds": list(study.training_seeds),
        "commits": commits,
        "means": _means(study, found) if len(study.cells) > 1 else [],
        "rows": [_row(study, cell, name, own) for (cell, name), own in found.items()],
        "differences": _differences(study, found),
    }


def _means(study: Study, found: Reported) -> list[dict[str, Any]]:
    """Of each method over all cells and trainings, each of which counts alike; units of the interval are cells with a training."""
    made = []
    for name in study.methods:
        rows = [row for cell in study.cells for row in found[cell, name]]
        units = [outcomes(row) for row in rows]
        made.append(
            {
                "method": name,
                "success": float(np.mean([values.mean() for values in units])),
                "interval": list(rate_interval(units)),
                "ms_per_action": float(np.median([row.ms_per_action for row in rows])),
                "units": len(units),
            }
        )
    return made


def outcomes(row: Row) -> FloatArray:
    """Success of its episodes (E,), 0 or 1."""
    return np.array(row.success, np.float64)


def _row(study: Study, cell: str, name: str, rows: Sequence[Row]) -> dict[str, Any]:
    units, rival = [outcomes(row) for row in rows], study.methods[name]
    return {
        "method": name,
        "task": rows[0].task,
        "cell": cell,
        "seeds": [row.training_seed for row in rows],
        "episodes": sum(row.episodes for row in rows),
        "success": float(np.mean([values.mean() for values in units])),
        "interval": list(rate_interval(units)),
        "ms_per_action": float(np.mean([row.ms_per_action for row in rows])),
        "ms_per_chunk": float(np.mean([row.ms_per_chunk for row in rows])),
        "passes": rows[0].passes,
        "train_s": _mean([row.train_s for row in rows]),
        "parent_train_s": _mean([row.parent_train_s for row in rows]),
        "knob": None if rival.knob is None else rival.knob.name,
        "value": rows[0].value,
        "tried": len(study.values(name)),
        "weights": [row.weight for row in rows],
        "engine": rows[0].engine,
        "processes": max(row.processes for row in rows),
        "stage": rival.stage.value,
    }


def _differences(study: Study, found: Reported) -> list[dict[str, Any]]:
    made = []
    for name in study.methods:
        if name == study.base:
            continue
        units = {cell: _paired(found[cell, name], found[cell, study.base]) for cell in study.cells}
        whole = [pairs for own in units.values() for pairs in own]
        made.append(_difference(name, ALL, study.base, resolved(whole)))
        if len(study.cells) > 1:
            made += [_difference(name, cell, study.base, resolved(own)) for cell, own in units.items()]
    return made


def _paired(ours: Sequence[Row], theirs: Sequence[Row]) -> list[FloatArray]:
    """Ours minus theirs on the same episodes of the same training."""
    return [outcomes(one) - outcomes(other) for one, other in zip(ours, theirs, strict=True)]


def _difference(name: str, cell: str, base: str, found: Resolved) -> dict[str, Any]:
    return {
        "method": name,
        "cell": cell,
        "base": base,
        "mean": found.mean,
        "interval": list(found.interval),
        "resolution": found.resolution,
        "units": found.units,
        "pairs": found.pairs,
        "is_difference": found.is_difference,
        "words": in_words(name, base, found),
    }


def in_words(name: str, base: str, found: Resolved) -> str:
    """What may be said of a difference, and no more."""
    if not found.is_difference:
        finds = f"one from {found.resolution:.2f} up" if found.resolution <= 1.0 else "none, however large"
        return f"not resolved: no difference is claimed; this study finds {finds}"
    better = "above" if found.mean > 0.0 else "below"
    count = "one training" if found.units == 1 else f"{found.units} trainings"
    few = f", of {count} only" if found.units < FEW_UNITS else ""
    return f"{name} is {better} {base} by {abs(found.mean):.2f}{few}"


def _mean(values: Sequence[float | None]) -> float | None:
    """None where one is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
