"""Studies and rows for tests: one cell, a finished checkpoint, nothing played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgf_ros.evaluate.study import Cell, Study, Tuning
from qgf_ros.evaluate.study_play import Play
from qgf_ros.evaluate.study_rows import Key, Purpose, Row

CONTENT: dict[str, Any] = {
    "name": "small",
    "cells": {"near": {"task": "jaco-reach", "recipe": "config/train/smoke.yaml"}},
    "rivals": ["unguided", "qgf"],
    "episodes": 4,
}


def a_study(folder: Path, **changes: Any) -> Study:
    """Two methods and the default, four episodes."""
    cells = {"near": Cell("jaco-reach", recipe=Path("config/train/smoke.yaml"))}
    study = Study(
        name="small",
        cells=cells,
        rivals=("unguided", "qgf"),
        episodes=4,
        tuning=Tuning(episodes=2, values={"qgf": (0.1, 0.2)}),
        folder=folder / "results",
        work=folder / "work",
    )
    return replace(study, **changes)


def a_row(key: Key, success: Sequence[bool], first_seed: int = 0, steps: int = 10) -> Row:
    """A row of these outcomes."""
    return Row(
        cell=key.cell,
        task="jaco-reach",
        training_seed=key.training_seed,
        rival=key.rival,
        value=key.value,
        purpose=key.purpose,
        made_from="0123",
        first_seed=first_seed,
        episodes=len(success),
        success=tuple(success),
        steps=(steps,) * len(success),
        weight=key.value,
        engine="none",
        ms_per_action=1.5,
        ms_per_chunk=3.0,
        processes=1,
        passes={"policy_forward": 4, "policy_backward": 0, "critic_forward": 4, "critic_backward": 4},
        train_s=2.0,
        parent_train_s=None,
        commit=None,
    )


def tuning(value: float, success: Sequence[bool], cell: str = "near", steps: int = 10) -> Row:
    """A tuning row of `qgf`."""
    return a_row(Key(cell, 0, "qgf", value, Purpose.TUNING), success, steps=steps)


class Player:
    """Stands for `play_all`: who is played, and that larger knobs succeed. State: all that was played."""

    def __init__(self, most: int | None = None) -> None:
        """`most`: so many rows, then it is interrupted."""
        self.played: list[Play] = []
        self._most = most

    def __call__(self, plays: Sequence[Play], processes: int, commit: str | None) -> Iterator[Row]:
        """A row for each."""
        for play in plays:
            if self._most is not None and len(self.played) == self._most:
                raise KeyboardInterrupt
            self.played.append(play)
            row = a_row(play.key, [(play.key.value or 0.0) > 0.15] * play.episodes, play.first_seed)
            yield replace(row, made_from=play.made_from, commit=commit)

    @property
    def seeds(self) -> set[int]:
        """Of all episodes that were played."""
        return {
            seed for play in self.played for seed in range(play.first_seed, play.first_seed + play.episodes)
        }
