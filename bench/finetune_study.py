"""Does fine-tuning help on a robot that has changed? Three changed robots, at most 60 recorded episodes each, and three controls.

    python bench/finetune_study.py --old data/ur5e_cube           # records, trains, evaluates; goes on where it was stopped

Rows: `zero_shot` the shipped checkpoint; `finetuned` from it on the episodes, the best held-out weights; `scratch` as many steps from nothing on the
same episodes, `old_data` from it on its own data, both with their last weights. All with the node's default sampling, without the detector, paired by seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import re
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import torch
from changed_robots import ROBOTS, ChangedSimulation, record
from outcomes import Outcome, Outcomes, success_rate

from qgf_ros.checkpoint import load_checkpoint, save_checkpoint
from qgf_ros.cli.finetuning import FinetuningRun, Places
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.contract.load import load_contract
from qgf_ros.data.dataset import from_slices, read_slices, split_episodes
from qgf_ros.data.normalizer import fit_normalizer
from qgf_ros.evaluate.calibrate import usual_row
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.rollouts import make_policy, run_episode
from qgf_ros.train.config import NetworkSizes
from qgf_ros.train.finetune import FinetuneConfig
from qgf_ros.train.kept import Keep
from qgf_ros.train.loop import make_trainer
from qgf_ros.train.memory import keep_freed_memory
from qgf_ros.train.update import Part

ROOT = Path(__file__).parent.parent
CONTRACT, RECIPE = ROOT / "config/contracts/ur5e_cube.yaml", ROOT / "config/train/ur5e_cube.yaml"
SHIPPED, TASK = ROOT / "checkpoints/ur5e_cube", "cube-single-task2"
ROBOTS_STUDIED = ("tool_offset", "gripper_delay", "joint_bias")
ROWS = ("zero_shot", "finetuned", "scratch", "old_data")
FIRST_SEED, RECORDED_SEED = 4_000_000, 5_000_000
EPISODES = 60


class Study:
    """State: files below `folder`; the times that training took."""

    def __init__(self, folder: Path, old: Path, steps: int, steps_each: int) -> None:
        self._folder, self._old, self._steps, self._steps_each = folder, old, steps, steps_each
        self._contract = load_contract(CONTRACT)
        self._recipe = load_recipe(RECIPE).train

    def recorded(self, robot: str) -> Path:
        """The robot's demonstrated episodes; they are made where they are missing."""
        path = self._folder / robot / "recorded" / "slice-0000.npz"
        if not path.is_file():
            began = time.monotonic()
            seeds = range(RECORDED_SEED, RECORDED_SEED + EPISODES)
            placed = record(self._contract, ROBOTS[robot], path, seeds, self._steps_each)
            self._note(robot, "recorded", {"placed": placed, "seconds": time.monotonic() - began})
        return path.parent

    def checkpoint(self, robot: str, row: str) -> Path:
        """The checkpoint of a row; it is trained where it is missing."""
        if row == "zero_shot":
            return SHIPPED
        path = self._folder / ("all" if row == "old_data" else robot) / row
        if not (path / "checkpoint.json").is_file():
            began = time.monotonic()
            made = {"finetuned": self._finetune, "old_data": self._old_data, "scratch": self._scratch}[row]
            figures = made(robot, path)
            self._note(robot, row, figures | {"seconds": time.monotonic() - began})
        return path

    def _finetune(self, robot: str, path: Path) -> dict[str, object]:
        return self._go_on(self.recorded(robot), path, Keep.BEST)

    def _old_data(self, robot: str, path: Path) -> dict[str, object]:
        return self._go_on(self._old, path, Keep.LAST)

    def _go_on(self, data: Path, path: Path, keep: Keep) -> dict[str, object]:
        places = Places(SHIPPED, (data,), (), path, path.with_name(f"{path.name}-run"))
        config = FinetuneConfig(Part.BOTH, self._steps, check_every=1000, patience=self._steps, keep=keep)
        return FinetuningRun(places, self._contract, self._recipe, config).go(math.inf)

    def _scratch(self, robot: str, path: Path) -> dict[str, object]:
        interface, shipped = self._contract.interface, load_checkpoint(SHIPPED)
        config = dataclasses.replace(
            self._recipe,
            steps=self._steps,
            networks=NetworkSizes(shipped.networks.config.hidden),
            log_every=self._steps,
        )
        kept, held = split_episodes(read_slices(self.recorded(robot), interface), 0.1)
        training, held_out = (from_slices(part, interface, config.relabel) for part in (kept, held))
        normalizer = fit_normalizer(part.observations for part in kept)
        run = make_trainer(config, interface, training, held_out, normalizer, torch.device("cpu"))
        (metrics,) = run.run()
        save_checkpoint(path, run.checkpoint(shipped.defaults, {}))
        return {"metrics": metrics, "held_out": run.held_out_flow_loss()}

    def run(self, cell: str, seed: int) -> Outcome:
        """One episode of the cell `ROBOT/ROW`."""
        robot, row = cell.split("/")
        loop, policy, sampler = self._player(robot, row)
        made = run_episode(loop, policy, sampler, seed)
        return {
            "success": made.success,
            "steps": made.steps,
            "stopped": made.stopped,
            "refused": made.refused,
        }

    @cache  # noqa: B019  one study a process
    def _player(self, robot: str, row: str):
        checkpoint = load_checkpoint(self.checkpoint(robot, row), self._contract.interface)
        loop = ClosedLoop(self._contract, ChangedSimulation(TASK, ROBOTS[robot]))
        return loop, make_policy(checkpoint), usual_row(checkpoint)

    def _note(self, robot: str, what: str, figures: dict[str, object]) -> None:
        line = json.dumps({"robot": robot, "what": what, "at": time.strftime("%H:%M:%S")} | figures)
        print(line, flush=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log.jsonl").open("a") as log:
            log.write(line + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing and prints every cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=100, help="a cell")
    parser.add_argument("--steps", type=int, default=10_000, help="gradient steps")
    parser.add_argument(
        "--steps-each",
        type=int,
        default=501,
        help="control periods of a recorded episode: 25 s, in which a cube is put somewhere five times",
    )
    parser.add_argument(
        "--old", type=Path, default=ROOT / "data/ur5e_cube", help="data of the shipped checkpoint"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "out/finetune_study")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/finetune.json")
    parser.add_argument("--only", default="", help="only cells ROBOT/ROW that this expression matches")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    study = Study(options.folder, options.old, options.steps, options.steps_each)
    outcomes = Outcomes(
        options.json, {"task": TASK, "steps": options.steps, "steps_each": options.steps_each}, FIRST_SEED
    )
    names = [
        cell for robot in ROBOTS_STUDIED for row in ROWS if re.search(options.only, cell := f"{robot}/{row}")
    ]
    for name, seed in outcomes.missing(names, options.episodes, block=options.episodes):
        outcomes.add(name, study.run(name, seed))
    outcomes.write()
    for name in names:
        found = success_rate(outcomes.cells[name])
        print(
            f"{name:28s} {found.success:.3f} [{found.interval[0]:.3f}, {found.interval[1]:.3f}] of {found.episodes}"
        )


if __name__ == "__main__":
    main()
