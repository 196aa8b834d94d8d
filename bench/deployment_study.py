"""Do a robot's own runs help? The critic alone, from 200 own rollouts of the shipped policy on a changed robot, against as many steps on old data.

    python bench/deployment_study.py --old data/ur5e_cube --robot joint_bias   # goes on where it was stopped

Rows: `start` the shipped checkpoint; `own/SEED` its critic trained on with own rollouts and old data, half each; `old/SEED` on old data alone. The last weights of all steps; the flow policy
is the same bit by bit in all. Paired by seed, without the detector.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from changed_robots import ROBOTS, ChangedSimulation
from finetune_study import CONTRACT, RECIPE, ROOT, SHIPPED, TASK
from outcomes import Outcome, Outcomes, success_rate

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.cli.finetuning import FinetuningRun, Places
from qgf_ros.cli.recipe import load_recipe
from qgf_ros.contract.load import load_contract
from qgf_ros.datatypes import FloatArray, JointCommand
from qgf_ros.evaluate.calibrate import usual_row
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.compare import paired_difference
from qgf_ros.evaluate.rollouts import make_policy, run_episode
from qgf_ros.train.finetune import FinetuneConfig
from qgf_ros.train.kept import Keep
from qgf_ros.train.memory import keep_freed_memory
from qgf_ros.train.update import Part

LINGER_NS = 500_000_000  # ten control periods
FIRST_SEED, OWN_SEED, ROLLOUTS = 6_000_000, 7_000_000, 200
SEEDS = (0, 1, 2)


class LingeringSimulation(ChangedSimulation):
    """Goes on for `LINGER_NS` once the task is done, so that a recording has rows in which the goal holds. State: since when."""

    def reset(self, seed: int) -> None:
        """A new episode."""
        self._since_ns: int | None = None
        super().reset(seed)

    @property
    def is_done(self) -> bool:
        """Whether the task was done at any time."""
        return self._since_ns is not None

    def success(self) -> bool:
        """Whether it was done so long ago that the episode ends."""
        if self._since_ns is None and super().success():
            self._since_ns = self.time_ns
        return self._since_ns is not None and self.time_ns - self._since_ns >= LINGER_NS


class RecordingLoop(ClosedLoop):
    """Keeps, each control period, what was observed and the action that began. State: the rows of the episode."""

    def reset(self, seed: int) -> None:
        """A new episode."""
        super().reset(seed)
        self._ticks = 0
        self._action: FloatArray = np.zeros(len(self.contract.interface.action.dimensions))
        self.rows: list[tuple[FloatArray, FloatArray]] = []

    def tick(self) -> JointCommand:
        """As the loop; a row at the first tick of each period."""
        begins = self._ticks % self.contract.ticks_per_action == 0
        seen = self.observe().values if begins else None
        command = super().tick()
        if command.action is not None:
            self._action = self.gate.action_space.normalised(command.action.values)
        self._ticks += 1
        if seen is not None:
            self.rows.append((seen, self._action))
        return command


class Study:
    """State: files below `folder`."""

    def __init__(self, folder: Path, robot: str, old: Path, steps: int) -> None:
        self._folder, self._robot, self._old, self._steps = folder / robot, robot, old, steps
        self._contract = load_contract(CONTRACT)
        self._recipe = load_recipe(RECIPE).train

    def own(self) -> Path:
        """The shipped policy's own rollouts, failures included; they are made where they are missing."""
        path = self._folder / "own" / "slice-0000.npz"
        if path.is_file():
            return path.parent
        checkpoint = load_checkpoint(SHIPPED, self._contract.interface)
        simulation = LingeringSimulation(TASK, ROBOTS[self._robot])
        loop = RecordingLoop(self._contract, simulation)
        policy, row = make_policy(checkpoint), usual_row(checkpoint)
        arrays: dict[str, list[Any]] = {"observations": [], "actions": [], "terminals": [], "outcomes": []}
        for seed in range(OWN_SEED, OWN_SEED + ROLLOUTS):
            run_episode(loop, policy, row, seed)
            last = [False] * (len(loop.rows) - 1) + [True]
            arrays["observations"] += [seen for seen, _ in loop.rows]
            arrays["actions"] += [action for _, action in loop.rows]
            arrays["terminals"] += last
            arrays["outcomes"] += [int(simulation.is_done) if is_last else -1 for is_last in last]
        kinds = {"observations": np.float32, "actions": np.float32, "terminals": bool, "outcomes": np.int8}
        made = {name: np.array(values, kinds[name]) for name, values in arrays.items()}
        made["interface"] = np.array(json.dumps(self._contract.interface.canonical(), sort_keys=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, allow_pickle=False, **made)
        return path.parent

    def checkpoint(self, row: str) -> Path:
        """The checkpoint of a row; it is trained where it is missing."""
        if row == "start":
            return SHIPPED
        kind, seed = row.split("/")
        path = self._folder / f"{kind}-{seed}"
        if not (path / "checkpoint.json").is_file():
            data, old = ((self.own(),), (self._old,)) if kind == "own" else ((self._old,), ())
            places = Places(SHIPPED, data, old, path, path.with_name(f"{path.name}-run"))
            config = FinetuneConfig(Part.CRITIC, self._steps, check_every=500, keep=Keep.LAST, seed=int(seed))
            figures = FinetuningRun(places, self._contract, self._recipe, config).go(math.inf)
            print(row, json.dumps(figures), flush=True)
        return path

    def run(self, row: str, seed: int) -> Outcome:
        """One episode of a row."""
        loop, policy, sampler = self._player(row)
        made = run_episode(loop, policy, sampler, seed)
        return {"success": made.success, "steps": made.steps}

    @cache  # noqa: B019  one study a process
    def _player(self, row: str) -> tuple[ClosedLoop, Any, Any]:
        checkpoint = load_checkpoint(self.checkpoint(row), self._contract.interface)
        loop = ClosedLoop(self._contract, ChangedSimulation(TASK, ROBOTS[self._robot]))
        return loop, make_policy(checkpoint), usual_row(checkpoint)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing, prints every row and the gain of own rollouts over old data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--robot", choices=[name for name in ROBOTS if name != "none"], required=True)
    parser.add_argument("--episodes", type=int, default=100, help="a row: three times as many pairs")
    parser.add_argument("--steps", type=int, default=5000, help="gradient steps")
    parser.add_argument(
        "--old", type=Path, default=ROOT / "data/ur5e_cube", help="data of the shipped checkpoint"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "out/deployment_study")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/deployment.json")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    study = Study(options.folder, options.robot, options.old, options.steps)
    about = {"task": TASK, "robot": options.robot, "steps": options.steps}
    outcomes = Outcomes(options.json, about, FIRST_SEED)
    names = ["start", *(f"{kind}/{seed}" for seed in SEEDS for kind in ("own", "old"))]
    for name, seed in outcomes.missing(names, options.episodes, block=50):
        outcomes.add(name, study.run(name, seed))
    outcomes.write()
    for name in names:
        found = success_rate(outcomes.cells[name])
        print(
            f"{name:8s} {found.success:.3f} [{found.interval[0]:.3f}, {found.interval[1]:.3f}] of {found.episodes}"
        )
    ours, theirs = (
        [float(row["success"]) for seed in SEEDS for row in outcomes.cells[f"{kind}/{seed}"]]
        for kind in ("own", "old")
    )
    gain = paired_difference(ours, theirs)
    print(
        f"own over old: {gain.mean:+.3f} ({gain.interval[0]:+.3f}, {gain.interval[1]:+.3f}) of {gain.pairs} pairs"
    )


if __name__ == "__main__":
    main()
