"""Going on from a checkpoint with more data: its networks, its normalizer, its times. It reads no files; data come in."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.dataset import Dataset
from qgf_ros.data.mixture import Windowed
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.path import TimeSampling
from qgf_ros.networks import Networks
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.kept import Keep, Kept
from qgf_ros.train.loop import Trainer
from qgf_ros.train.update import Part, TrainState


@dataclass(frozen=True)
class FinetuneConfig:
    """What is trained, and for how long. Counts are gradient steps.

    Every `check_every` steps the held-out episodes (the share `held_out` of the new data) are asked; after `patience` steps
    without a better answer the run ends, `steps` at the latest, with the best weights; with `keep` LAST it does all steps. `old_share` of every batch is old data, where there are any.
    """

    part: Part = Part.BOTH
    steps: int = 5000
    old_share: float = 0.5
    held_out: float = 0.1
    check_every: int = 250
    patience: int = 1500
    keep: Keep = Keep.BEST
    learning_rate: float = 3e-4
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges that no other configuration checks; raises InvalidSetting."""
        for name in ("check_every", "patience"):
            if self.__dict__[name] < 1:
                raise InvalidSetting(f"finetune.{name}", self.__dict__[name], "a positive whole number")

    def of_recipe(self, recipe: TrainConfig, parent: Checkpoint) -> TrainConfig:
        """The recipe's task and step with these counts, at the times that the parent's policy was trained at."""
        sampling = TimeSampling.CONTINUOUS if parent.grid.continuous else TimeSampling.DISCRETE
        update = dataclasses.replace(
            recipe.update,
            learning_rate=self.learning_rate,
            denoise_steps=parent.grid.steps,
            time_sampling=sampling,
        )
        return dataclasses.replace(
            recipe,
            steps=self.steps,
            seed=self.seed,
            held_out=self.held_out,
            log_every=self.check_every,
            critic_from=None,
            policy_from=None,
            update=update,
        )


def make_finetuner(
    config: TrainConfig,
    part: Part,
    parent: Checkpoint,
    training: Windowed,
    held_out: Dataset,
    device: torch.device,
) -> Trainer:
    """A run before its first step, from the parent's networks; `part` of them is trained, the others stay bit by bit."""
    networks = copied(parent.networks).to(device)
    state = TrainState.create(networks, config.update, part)
    return Trainer(config, parent.interface, training, held_out, parent.normalizer, state, device, part)


def copied(networks: Networks) -> Networks:
    """Networks of their own with the same weights, on the CPU."""
    copy = Networks(networks.config)
    copy.load_state_dict(networks.state_dict())
    return copy


def held_out_losses(trainer: Trainer) -> dict[Part, float]:
    """The held-out loss of each part that is trained."""
    losses: dict[Part, Callable[[], float]] = {
        Part.POLICY: trainer.held_out_flow_loss,
        Part.CRITIC: trainer.held_out_critic_loss,
    }
    return {part: loss() for part, loss in losses.items() if trainer.part in (part, Part.BOTH)}


OnCheck = Callable[[Trainer, Kept, Mapping[str, float]], None]
"""(trainer, kept, metrics of the last step): called after each look at the held-out episodes."""


def finetune(trainer: Trainer, kept: Kept, patience: int, seconds: float, on_check: OnCheck) -> str:
    """Trains until the steps are done, nothing becomes better, or `seconds` have passed; says which: steps, patience or time.

    `kept` ends with the weights to keep. A run that is continued goes on where `trainer.state` stands.
    """
    ends = time.monotonic() + seconds
    if not kept.marks:
        kept.see(trainer.state.step, held_out_losses(trainer), trainer.state.networks)
    if kept.is_over(trainer.state.step, patience):
        return "patience"
    for metrics in trainer.run():
        kept.see(trainer.state.step, held_out_losses(trainer), trainer.state.networks)
        on_check(trainer, kept, metrics)
        if kept.is_over(trainer.state.step, patience):
            return "patience"
        if time.monotonic() >= ends:
            return "time"
    return "steps"
