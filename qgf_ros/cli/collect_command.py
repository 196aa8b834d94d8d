"""`qgf collect`: a data set from the simulator's own demonstrators."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgf_ros.cli.processes import add_processes

if TYPE_CHECKING:
    from qgf_ros.evaluate.collect import CollectConfig

HELP = "make a data set with the simulator's demonstrators; goes on where an interrupted run stopped"
EXAMPLE = "qgf collect CONTRACT.yaml data/cube --task cube-single-play --slices 18"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the verb's arguments."""
    parser.add_argument("contract", type=Path, help="contract YAML, for example one of config/contracts")
    parser.add_argument(
        "folder", type=Path, help="where the slices go; those that are there already are kept"
    )
    parser.add_argument("--task", required=True, help="simulation task, for example cube-single-play")
    parser.add_argument("--slices", type=int, required=True, help="number of files")
    parser.add_argument("--episodes-per-slice", type=int, default=10, help="episodes a file (default 10)")
    parser.add_argument("--steps", type=int, default=1001, help="control periods an episode (default 1001)")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the first episode; each next has the next (default 0)"
    )
    parser.add_argument(
        "--noise",
        type=float,
        default=0.1,
        help="the demonstrator's noise, of each action's range (default 0.1)",
    )
    parser.add_argument(
        "--slowness", type=float, default=1.0, help="how much the demonstrator stretches its plan (default 1)"
    )
    add_processes(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Collects what is missing; returns counts, rate and folder."""
    from qgf_ros.evaluate.collect import CollectConfig

    config = CollectConfig(
        task=arguments.task,
        slices=arguments.slices,
        episodes_per_slice=arguments.episodes_per_slice,
        steps=arguments.steps,
        seed=arguments.seed,
        noise=arguments.noise,
        slowness=arguments.slowness,
    )
    figures = collect_with_progress(arguments.contract, config, arguments.folder, arguments.processes)
    print(
        f"{figures['transitions']} transitions in {figures['slices']} slices in {arguments.folder}, {figures['new']} of them new"
    )
    return figures


def collect_with_progress(
    contract: Path, config: CollectConfig, folder: Path, processes: int
) -> dict[str, Any]:
    """Collects into `folder` what is missing there, showing control steps done, their rate and the time left.

    Raises the errors of `qgf_ros.evaluate.collect.collect`.
    """
    from qgf_ros.cli.progress import counted_progress
    from qgf_ros.evaluate.collect import collect

    each = config.episodes_per_slice * config.steps
    present = sum((folder / f"slice-{index:04d}.npz").is_file() for index in range(config.slices))
    began, made = time.monotonic(), 0
    with counted_progress(config.slices * each, present * each, "step") as report:
        for _ in collect(contract, config, folder, processes):
            made += 1
            report((present + made) * each, {})
    elapsed_s = time.monotonic() - began
    return {
        "folder": str(folder),
        "slices": config.slices,
        "transitions": config.slices * each,
        "new": made * each,
        "elapsed_s": elapsed_s,
        "transitions_per_s": made * each / elapsed_s if made else 0.0,
    }
