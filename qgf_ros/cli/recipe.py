"""A recipe: one YAML that leads from nothing to a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qgf_ros.evaluate.calibrate import CalibrateConfig
from qgf_ros.evaluate.collect import CollectConfig
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.strict import build, read_yaml
from qgf_ros.train.config import TrainConfig


@dataclass(frozen=True)
class EvaluateConfig:
    """Episodes run while training: a glance, not a claim."""

    task: str
    episodes: int = 20


@dataclass(frozen=True)
class Recipe:
    """Paths are taken from the folder in which `qgf` is called, unless absolute. `calibrate`: a detector is made at the end, with
    episodes of the task of `evaluate`."""

    name: str
    contract: Path
    dataset: Path
    output: Path
    train: TrainConfig
    collect: CollectConfig | None = None
    evaluate: EvaluateConfig | None = None
    calibrate: CalibrateConfig | None = None
    defaults: SamplerDefaults = field(default_factory=SamplerDefaults)


def load_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file. Raises the errors of `qgf_ros.strict`."""
    return build(Recipe, read_yaml(path), path.name)
