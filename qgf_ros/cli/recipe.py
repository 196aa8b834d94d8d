"""A recipe: one YAML that leads from nothing to a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.calibrate import CalibrateConfig
from qgf_ros.evaluate.collect import CollectConfig
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.strict import build, read_yaml
from qgf_ros.train.config import TrainConfig

MOST_STRENGTH = 10.0  # beyond, chunks lie at the ends of their range


@dataclass(frozen=True)
class EvaluateConfig:
    """Episodes run while training: a glance, not a claim."""

    task: str
    episodes: int = 20


@dataclass(frozen=True)
class TaskConfig:
    """One of several tasks that are learned from the same data: where its goal holds, and what is run to look at it."""

    relabel: Relabel
    evaluate: EvaluateConfig | None = None


@dataclass(frozen=True)
class Recipe:
    """Paths are taken from the folder in which `qgf` is called, unless absolute. `calibrate`: a detector is made at the end, with
    episodes of the task of `evaluate`. `guidance_strength`: the weight of `defaults` is chosen from held-out data, so that guidance moves chunks by
    this share of the policy's spread (docs/adr/0032). `tasks`, by name: instead of the one of `train` and `evaluate` these are learned, a checkpoint each."""

    name: str
    contract: Path
    dataset: Path
    output: Path
    train: TrainConfig
    collect: CollectConfig | None = None
    evaluate: EvaluateConfig | None = None
    calibrate: CalibrateConfig | None = None
    defaults: SamplerDefaults = field(default_factory=SamplerDefaults)
    guidance_strength: float | None = None
    tasks: dict[str, TaskConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the strength, and the names, which become names of folders; raises InvalidSetting."""
        if self.guidance_strength is not None and not 0.0 < self.guidance_strength <= MOST_STRENGTH:
            accepted = f"above 0, at most {MOST_STRENGTH:g}"
            raise InvalidSetting("guidance_strength", self.guidance_strength, accepted)
        for name in self.tasks:
            if re.fullmatch(r"\w[\w.-]*", name) is None:
                raise InvalidSetting("tasks", name, "names of letters, digits, '_', '-' and '.'")


def load_recipe(path: Path, changes: Mapping[str, object] | None = None) -> Recipe:
    """The recipe in a YAML file, with other values at the dotted keys of `changes`, such as `train.networks.hidden`.

    Raises the errors of `qgf_ros.strict`, of which InvalidSetting where a change lies below what is no mapping.
    """
    content = read_yaml(path)
    for key, value in (changes or {}).items():
        content = _changed(content, key.split("."), value, path.name)
    return build(Recipe, content, path.name)


def _changed(content: Any, keys: Sequence[str], value: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InvalidSetting(where, content, f"a mapping, for a change of {'.'.join(keys)} in it")
    first, *rest = keys
    if rest:
        value = _changed(content.get(first, {}), rest, value, f"{where}.{first}")
    return content | {first: value}


def variants(recipe: Recipe, seeds: Sequence[int] | None) -> list[Recipe]:
    """A recipe for each of its tasks and each seed; name and output end in `-TASK-seedN`, where there are tasks and seeds are given."""
    found = [recipe]
    if recipe.tasks:
        found = [
            replace(
                _ending(recipe, name),
                train=replace(recipe.train, relabel=task.relabel),
                evaluate=task.evaluate,
            )
            for name, task in recipe.tasks.items()
        ]
    if seeds is None:
        return found
    return [
        replace(_ending(one, f"seed{seed}"), train=replace(one.train, seed=seed))
        for one in found
        for seed in dict.fromkeys(seeds)
    ]


def _ending(recipe: Recipe, word: str) -> Recipe:
    output = recipe.output.with_name(f"{recipe.output.name}-{word}")
    return replace(recipe, name=f"{recipe.name}-{word}", output=output)
