"""Trains what a study lacks: parents, as one program where they share a recipe, then what rivals learn from them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from qgf_ros.checkpoint import CONFIG, load_checkpoint
from qgf_ros.cli.collect_command import collect_with_progress
from qgf_ros.cli.study_units import Unit, constants, digest_of, taught
from qgf_ros.data.dataset import from_slices, read_slices, split
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.study import Study
from qgf_ros.evaluate.study_rows import Key
from qgf_ros.rivals.extra_file import save_extra
from qgf_ros.strict import read_json
from qgf_ros.train.update import Part
from qgf_ros.whole_file import write_whole

if TYPE_CHECKING:
    from qgf_ros.rivals.training import Taught


class Trained:
    """What is trained, and in which time: notes below the study's folder of weights. State: the files."""

    def __init__(self, study: Study) -> None:
        self._study, self._folder = study, study.weights / "trained"
        self._slices_of = cache(read_slices)

    def has(self, name: str, digest: str) -> bool:
        """Whether it is finished. Raises InvalidSetting where it was made from something else."""
        path = self._folder / f"{name}.json"
        if not path.is_file():
            return False
        if (found := read_json(path)["made_from"]) != digest:
            accepted = (
                f"{digest}, as the study now stands: move {path} away, or give the study another folder"
            )
            raise InvalidSetting(f"{name}: made_from", found, accepted)
        return True

    def seconds(self, name: str) -> float | None:
        """How long it took; None where unknown, or where nothing of the name was trained."""
        path = self._folder / f"{name}.json"
        found = read_json(path)["train_s"] if path.is_file() else None
        return found if isinstance(found, int | float) else None

    def note(self, name: str, digest: str, seconds: float | None) -> None:
        """It is finished."""
        content = {"made_from": digest, "train_s": seconds}
        write_whole(self._folder / f"{name}.json", json.dumps(content) + "\n")

    def parents(self, units: Iterable[Unit], processes: int) -> None:
        """Trains the parents among `units` that are not finished.

        Raises the errors of `collect_with_progress` and `train_runs`, and InvalidSetting as `has`.
        """
        groups: dict[str, list[Unit]] = {}
        for unit in units:
            if not unit.is_given:
                cell = self._study.cells[unit.cell]
                alike = digest_of([cell.recipe, cell.changes, cell.chunk_length])
                groups.setdefault(alike, []).append(unit)
        for group in groups.values():
            for stage in self._stages(group):
                self._train(stage, processes)

    def _stages(self, group: list[Unit]) -> Iterator[list[Unit]]:
        """What is missing of units that differ in seeds and labels alone: first one of each seed, then critics beside its policy.

        No policy sees labels: the policies of a seed are equal bit by bit.
        """
        missing = [unit for unit in group if not self.finished(unit)]
        givers = {unit.seed: unit for unit in reversed(group) if unit not in missing}
        for unit in missing:
            givers.setdefault(unit.seed, unit)
        takers = [unit for unit in missing if givers[unit.seed] is not unit and _trains_both(unit)]
        if wholes := [unit for unit in missing if unit not in takers]:
            yield wholes
        if takers:
            yield [_beside(unit, givers[unit.seed].checkpoint) for unit in takers]

    def finished(self, unit: Unit) -> bool:
        """Whether its checkpoint is there. Raises as `has`."""
        if unit.is_given:
            return True
        return self.has(unit.name, unit.digest) and (unit.checkpoint / CONFIG).is_file()

    def _train(self, group: list[Unit], processes: int) -> None:
        from qgf_ros.cli.training import train_runs
        from qgf_ros.train.team import ALONE

        recipes = [unit.recipe for unit in group if unit.recipe is not None]
        first = recipes[0]
        if first.collect is not None:
            collect_with_progress(first.contract, first.collect, first.dataset, processes)
        names = digest_of([[unit.name, unit.digest] for unit in group])
        folder = self._study.weights / "training" / names
        goes_on, began = (folder / "state").is_dir(), time.monotonic()
        print(f"training {', '.join(unit.name for unit in group)}")
        train_runs(recipes, group[0].load_contract(), folder, ALONE)
        each = None if goes_on else (time.monotonic() - began) / len(group)
        for unit in group:
            self.note(unit.name, unit.digest, each)

    def extra(self, unit: Unit, key: Key) -> tuple[Path, float | None] | None:
        """The file of what the row's rival learned, trained first where it is not there, and its seconds; None for one that learns nothing.

        Raises:
            InvalidSetting: the cell has no recipe that says from which data; as `has`; as `Taught.train`.
        """
        rival = taught(self._study, key)
        if rival is None:
            return None
        is_same = rival == self._study.methods[key.rival]
        name = f"{unit.name}/{rival.name}" + ("" if is_same else f"-{key.value:g}")
        digest = digest_of([unit.digest, constants(rival)])
        path = self._study.weights / "extras" / f"{name}.safetensors"
        if not (self.has(name, digest) and path.is_file()):
            self.note(name, digest, self._teach(unit, rival, path))
        return path, self.seconds(name)

    def _teach(self, unit: Unit, rival: Taught, path: Path) -> float:
        """Trains and saves; the seconds of training."""
        if unit.recipe is None:
            accepted = f"given: {rival.name} learns, and a recipe says from which data"
            raise InvalidSetting(f"cells.{unit.cell}.recipe", None, accepted)
        print(f"training {rival.name} on {unit.name}")
        contract = unit.load_contract()
        parent = load_checkpoint(unit.checkpoint, contract.interface)
        config = unit.recipe.train
        kept, _ = split(self._slices_of(unit.recipe.dataset, contract.interface), config.held_out)
        training = from_slices(kept, contract.interface, config.relabel)
        began = time.monotonic()
        extra = rival.train(parent, training, config)
        spent_s = time.monotonic() - began
        save_extra(path, extra)
        return spent_s


def _trains_both(unit: Unit) -> bool:
    return unit.recipe is not None and unit.recipe.train.part is Part.BOTH


def _beside(unit: Unit, giver: Path) -> Unit:
    """The unit, whose policy is that of a checkpoint."""
    assert unit.recipe is not None, "only a recipe trains both parts"
    return replace(unit, recipe=replace(unit.recipe, train=replace(unit.recipe.train, policy_from=giver)))
