"""Training by recipe with its files: data read, state saved and restored, checkpoints written; one run, or several as one program."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.cli.progress import counted_progress
from qgf_ros.cli.recipe import Recipe
from qgf_ros.cli.versions import versions_of
from qgf_ros.contract.schema import Contract
from qgf_ros.data.dataset import Slice, fingerprint, from_slices, read_slices, split
from qgf_ros.data.normalizer import fit_normalizer
from qgf_ros.data.seen_joints import seen_in
from qgf_ros.errors import ContractError, InvalidSetting
from qgf_ros.evaluate.critic_view import logged_windows
from qgf_ros.evaluate.guidance_weight import Yardstick, with_weight
from qgf_ros.evaluate.rollouts import glance
from qgf_ros.seen import Seen
from qgf_ros.train.goal_loop import GoalTrainer, make_goal_trainer
from qgf_ros.train.loop import Run, Trainer, drive, make_trainer
from qgf_ros.train.state_file import STATE, device_for_training, restore_state, run_identity, save_state
from qgf_ros.train.team import Team
from qgf_ros.train.together import together

VERSIONED = ("torch", "numpy", "mujoco", "ogbench")
CHANGEABLE = ("steps", "log_every", "save_every", "evaluate_every")  # between a run and its continuation


def train_runs(recipes: list[Recipe], contract: Contract, folder: Path, team: Team) -> list[dict[str, Any]]:
    """Trains each recipe to its step count, resuming where a state lies in `folder`; returns the last metrics of each."""
    slices = read_slices(recipes[0].dataset, contract.interface)
    runs = [TrainingRun(recipe, contract, slices, team) for recipe in recipes]
    trainers = [run.trainer for run in runs]
    whole: Run = trainers[0] if len(trainers) == 1 else together(trainers)
    identity = run_identity({"runs": [run.identity for run in runs]} if len(runs) > 1 else runs[0].identity)
    if (folder / "state" / STATE).is_file():
        restore_state(folder / "state", whole.state, identity)
        print(f"resumed at step {whole.state.step} from {folder / 'state'}")
    first_step, began = whole.state.step, time.monotonic()
    if not team.leads:
        drive(whole, lambda _: None, lambda: None, lambda: None)
        return [{} for _ in runs]
    logs = [SummaryWriter(str(folder / "tensorboard" / ("" if len(runs) == 1 else run.name))) for run in runs]

    def on_metrics(metrics: list[dict[str, float]]) -> None:
        rate = (whole.state.step - first_step) / (time.monotonic() - began)
        for run, log, own in zip(runs, logs, metrics, strict=True):
            run.take(own | {"steps_per_s": rate}, log)
        names = [name for name in metrics[0] if name.endswith("loss")]
        progress(whole.state.step, {name: sum(own[name] for own in metrics) / len(metrics) for name in names})

    def save() -> None:
        save_state(folder / "state", whole.state, identity)
        for run, log in zip(runs, logs, strict=True):
            run.save(log)

    def look() -> None:
        for run, log in zip(runs, logs, strict=True):
            run.look(log)

    with counted_progress(recipes[0].train.steps, first_step, "step") as progress:
        drive(whole, on_metrics, save, look)
    if whole.state.step == first_step:  # nothing was left to do; output or defaults may be new
        save()
    for log in logs:
        log.close()
    return [run.figures() for run in runs]


class TrainingRun:
    """One recipe's trainer and what it writes. State: the trainer and the latest metrics."""

    def __init__(self, recipe: Recipe, contract: Contract, slices: list[Slice], team: Team) -> None:
        self._recipe, self._contract = recipe, contract
        self._latest: dict[str, float] = {}
        config = recipe.train
        self._data_hash = fingerprint(slices)
        kept, held = split(slices, config.held_out)
        self._held = held
        self._seen = self._where_seen(kept)
        self.trainer = self._make(kept, held, team)

    def _make(self, kept: list[Slice], held: list[Slice], team: Team) -> Trainer | GoalTrainer:
        config, interface, device = self._recipe.train, self._contract.interface, device_for_training()
        if config.goals is not None:
            made = make_goal_trainer(config, interface, kept, device, team)
            print(f"{len(made.training.starts)} windows, goals in hindsight; training on {device}")
            return made
        training, held_out = (from_slices(part, interface, config.relabel) for part in (kept, held))
        normalizer = fit_normalizer(part.observations for part in kept)
        goals = training.successes + held_out.successes
        print(f"{training.size + held_out.size} transitions, {goals} at the goal; training on {device}")
        return make_trainer(config, interface, training, held_out, normalizer, device, team)

    @property
    def name(self) -> str:
        """What tells it from the runs beside it."""
        return self._recipe.name

    @property
    def identity(self) -> dict[str, object]:
        """What must not change between a run and its continuation."""
        fixed = {
            name: value for name, value in self._recipe.train.as_mapping().items() if name not in CHANGEABLE
        }
        return {"train": fixed, "data": self._data_hash, "interface": self._contract.interface.digest}

    def take(self, metrics: dict[str, float], log: SummaryWriter) -> None:
        """Keeps and logs the metrics of a step."""
        self._latest = metrics
        for name, value in metrics.items():
            log.add_scalar(f"train/{name}", value, self.trainer.state.step)

    def save(self, log: SummaryWriter) -> None:
        """Writes the checkpoint."""
        held_out, recipe = self.trainer.held_out_figures(), self._recipe
        for name, value in held_out.items():
            log.add_scalar(name.replace("held_out_", "held_out/"), value, self.trainer.state.step)
        parent = recipe.train.critic_from or recipe.train.policy_from
        provenance: dict[str, object] = {
            "recipe": recipe.name,
            "contract": str(recipe.contract),
            "task": recipe.evaluate.task if recipe.evaluate else None,
            "parent": str(parent) if parent is not None else None,
            "seed": recipe.train.seed,
            "steps": self.trainer.state.step,
            "dataset_sha256": self._data_hash,
            "metrics": {**held_out, **self._latest},
            "versions": {"python": platform.python_version()} | versions_of(VERSIONED),
        }
        save_checkpoint(recipe.output, self._weighed(self.trainer.checkpoint(recipe.defaults, provenance)))
        if self._seen is not None:
            self._seen.save(recipe.output)

    def look(self, log: SummaryWriter) -> None:
        """Runs some episodes, where the recipe wants it."""
        if self._recipe.evaluate is None:
            return
        step, episodes = self.trainer.state.step, self._recipe.evaluate.episodes
        checkpoint = self._weighed(self.trainer.checkpoint(self._recipe.defaults, {}))
        success = glance(self._contract, self._recipe.evaluate.task, checkpoint, episodes)
        for row, value in success.items():
            log.add_scalar(f"evaluate/{row}", value, step)
        shown = ", ".join(f"{row} {value:.2f}" for row, value in success.items())
        print(f"{self.name}, step {step}: success over {episodes} episodes: {shown}")

    def figures(self) -> dict[str, Any]:
        """The last metrics."""
        return {"steps": self.trainer.state.step, **self.trainer.held_out_figures(), **self._latest}

    def _weighed(self, checkpoint: Checkpoint) -> Checkpoint:
        """With the weight of the recipe's strength, where it names one and there is such a weight."""
        if self._recipe.guidance_strength is None:
            return checkpoint
        try:
            yardstick = Yardstick(checkpoint, logged_windows(self._held, checkpoint))
            return with_weight(checkpoint, yardstick.weight_of(self._recipe.guidance_strength))
        except InvalidSetting as error:
            print(f"{error} The checkpoint keeps the weight of the recipe's `defaults`.")
            return checkpoint

    def _where_seen(self, kept: list[Slice]) -> Seen | None:
        try:
            return seen_in(self._contract, kept)
        except ContractError as error:
            print(f"{error} The command node will not know where the data began.")
            return None
