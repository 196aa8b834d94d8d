"""The trainings of a study: of each cell and training seed the recipe, its files, and a digest of what they are made from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qgf_ros.checkpoint import CONFIG
from qgf_ros.cli.recipe import Recipe, load_recipe
from qgf_ros.cli.training import CHANGEABLE
from qgf_ros.contract.schema import Contract
from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import CheckpointError, InvalidSetting
from qgf_ros.evaluate.robot import check_task
from qgf_ros.evaluate.study import SEED_FIELD, Cell, Study
from qgf_ros.evaluate.study_play import load_contract_of
from qgf_ros.evaluate.study_rows import Key
from qgf_ros.rivals.rival import Rival, Stage
from qgf_ros.rivals.training import Taught

DIGITS = 16


@dataclass(frozen=True)
class Unit:
    """A cell with a training seed. `recipe` has seed, labels and output in it; None where nothing can be trained.

    `digest` is of all that `checkpoint` depends on but the code. `is_given`: the checkpoint is somebody else's.
    """

    cell: str
    seed: int
    task: str
    contract: Path
    chunk_length: int | None
    checkpoint: Path
    recipe: Recipe | None
    is_given: bool
    digest: str

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.cell}-seed{self.seed}"

    def load_contract(self) -> Contract:
        """Its contract. Raises as `load_contract_of`."""
        return load_contract_of(self.contract, self.chunk_length)


def units_of(study: Study, seeds: Sequence[int]) -> list[Unit]:
    """Every cell with each training seed.

    Raises:
        MissingFileError, UnknownKeys, InvalidSetting, ...: as `load_recipe`.
        CheckpointError: a checkpoint that is given is not there.
        UnknownTaskError: a cell's task does not exist.
    """
    for cell in study.cells.values():
        check_task(cell.task)
    return [_unit(study, name, cell, seed) for name, cell in study.cells.items() for seed in seeds]


def _unit(study: Study, name: str, cell: Cell, seed: int) -> Unit:
    recipe = (
        None
        if cell.recipe is None
        else _own_recipe(study, name, cell, load_recipe(cell.recipe, cell.changes), seed)
    )
    contract = recipe.contract if recipe is not None else cell.contract
    assert contract is not None, "a cell has a recipe or a contract"
    stated: list[object] = [cell.task, _sha(contract)]
    if recipe is not None:
        stated += [made_from(recipe), seed]
    if cell.chunk_length is not None:
        stated.append(cell.chunk_length)
    checkpoint = study.weights / "checkpoints" / f"{name}-seed{seed}"
    if cell.checkpoint is not None:
        checkpoint = Path(cell.checkpoint.replace(SEED_FIELD, str(seed)))
        if not (checkpoint / CONFIG).is_file():
            raise CheckpointError(checkpoint, f"it has no {CONFIG}")
        stated.append(_sha(checkpoint / CONFIG))
    is_given = cell.checkpoint is not None
    return Unit(
        name, seed, cell.task, contract, cell.chunk_length, checkpoint, recipe, is_given, digest_of(stated)
    )


def _own_recipe(study: Study, name: str, cell: Cell, recipe: Recipe, seed: int) -> Recipe:
    """The recipe for one unit: no episodes on the way and no detector, which a study does not use."""
    train = dataclasses.replace(recipe.train, seed=seed, relabel=_labels(name, cell, recipe))
    return dataclasses.replace(
        recipe,
        name=f"{name}-seed{seed}",
        output=study.weights / "checkpoints" / f"{name}-seed{seed}",
        train=train,
        evaluate=None,
        calibrate=None,
        tasks={},
    )


def _labels(name: str, cell: Cell, recipe: Recipe) -> Relabel:
    if cell.recipe_task is None:
        if recipe.tasks and cell.relabel is None:
            accepted = f"one of {', '.join(recipe.tasks)}, which {cell.recipe} has"
            raise InvalidSetting(f"cells.{name}.recipe_task", None, accepted)
        return cell.relabel or recipe.train.relabel
    if cell.recipe_task not in recipe.tasks:
        accepted = (
            f"one of {', '.join(recipe.tasks)}" if recipe.tasks else f"absent: {cell.recipe} has one task"
        )
        raise InvalidSetting(f"cells.{name}.recipe_task", cell.recipe_task, accepted)
    return recipe.tasks[cell.recipe_task].relabel


def made_from(recipe: Recipe) -> dict[str, object]:
    """What of a recipe decides what is trained, as plain values."""
    train = {key: value for key, value in recipe.train.as_mapping().items() if key not in CHANGEABLE}
    train["steps"] = recipe.train.steps
    for key, folder in (("critic_from", recipe.train.critic_from), ("policy_from", recipe.train.policy_from)):
        train[key] = None if folder is None else _sha(folder / CONFIG)
    collected = None if recipe.collect is None else dataclasses.asdict(recipe.collect)
    defaults = recipe.defaults.as_mapping() | {"estimator": recipe.defaults.estimator}  # as rows have it
    return {
        "train": train,
        "collect": collected,
        "dataset": str(recipe.dataset),
        "defaults": defaults,
        "guidance_strength": recipe.guidance_strength,
    }


def digest_of(stated: object) -> str:
    """Hexadecimal digits of the sha256 of plain values, enumerations and paths."""
    return hashlib.sha256(json.dumps(stated, sort_keys=True, default=str).encode()).hexdigest()[:DIGITS]


def with_value(study: Study, key: Key) -> Rival:
    """The method of a row, with the row's value of its knob."""
    rival = study.methods[key.rival]
    return rival if key.value is None else rival.tuned(key.value)


def taught(study: Study, key: Key) -> Taught | None:
    """What must be trained for a row: a rival whose knob bends only the walk is trained once for all values; None where nothing is."""
    own = study.methods[key.rival]
    rival = with_value(study, key) if own.stage is Stage.TRAINING_TIME else own
    return rival if isinstance(rival, Taught) else None


def constants(rival: Rival) -> dict[str, object]:
    """All that tells a rival from others, as plain values: its name and its constants."""
    fields = dataclasses.asdict(rival)
    return {key: value for key, value in fields.items() if key not in ("source", "knob")}


def _sha(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
