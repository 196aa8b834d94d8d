"""`qgf train RECIPE.yaml`: collects what is missing, trains, saves, looks on the way; under `torchrun` in several processes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes

if TYPE_CHECKING:
    from qgf_ros.cli.recipe import Recipe
    from qgf_ros.contract.schema import Contract
    from qgf_ros.train.team import Team

HELP = "train a policy and its critic from a recipe"
EXAMPLE = """qgf train config/train/NAME.yaml
  qgf train config/train/NAME.yaml --seeds 0 1 2 3         # four checkpoints, OUTPUT-seed0 and so on, trained as one program
  torchrun --nproc-per-node 2 -m qgf_ros.cli.main train config/train/NAME.yaml    # one checkpoint, two processes"""


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
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        metavar="SEED",
        help="a checkpoint for each of these seeds (and for each of the recipe's tasks), all trained as one program",
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
    from qgf_ros.cli.recipe import variants
    from qgf_ros.cli.training import train_runs
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
    runs = variants(recipe, arguments.seeds)
    figures = train_runs(runs, contract, folder, team)
    for run, own in zip(runs, figures, strict=True):
        own["output"] = str(run.output)
        if team.leads and run.calibrate is not None and run.evaluate is not None:
            own["detector_threshold"] = _calibrate(run, contract, arguments.processes)
    spent = {"collect_s": collected - began, "total_s": time.monotonic() - began, "processes": team.size}
    return {**(figures[0] if len(figures) == 1 else {"runs": figures}), **spent}


def _calibrate(recipe: Recipe, contract: Contract, processes: int) -> float:
    from qgf_ros.cli.calibrate_command import make_detector
    from qgf_ros.data.dataset import read_slices

    assert recipe.calibrate is not None
    assert recipe.evaluate is not None
    slices = read_slices(recipe.dataset, contract.interface)
    made = make_detector(recipe.output, contract, recipe.evaluate.task, slices, recipe.calibrate, processes)
    return made.detector.threshold
