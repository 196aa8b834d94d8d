"""`qgf train RECIPE.yaml`: collects what is missing, trains, saves, looks on the way."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgf_ros.cli.recipe import Recipe, load_recipe
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract

HELP = "train a policy and its critic from a recipe"
EXAMPLE = "qgf train config/train/ur5e_cube.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("recipe", type=Path, help="recipe YAML, for example config/train/ur5e_cube.yaml")
    parser.add_argument(
        "--run-folder", type=Path, help="where logs and the resumable state go (default out/train/NAME)"
    )
    parser.add_argument(
        "--output", type=Path, help="where the checkpoint goes (default: the recipe's output)"
    )
    parser.add_argument("--dataset", type=Path, help="data set to use (default: the recipe's dataset)")
    parser.add_argument("--steps", type=int, help="gradient steps instead of the recipe's")
    parser.add_argument("--processes", type=int, default=2, help="processes that collect (default 2)")
    parser.add_argument(
        "--restart", action="store_true", help="begin anew even where an interrupted run could go on"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the recipe and returns its figures."""
    import dataclasses

    recipe = load_recipe(arguments.recipe)
    overrides = {"output": arguments.output, "dataset": arguments.dataset}
    recipe = dataclasses.replace(
        recipe, **{key: value for key, value in overrides.items() if value is not None}
    )
    if arguments.steps is not None:
        recipe = dataclasses.replace(recipe, train=dataclasses.replace(recipe.train, steps=arguments.steps))
    folder = arguments.run_folder or Path("out/train") / recipe.name
    if arguments.restart:
        shutil.rmtree(folder, ignore_errors=True)
    contract = load_contract(recipe.contract)
    began = time.monotonic()
    if recipe.collect is not None:
        from qgf_ros.cli.collect_command import collect_with_progress

        collect_with_progress(recipe.contract, recipe.collect, recipe.dataset, arguments.processes)
    collected_s = time.monotonic() - began
    figures = _train(recipe, contract, folder)
    return figures | {
        "collect_s": collected_s,
        "total_s": time.monotonic() - began,
        "output": str(recipe.output),
    }


def _train(recipe: Recipe, contract: Contract, folder: Path) -> dict[str, Any]:
    from torch.utils.tensorboard import SummaryWriter

    from qgf_ros.checkpoint import save_checkpoint
    from qgf_ros.cli.progress import steps_progress
    from qgf_ros.data.dataset import fingerprint, from_slices, read_slices, split
    from qgf_ros.data.normalizer import fit_normalizer
    from qgf_ros.train.loop import Trainer, drive, make_trainer
    from qgf_ros.train.state_file import STATE, device_for_training, restore_state, run_identity, save_state

    slices = read_slices(recipe.dataset, contract.interface)
    training, held_out = split(slices, recipe.train.held_out)
    data_hash = fingerprint(slices)
    data = [from_slices(part, contract.interface, recipe.train.relabel) for part in (training, held_out)]
    normalizer = fit_normalizer(part.observations for part in training)
    trainer = make_trainer(
        recipe.train, contract.interface, data[0], data[1], normalizer, device_for_training()
    )
    print(
        f"{data[0].size + data[1].size} transitions, {data[0].successes + data[1].successes} at the goal; training on {trainer.device}"
    )
    identity = run_identity(
        {"train": _without_length(recipe), "data": data_hash, "interface": contract.interface.digest}
    )
    if (folder / "state" / STATE).is_file():
        restore_state(folder / "state", trainer.state, identity)
        print(f"resumed at step {trainer.state.step} from {folder / 'state'}")
    first, began, latest = trainer.state.step, time.monotonic(), dict[str, float]()

    def provenance(of: Trainer) -> dict[str, object]:
        spent = {
            "train_s": round(time.monotonic() - began, 1),
            "held_out_flow_loss": of.held_out_flow_loss(),
            **latest,
        }
        made_for = {
            "contract": str(recipe.contract),
            "task": recipe.evaluate.task if recipe.evaluate else None,
        }
        return made_for | {
            "recipe": recipe.name,
            "steps": of.state.step,
            "seed": recipe.train.seed,
            "dataset_sha256": data_hash,
            "parent": None,
            "versions": _versions(),
            "metrics": spent,
        }

    with (
        SummaryWriter(str(folder / "tensorboard")) as writer,
        steps_progress(recipe.train.steps, first) as progress,
    ):

        def on_metrics(of: Trainer, metrics: dict[str, float]) -> None:
            latest.update(metrics)
            rate = (of.state.step - first) / (time.monotonic() - began)
            for name, value in (metrics | {"steps_per_s": rate}).items():
                writer.add_scalar(f"train/{name}", value, of.state.step)
            progress(of.state.step, metrics)

        def on_save(of: Trainer) -> None:
            save_state(folder / "state", of.state, identity)
            save_checkpoint(recipe.output, of.checkpoint(recipe.defaults, provenance(of)))
            writer.add_scalar("held_out/flow_loss", of.held_out_flow_loss(), of.state.step)

        drive(trainer, on_metrics, on_save, _evaluation(recipe, contract, writer, folder))
    return {
        "steps": trainer.state.step,
        "steps_per_s": (trainer.state.step - first) / (time.monotonic() - began),
        **provenance(trainer)["metrics"],
    }  # type: ignore[dict-item]


def _evaluation(recipe: Recipe, contract: Contract, writer: Any, folder: Path) -> Callable[[Any], None]:
    """The callback that tries the policy now and then; nothing where the recipe asks for none."""

    def on_evaluate(trainer: Any) -> None:
        if recipe.evaluate is None:
            return
        from qgf_ros.evaluate.rollouts import glance

        success = glance(
            contract, recipe.evaluate.task, trainer.checkpoint(recipe.defaults, {}), recipe.evaluate.episodes
        )
        for row, value in success.items():
            writer.add_scalar(f"evaluate/{row}", value, trainer.state.step)
        print(
            f"step {trainer.state.step}: success "
            + ", ".join(f"{row} {value:.2f}" for row, value in success.items())
        )

    return on_evaluate


def _without_length(recipe: Recipe) -> dict[str, Any]:
    """What may not change on resuming: everything but the number of steps and how often to look."""
    import dataclasses

    values = dataclasses.asdict(recipe.train)
    return {
        key: value
        for key, value in values.items()
        if key not in ("steps", "log_every", "save_every", "evaluate_every")
    }


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in ("torch", "numpy", "mujoco")
    }
