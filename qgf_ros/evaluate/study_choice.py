"""Which value of its knob each rival gets: by tuning episodes, written down once, and kept. Reporting episodes are never looked at for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.study import REPORTING_SEED, ChosenOn, Scope, Study
from qgf_ros.evaluate.study_rows import Key, Purpose, Row, committed_in
from qgf_ros.strict import build, read_json
from qgf_ros.whole_file import write_whole

CHOICES = "choices.json"
Choices = dict[str, dict[str, float]]
"""Cell -> rival -> value of its knob. Who has no knob, or keeps its source's constant, is not there."""


@dataclass(frozen=True)
class Frozen:
    """The choices as they were written down, the last of them by code of which commit."""

    choices: Choices
    code_commit: str | None = None


def tuning_keys(study: Study) -> list[Key]:
    """Rows that are needed to choose by tuning episodes; none where that is not the way."""
    if study.tuning.chosen_on is not ChosenOn.TUNING:
        return []
    return [
        Key(cell, seed, name, value, Purpose.TUNING)
        for cell in study.cells
        for seed in study.tuning_trainings
        for name in study.methods
        for value in study.values(name)
    ]


def reporting_keys(study: Study, choices: Choices) -> list[Key]:
    """Rows that are reported; where `chosen_on: reporting`, those of all values, of which the best will be shown."""
    everything = study.tuning.chosen_on is ChosenOn.REPORTING
    return [
        Key(cell, seed, name, value, Purpose.REPORTING)
        for cell in study.cells
        for seed in study.training_seeds
        for name in study.methods
        for value in (everything and study.values(name)) or (choices.get(cell, {}).get(name),)
    ]


def choose(study: Study, rows: Iterable[Row]) -> Choices:
    """The value of most success for each rival with a knob; of several such the one of fewest control periods, then the first.

    Raises:
        InvalidSetting: a row of reporting seeds is among them, though the study tunes on tuning seeds.
    """
    found = list(rows)
    if study.tuning.chosen_on is ChosenOn.TUNING:
        for row in found:
            if row.purpose is not Purpose.TUNING or row.first_seed + row.episodes > REPORTING_SEED:
                raise InvalidSetting("tuning row", row.key.name, f"of episodes below {REPORTING_SEED}")
    chosen: Choices = {}
    for cell in study.cells:
        pool = [row for row in found if study.tuning.scope is Scope.STUDY or row.cell == cell]
        for name in study.methods:
            if values := study.values(name):
                own = [row for row in pool if row.rival == name]
                chosen.setdefault(cell, {})[name] = _best(own, values)
    return chosen


def _best(rows: Sequence[Row], values: Sequence[float]) -> float:
    def merit(value: float) -> tuple[float, float]:
        own = [row for row in rows if row.value == value]
        if not own:
            raise InvalidSetting("tuning rows", f"none of the value {value:g}", "there before a choice")
        success = sum(sum(row.success) / row.episodes for row in own) / len(own)
        return success, -sum(sum(row.steps) / row.episodes for row in own) / len(own)

    return max(values, key=merit)


def frozen(folder: Path, choices: Choices, code_commit: str | None) -> Frozen:
    """All that stands written down, and what does not yet, for rivals or cells that are new. Writes nothing.

    Raises:
        InvalidSetting: another value stands there: it was frozen before the study changed.
    """
    path = folder / CHOICES
    before = build(Frozen, read_json(path), path.name) if path.is_file() else Frozen({})
    for cell, chosen in choices.items():
        for rival, value in chosen.items():
            if before.choices.get(cell, {}).get(rival, value) != value:
                found = before.choices[cell][rival]
                accepted = f"{value:g}, by the tuning rows: remove {path} to choose anew, with reporting seeds that nobody has seen"
                raise InvalidSetting(f"the frozen choice for {rival} in {cell}", found, accepted)
    merged = {
        cell: before.choices.get(cell, {}) | choices.get(cell, {}) for cell in {**before.choices, **choices}
    }
    return before if path.is_file() and merged == before.choices else Frozen(merged, code_commit)


def freeze(folder: Path, choices: Choices, code_commit: str | None) -> Frozen:
    """Writes down what does not stand there yet; returns all that does then. Raises as `frozen`."""
    found, path = frozen(folder, choices, code_commit), folder / CHOICES
    content = json.dumps(asdict(found), indent=2) + "\n"
    if not path.is_file() or path.read_text() != content:
        write_whole(path, content)
    return found


def how_chosen(study: Study, frozen: Frozen) -> Mapping[str, object]:
    """What a report says of the choices: `words`, `biased`, and `frozen_in`, the commit that holds them."""
    tuning, frozen_in = study.tuning, committed_in(study.results / CHOICES)
    each = "one for each cell" if tuning.scope is Scope.CELL else "one for all cells"
    if tuning.chosen_on is ChosenOn.NOTHING:
        return {
            "words": "Nothing was tuned: constants are those of the sources.",
            "biased": False,
            "frozen_in": None,
        }
    if tuning.chosen_on is ChosenOn.REPORTING:
        words = (
            f"BIASED: knobs ({each}) are the best of those tried on the very episodes that are reported, as in the QGF paper. Whoever has "
            "a knob is flattered, and more so the fewer the episodes."
        )
        return {"words": words, "biased": True, "frozen_in": None}
    seeds = f"{tuning.first_seed} to {tuning.first_seed + tuning.episodes - 1}"
    trainings = ", ".join(map(str, study.tuning_trainings))
    words = f"Knobs ({each}) were chosen on the tuning episodes {seeds} of the training seeds {trainings}, by success, then by fewer control periods."
    if frozen_in is None:
        made = frozen.code_commit or "unknown"
        words += (
            f" The choices were made by code of commit {made}, and are themselves in no commit: not frozen."
        )
    else:
        words += f" They were frozen in commit {frozen_in}."
    return {"words": words, "biased": False, "frozen_in": frozen_in}
