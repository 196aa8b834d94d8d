"""`qgf train RECIPE.yaml`: collects what is missing, trains, saves, looks on the way; under `torchrun` in several processes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import platform
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes
from qgf_ros.cli.versions import versions_of

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from qgf_ros.cli.recipe import Recipe
    from qgf_ros.contract.schema import Contract
    from qgf_ros.seen import Seen
    from qgf_ros.train.loop import Trainer
    from qgf_ros.train.team import Team

HELP = "train a policy and its critic from a recipe"
EXAMPLE = "qgf train config/train/NAME.yaml"
VERSIONED = ("torch", "numpy", "mujoco", "ogbench")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("recipe", type=Path, help="recipe YAML, for example one of config/train")
    parser.add_argument(
        "--run-folder", type=Path, help="where logs and the resumable state go (default out/train/NAME)"
    )
    parser.add_argument(
        "--output", type=Path, help="where the checkpoint goes (default: the recipe's output)"
    )
    parser.add_argument("--dataset", type=Path, help="data set to use (default: the recipe's dataset)")
    parser.add_argument(
        "--steps",
        type=int,
        help="gradient steps instead of the recipe's; more than before continues a finished run",
    )
    add_processes(parser, "processes that collect")
    parser.add_argument(
        "--restart", action="store_true", help="begin anew even where an interrupted run could go on"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the recipe and returns its figures."""
    from qgf_ros.cli.recipe import load_recipe
    from qgf_ros.train.memory import keep_freed_memory
    from qgf_ros.train.state_file import device_for_training
    from qgf_ros.train.team import joined

    keep_freed_memory()
    recipe = load_recipe(arguments.recipe)
    if arguments.steps is not None:
        recipe = dataclasses.replace(recipe, train=dataclasses.replace(recipe.train, steps=arguments.steps))
    recipe = dataclasses.replace(
        recipe, output=arguments.output or recipe.output, dataset=arguments.dataset or recipe.dataset
    )
    with joined(device_for_training()) as team, contextlib.ExitStack() as quiet:
        if not team.leads:  # one speaks for all; an error is told after this block
            arguments.json = None
            nowhere = quiet.enter_context(Path(os.devnull).open("w"))
            quiet.enter_context(contextlib.redirect_stdout(nowhere))
            quiet.enter_context(contextlib.redirect_stderr(nowhere))
        return _run(recipe, arguments, team)


def _run(recipe: Recipe, arguments: argparse.Namespace, team: Team) -> dict[str, Any]:
    from qgf_ros.contract.load import load_contract

    folder = arguments.run_folder or Path("out/train") / recipe.name
    contract = load_contract(recipe.contract)
    began = time.monotonic()
    if team.leads:
        if arguments.restart:
            shutil.rmtree(folder, ignore_errors=True)
        if recipe.collect is not None:
            from qgf_ros.cli.collect_command import collect_with_progress

            collect_with_progress(recipe.contract, recipe.collect, recipe.dataset, arguments.processes)
    team.wait()
    collected = time.monotonic()
    figures = TrainingRun(recipe, contract, folder, team).go()
    if team.leads and recipe.calibrate is not None and recipe.evaluate is not None:
        from qgf_ros.cli.calibrate_command import make_detector
        from qgf_ros.data.dataset import read_slices

        slices = read_slices(recipe.dataset, contract.interface)
        task = recipe.evaluate.task
        made = make_detector(recipe.output, contract, task, slices, recipe.calibrate, arguments.processes)
        figures["detector_threshold"] = made.detector.threshold
    spent = {"collect_s": collected - began, "total_s": time.monotonic() - began}
    return figures | spent | {"output": str(recipe.output), "processes": team.size}


class TrainingRun:
    """One call of the verb: holds what its callbacks share. State: the latest metrics and when it began."""

    def __init__(self, recipe: Recipe, contract: Contract, folder: Path, team: Team) -> None:
        self._recipe, self._contract, self._folder, self._team = recipe, contract, folder, team
        self._latest: dict[str, float] = {}
        self._began = time.monotonic()
        self._first_step = 0

    def go(self) -> dict[str, Any]:
        """Trains to the recipe's step count, resuming where a state lies; returns the last metrics."""
        from torch.utils.tensorboard import SummaryWriter

        from qgf_ros.cli.progress import counted_progress
        from qgf_ros.train.loop import drive
        from qgf_ros.train.state_file import STATE, restore_state

        trainer = self._prepare()
        if (self._folder / "state" / STATE).is_file():
            restore_state(self._folder / "state", trainer.state, self._identity)
            print(f"resumed at step {trainer.state.step} from {self._folder / 'state'}")
        self._first_step, self._began = trainer.state.step, time.monotonic()
        if not self._team.leads:
            drive(trainer, lambda *_: None, lambda _: None, lambda _: None)
            return {}
        log = SummaryWriter(str(self._folder / "tensorboard"))
        with log, counted_progress(self._recipe.train.steps, self._first_step, "step") as progress:

            def on_metrics(of: Trainer, metrics: dict[str, float]) -> None:
                self._latest = metrics | {"steps_per_s": self._rate(of)}
                for name, value in self._latest.items():
                    log.add_scalar(f"train/{name}", value, of.state.step)
                losses = {name: value for name, value in metrics.items() if name.endswith("loss")}
                progress(of.state.step, losses)

            drive(trainer, on_metrics, lambda of: self._save(of, log), lambda of: self._look(of, log))
            if (
                trainer.state.step == self._first_step
            ):  # nothing was left to do; output or defaults may be new
                self._save(trainer, log)
        held_out = trainer.held_out_flow_loss()
        return {"steps": trainer.state.step, "held_out_flow_loss": held_out, **self._latest}

    def _prepare(self) -> Trainer:
        from qgf_ros.data.dataset import fingerprint, from_slices, read_slices, split
        from qgf_ros.data.normalizer import fit_normalizer
        from qgf_ros.data.seen_joints import seen_in
        from qgf_ros.errors import ContractError
        from qgf_ros.train.loop import make_trainer
        from qgf_ros.train.state_file import device_for_training, run_identity

        config, interface = self._recipe.train, self._contract.interface
        slices = read_slices(self._recipe.dataset, interface)
        self._data_hash = fingerprint(slices)
        fixed = dataclasses.asdict(config)
        for name in ("steps", "log_every", "save_every", "evaluate_every"):
            del fixed[name]
        self._identity = run_identity(
            {"train": fixed, "data": self._data_hash, "interface": interface.digest}
        )
        kept, held = split(slices, config.held_out)
        try:
            self._seen: Seen | None = seen_in(self._contract, kept)
        except ContractError as error:
            self._seen = None
            print(f"{error} The command node will not know where the data began.")
        training, held_out = (from_slices(part, interface, config.relabel) for part in (kept, held))
        normalizer = fit_normalizer(part.observations for part in kept)
        device = device_for_training()
        goals = training.successes + held_out.successes
        print(f"{training.size + held_out.size} transitions, {goals} at the goal; training on {device}")
        return make_trainer(config, interface, training, held_out, normalizer, device, self._team)

    def _rate(self, trainer: Trainer) -> float:
        return (trainer.state.step - self._first_step) / (time.monotonic() - self._began)

    def _save(self, trainer: Trainer, log: SummaryWriter) -> None:
        from qgf_ros.checkpoint import save_checkpoint
        from qgf_ros.train.state_file import save_state

        held_out = trainer.held_out_flow_loss()
        log.add_scalar("held_out/flow_loss", held_out, trainer.state.step)
        save_state(self._folder / "state", trainer.state, self._identity)
        parent = self._recipe.train.critic_from or self._recipe.train.policy_from
        provenance: dict[str, object] = {
            "recipe": self._recipe.name,
            "contract": str(self._recipe.contract),
            "task": self._recipe.evaluate.task if self._recipe.evaluate else None,
            "parent": str(parent) if parent is not None else None,
            "seed": self._recipe.train.seed,
            "steps": trainer.state.step,
            "dataset_sha256": self._data_hash,
            "metrics": {"held_out_flow_loss": held_out, **self._latest},
            "versions": {"python": platform.python_version()} | versions_of(VERSIONED),
        }
        save_checkpoint(self._recipe.output, trainer.checkpoint(self._recipe.defaults, provenance))
        if self._seen is not None:
            self._seen.save(self._recipe.output)

    def _look(self, trainer: Trainer, log: SummaryWriter) -> None:
        if self._recipe.evaluate is None:
            return
        from qgf_ros.evaluate.rollouts import glance

        checkpoint = trainer.checkpoint(self._recipe.defaults, {})
        episodes = self._recipe.evaluate.episodes
        success = glance(self._contract, self._recipe.evaluate.task, checkpoint, episodes)
        for row, value in success.items():
            log.add_scalar(f"evaluate/{row}", value, trainer.state.step)
        shown = ", ".join(f"{row} {value:.2f}" for row, value in success.items())
        print(f"step {trainer.state.step}: success over {episodes} episodes: {shown}")
