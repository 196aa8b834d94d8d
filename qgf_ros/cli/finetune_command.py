"""`qgf finetune CHECKPOINT DATA...`: trains a checkpoint on with new data, and compares it with its parent."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes

if TYPE_CHECKING:
    from qgf_ros.contract.schema import Contract

HELP = "train a checkpoint on with new data beside old, and compare it with its parent"
EXAMPLE = "qgf finetune checkpoints/NAME data/new --old data/NAME --part policy --out out/candidate --task cube-single-task2"
PARTS = ("policy", "critic", "both")

NO_GOAL = ": a critic hears of no success from them. Did recording end before, or does the recipe mean another goal?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder to go on from; it is not changed")
    parser.add_argument(
        "data", type=Path, nargs="+", help="new episodes: files or folders of slices, of the same interface"
    )
    parser.add_argument("--out", type=Path, required=True, help="where the candidate goes")
    parser.add_argument(
        "--part",
        choices=PARTS,
        default="both",
        help="what is trained: the policy clones the new episodes; the critic learns from them, failures included; "
        "the other part stays bit by bit (default both)",
    )
    parser.add_argument(
        "--old",
        type=Path,
        nargs="+",
        default=[],
        help="data it was trained on, mixed in so that it is not forgotten",
    )
    parser.add_argument(
        "--old-share", type=float, default=0.5, help="share of every batch that is old data (default 0.5)"
    )
    parser.add_argument(
        "--recipe", type=Path, help="recipe YAML that says where the goal holds (default: the checkpoint's)"
    )
    parser.add_argument("--contract", type=Path, help="contract YAML (default: the checkpoint's)")
    parser.add_argument("--steps", type=int, default=5000, help="gradient steps at most (default 5000)")
    parser.add_argument(
        "--minutes", type=float, help="end after so long at the latest; called again, it goes on"
    )
    parser.add_argument(
        "--patience",
        type=int,
        default=1500,
        help="steps without a lower held-out loss that end it (default 1500)",
    )
    parser.add_argument(
        "--keep",
        choices=("best", "last"),
        default="best",
        help="which weights: the best on held-out episodes, or the last, after all steps (default best)",
    )
    parser.add_argument(
        "--held-out", type=float, default=0.1, help="share of new episodes that is held out (default 0.1)"
    )
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of Adam (default 0.0003)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument(
        "--task", help="simulation task for the comparison with the parent; without one there is none"
    )
    parser.add_argument(
        "--episodes", type=int, default=100, help="pairs of episodes of it at most (default 100)"
    )
    parser.add_argument(
        "--run-folder", type=Path, help="where the resumable state goes (default out/finetune/NAME of --out)"
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin anew even where an interrupted run could go on"
    )
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains, writes the candidate, compares, returns the figures."""
    import math

    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.cli.finetuning import FinetuningRun, Places
    from qgf_ros.cli.origin import contract_path, recipe_path
    from qgf_ros.cli.recipe import load_recipe
    from qgf_ros.contract.load import load_contract
    from qgf_ros.evaluate.robot import load_simulation
    from qgf_ros.train.finetune import FinetuneConfig
    from qgf_ros.train.kept import Keep
    from qgf_ros.train.memory import keep_freed_memory
    from qgf_ros.train.update import Part

    keep_freed_memory()
    if arguments.task is not None:
        load_simulation(arguments.task)
    parent = load_checkpoint(arguments.checkpoint)
    contract = load_contract(contract_path(arguments.contract, parent, arguments.checkpoint))
    recipe = recipe_path(arguments.recipe, parent)
    config = FinetuneConfig(
        part=Part(arguments.part),
        steps=arguments.steps,
        old_share=arguments.old_share,
        held_out=arguments.held_out,
        patience=arguments.patience,
        keep=Keep(arguments.keep),
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    folder = arguments.run_folder or Path("out/finetune") / arguments.out.name
    if arguments.restart:
        shutil.rmtree(folder, ignore_errors=True)
    places = Places(arguments.checkpoint, tuple(arguments.data), tuple(arguments.old), arguments.out, folder)
    made = FinetuningRun(places, contract, load_recipe(recipe).train if recipe is not None else None, config)
    figures: dict[str, Any] = {"output": str(arguments.out)}
    if config.part is not Part.POLICY:
        print(f"the goal holds in {made.at_goal} rows of the new data" + ("" if made.at_goal else NO_GOAL))
    if config.part is Part.CRITIC:
        figures["ceiling"] = made.ceiling() | ceiling_in_trials(arguments, contract)
        told = ", ".join(f"{name} {value:.3g}" for name, value in figures["ceiling"].items())
        print(f"the flow stays as it is; what it has to choose from, on held-out episodes: {told}")
    figures |= made.go(math.inf if arguments.minutes is None else 60.0 * arguments.minutes)
    print_training(figures)
    return figures | compared(arguments, contract)


def ceiling_in_trials(arguments: argparse.Namespace, contract: Contract) -> dict[str, float]:
    """Success of the best of 32 unguided chunks by the parent's critic, where a task is named: an unchanged flow gives no better chunks."""
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.evaluate.critic_view import CHUNKS
    from qgf_ros.evaluate.rollouts import Row, run_all
    from qgf_ros.evaluate.trials import GLANCE_SEED
    from qgf_ros.flow.sampler import SamplerConfig

    if arguments.task is None:
        return {}
    steps = load_checkpoint(arguments.checkpoint).defaults.denoise_steps
    row = Row(f"best_of_{CHUNKS}", SamplerConfig(steps, candidates=CHUNKS))
    seeds = range(GLANCE_SEED, GLANCE_SEED + arguments.episodes)
    episodes = list(
        run_all(contract, arguments.checkpoint, arguments.task, [row], seeds, arguments.processes)
    )
    return {f"success_best_of_{CHUNKS}": sum(episode.success for episode in episodes) / len(episodes)}


def print_training(figures: dict[str, Any]) -> None:
    """What a person reads about the training."""
    marks = ", ".join(
        f"{name} {mark['loss']:.4g} at step {mark['step']}" for name, mark in figures["kept"].items()
    )
    why = {
        "steps": "all steps are done",
        "patience": "nothing became better",
        "time": "its time was spent",
    }
    print(
        f"{figures['steps']} steps, {why[figures['ended_by']]}; kept weights, by held-out loss: {marks}; written to {figures['output']}"
    )
    print("it has no detector yet: `qgf calibrate` makes one for these weights")


def compared(arguments: argparse.Namespace, contract: Contract) -> dict[str, Any]:
    """Candidate against parent on the same seeds, where a task is named."""
    from qgf_ros.cli.verdicts import figures_of, in_simulation, print_verdict
    from qgf_ros.evaluate.promotion import Rule
    from qgf_ros.evaluate.trials import GLANCE_SEED

    if arguments.task is None:
        print(
            "it has not been compared with its parent: --task names a simulation, and `qgf promote` decides"
        )
        return {"decision": None}
    rule = Rule(cap=arguments.episodes)
    sides, processes = (arguments.out, arguments.checkpoint), arguments.processes
    found = in_simulation(*sides, contract, arguments.task, rule, processes, GLANCE_SEED)
    figures = figures_of(found, rule)
    print_verdict(figures)
    return figures
