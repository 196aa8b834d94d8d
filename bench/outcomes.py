"""The outcomes of a closed-loop study: cells of episodes in one JSON file, written as they come, resumed where they stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgf_ros.evaluate.compare import Rate, rate
from qgf_ros.whole_file import write_whole

Outcome = dict[str, Any]
"""One episode: `success` (bool), `steps` (control periods) and what else the study measures, all plain values."""

Cells = dict[str, list[Outcome]]
"""Cells of a study by name."""


class Outcomes:
    """Cells by name, each a list of outcomes of consecutive seeds from `first_seed`. State: the file."""

    def __init__(self, path: Path, about: dict[str, Any], first_seed: int) -> None:
        self._path = path
        self._about = about | {"first_seed": first_seed}
        self._first_seed = first_seed
        self.cells: Cells = {}
        if path.is_file():
            self.cells = _unpacked(json.loads(path.read_text())["cells"])

    def missing(self, names: list[str], episodes: int, block: int) -> Iterator[tuple[str, int]]:
        """(cell, seed) of all episodes that are to be run, `block` seeds of every cell before the next seeds of any."""
        for begin in range(0, episodes, block):
            for name in names:
                done = len(self.cells.get(name, []))
                for index in range(max(begin, done), min(begin + block, episodes)):
                    yield name, self._first_seed + index

    def add(self, name: str, outcome: Outcome) -> None:
        """Appends the outcome of the cell's next seed and writes the file when a cell has grown by ten."""
        cell = self.cells.setdefault(name, [])
        cell.append(outcome)
        if len(cell) % 10 == 0:
            self.write()

    def write(self) -> None:
        """Writes the file as a whole."""
        cells = ",\n".join(f"{json.dumps(name)}: {_packed(cell)}" for name, cell in self.cells.items())
        write_whole(self._path, f'{{"about": {json.dumps(self._about)},\n"cells": {{\n{cells}\n}}}}\n')


def success_rate(cell: list[Outcome]) -> Rate:
    """The cell's success with its Wilson interval."""
    return rate([bool(outcome["success"]) for outcome in cell])


def load_cells(path: Path) -> Cells:
    """The cells of a study that was written before."""
    return _unpacked(json.loads(path.read_text())["cells"])


def _packed(cell: list[Outcome]) -> str:
    columns = {key: [_short(outcome[key]) for outcome in cell] for key in cell[0]}
    return json.dumps(columns, separators=(",", ":"))


def _short(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _unpacked(cells: dict[str, dict[str, list[Any]]]) -> Cells:
    return {
        name: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        for name, columns in cells.items()
    }
