"""A study: which methods are compared, on which tasks and trainings, on which episodes, and how their constants are chosen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from qgf_ros.bounds import CHUNK_ACTIONS
from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import NOISE_SCALE, Estimator
from qgf_ros.inference.engines.engine import EngineName
from qgf_ros.rivals.registry import RIVALS
from qgf_ros.rivals.rival import Rival
from qgf_ros.rivals.settings import GUIDANCE, Setting
from qgf_ros.strict import build, read_yaml

REPORTING_SEED = 10_000  # from here up episodes are reported, and used for nothing else
SEED_FIELD = "{seed}"
CELL_CHANGES = ("train.networks", "train.update", "train.batch_size", "train.steps", "guidance_strength")
"""Keys of a recipe of which a cell may have other values; seeds, labels and folders are the study's."""
ALL = "all"  # stands for the mean over all cells in a report
DEFAULT = Setting(
    name="default",
    source="ours: QGF + best of 4 from half of the noise, with the weight that a recipe's guidance_strength finds (docs/adr/0032, 0036)",
    estimator=Estimator.ONE_STEP,
    candidates=4,
    noise_scale=NOISE_SCALE,
)
FULL_NOISE = replace(
    DEFAULT,
    name="full_noise",
    source="ours, for comparison: the default, but from the noise of training (docs/adr/0036)",
    noise_scale=1.0,
)
METHODS: Mapping[str, Rival] = MappingProxyType(
    {DEFAULT.name: DEFAULT, FULL_NOISE.name: FULL_NOISE, **RIVALS}
)
NINE_WEIGHTS = (0.004, 0.008, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12)
"""Those of the QGF authors' scripts (arXiv 2606.11087), in action^2 / Q: what `chosen_on: reporting` tries of a guidance weight."""


class ChosenOn(Enum):
    """The episodes on which a knob's value is chosen. REPORTING is the way of the QGF paper; it flatters whoever has a knob."""

    TUNING = "tuning"
    REPORTING = "reporting"
    NOTHING = "nothing"  # the constants of the sources


class Scope(Enum):
    """For what a value is chosen: each cell by itself, or one for all."""

    CELL = "cell"
    STUDY = "study"


@dataclass(frozen=True)
class Cell:
    """A task and what acts on it: trained by `recipe`, or the finished `checkpoint`.

    `recipe_task` names one of a recipe's several tasks; `relabel` replaces what the recipe says. `checkpoint` is a folder, with `{seed}`
    in its name where there are several training seeds; beside it a recipe says from which data rivals learn, and a `contract` is enough
    where none of them does. `changes` gives dotted keys of the recipe other values (`train.networks.hidden: [512, 512, 512]`); with
    `chunk_length` chunks have so many actions instead of the contract's, and each is executed whole before the next is asked for.
    """

    task: str
    recipe: Path | None = None
    checkpoint: str | None = None
    contract: Path | None = None
    relabel: Relabel | None = None
    recipe_task: str | None = None
    changes: dict[str, object] = field(default_factory=dict)
    chunk_length: int | None = None

    def __post_init__(self) -> None:
        """Check that it can be had; raises InvalidSetting."""
        if self.recipe is None and (self.changes or self.chunk_length is not None):
            raise InvalidSetting("cell.recipe", None, "given where a cell has changes or a chunk_length")
        if self.checkpoint is not None and (self.changes or self.chunk_length is not None):
            accepted = "absent where a cell has changes or a chunk_length: it is finished"
            raise InvalidSetting("cell.checkpoint", self.checkpoint, accepted)
        for key in self.changes:
            if not any(key == known or key.startswith(f"{known}.") for known in CELL_CHANGES):
                raise InvalidSetting("cell.changes", key, f"one of {', '.join(CELL_CHANGES)}, or below one")
        if self.chunk_length is not None and not 1 <= self.chunk_length <= CHUNK_ACTIONS:
            raise InvalidSetting("cell.chunk_length", self.chunk_length, f"from 1 to {CHUNK_ACTIONS}")
        if self.recipe_task is not None and (self.recipe is None or self.relabel is not None):
            accepted = "absent without a recipe, and beside relabel"
            raise InvalidSetting("cell.recipe_task", self.recipe_task, accepted)
        if self.recipe is None and (self.checkpoint is None or self.contract is None):
            raise InvalidSetting("cell.recipe", None, "given, or a checkpoint and its contract")
        if self.recipe is not None and self.contract is not None:
            raise InvalidSetting("cell.contract", str(self.contract), "absent beside a recipe, which has one")


@dataclass(frozen=True)
class Tuning:
    """How knobs are chosen: `episodes` from `first_seed` on for each value, in every cell and training.

    `values` by rival: tried instead of the rival's own. `training_seeds`: other trainings than those that are reported; absent: the same.
    """

    chosen_on: ChosenOn = ChosenOn.TUNING
    scope: Scope = Scope.CELL
    episodes: int = 20
    first_seed: int = 0
    values: dict[str, tuple[float, ...]] = field(default_factory=dict)
    training_seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check counts and that no reporting seed is near; raises InvalidSetting."""
        if self.episodes < 1:
            raise InvalidSetting("tuning.episodes", self.episodes, "at least 1")
        if not 0 <= self.first_seed <= REPORTING_SEED - self.episodes:
            accepted = f"from 0 to {REPORTING_SEED - self.episodes}: episodes from {REPORTING_SEED} up are for reporting alone"
            raise InvalidSetting("tuning.first_seed", self.first_seed, accepted)
        if self.training_seeds and self.chosen_on is not ChosenOn.TUNING:
            raise InvalidSetting(
                "tuning.training_seeds",
                self.training_seeds,
                "absent: only `chosen_on: tuning` has seeds of its own",
            )


@dataclass(frozen=True)
class Study:
    """`cells` by name; `training_seeds` for each; `rivals` by name; `episodes` from `first_seed` on for each of all of these.

    Differences are taken against `base`. `folder` has rows, choices and the report, and may be committed; `work` has weights. Paths
    are taken from the folder in which `qgf` is called. Rows in `rows_from`, the folders of other studies, count where they were made from the
    same: weights, constants, episodes.
    """

    name: str
    cells: dict[str, Cell]
    rivals: tuple[str, ...]
    training_seeds: tuple[int, ...] = (0,)
    episodes: int = 100
    first_seed: int = REPORTING_SEED
    base: str = DEFAULT.name
    tuning: Tuning = field(default_factory=Tuning)
    engine: EngineName = EngineName.AUTO
    folder: Path | None = None
    work: Path | None = None
    rows_from: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check names, counts and seeds; raises InvalidSetting."""
        for name in (self.name, *self.cells):
            if re.fullmatch(r"\w[\w.-]*", name) is None or name == ALL:
                raise InvalidSetting(
                    "name", name, f"made of letters, digits, '_', '-' and '.', and not {ALL!r}"
                )
        if not self.cells:
            raise InvalidSetting("cells", self.cells, "at least one task")
        if self.episodes < 1:
            raise InvalidSetting("episodes", self.episodes, "at least 1")
        if self.first_seed < REPORTING_SEED:
            raise InvalidSetting("first_seed", self.first_seed, f"{REPORTING_SEED} or more")
        self._check_trainings()
        self._check_rivals()

    def _check_trainings(self) -> None:
        for name, seeds in (
            ("training_seeds", self.training_seeds),
            ("tuning.training_seeds", self.tuning.training_seeds),
        ):
            if len(set(seeds)) != len(seeds) or any(seed < 0 for seed in seeds):
                raise InvalidSetting(name, seeds, "numbers from 0 up, each once")
        if not self.training_seeds:
            raise InvalidSetting("training_seeds", self.training_seeds, "at least one")
        trainings = {*self.training_seeds, *self.tuning.training_seeds}
        for name, cell in self.cells.items():
            if cell.checkpoint is not None and SEED_FIELD not in cell.checkpoint and len(trainings) > 1:
                accepted = f"a name with {SEED_FIELD} in it where there are several training seeds"
                raise InvalidSetting(f"cells.{name}.checkpoint", cell.checkpoint, accepted)

    def _check_rivals(self) -> None:
        for place, name in enumerate(self.rivals):
            if name not in METHODS or name in self.rivals[:place]:
                raise InvalidSetting("rivals", name, f"one of {', '.join(METHODS)}, each once")
        if self.base not in METHODS:
            raise InvalidSetting("base", self.base, f"one of {', '.join(METHODS)}")
        for name, values in self.tuning.values.items():
            if name not in self.methods or self.methods[name].knob is None:
                tunable = [key for key, rival in self.methods.items() if rival.knob is not None]
                raise InvalidSetting(
                    "tuning.values", name, f"a rival of the study with a knob: {', '.join(tunable)}"
                )
            if not values or len(set(values)) != len(values):
                raise InvalidSetting(f"tuning.values.{name}", values, "at least one value, each once")

    @property
    def methods(self) -> Mapping[str, Rival]:
        """What is compared, by name, the base row first."""
        names = (self.base, *(name for name in self.rivals if name != self.base))
        return {name: METHODS[name] for name in names}

    def against(self, base: str) -> Study:
        """The same study, with the same rows, whose differences are taken against another of its methods. Raises InvalidSetting."""
        if base not in self.methods:
            raise InvalidSetting("base", base, f"one of the study's methods: {', '.join(self.methods)}")
        return replace(self, base=base, rivals=tuple(self.methods))

    def values(self, name: str) -> tuple[float, ...]:
        """The values of a rival's knob that are tried; none where nothing is tuned, or nothing can be."""
        knob = self.methods[name].knob
        if knob is None or self.tuning.chosen_on is ChosenOn.NOTHING:
            return ()
        if name in self.tuning.values:
            return self.tuning.values[name]
        nine = self.tuning.chosen_on is ChosenOn.REPORTING and knob == GUIDANCE
        return NINE_WEIGHTS if nine else knob.values

    @property
    def tuning_trainings(self) -> tuple[int, ...]:
        """Training seeds on which knobs are chosen."""
        return self.tuning.training_seeds or self.training_seeds

    @property
    def results(self) -> Path:
        """Where rows, choices and the report lie."""
        return self.folder or Path("out/studies") / self.name

    @property
    def weights(self) -> Path:
        """Where trained weights lie."""
        return self.work or Path("out/studies") / self.name


def load_study(path: Path) -> Study:
    """The study in a YAML file. Raises the errors of `qgf_ros.strict` and of `Study`."""
    return build(Study, read_yaml(path), path.name)
