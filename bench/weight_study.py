"""What does it cost to choose the guidance weight from logged data? Against the best of nine weights by brute force, on five goals of cube-single.

    qgf train config/train/ur5e_cube_goals.yaml
    python bench/weight_study.py --data data/ur5e_cube                 # all goals; goes on where it was stopped
    python bench/weight_study.py --data data/ur5e_cube --tasks task1   # one: several processes share the work so

Per task: nine weights on tuning seeds; then the best of them, by success, and by fewer control periods where several are, and the automatic weight
(`qgf weigh`'s, docs/adr/0032), both on fresh seeds, paired. Regret is what the best has more. Four candidates, as every recipe here; no detector.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import numpy as np
from outcomes import Cells, Outcome, Outcomes, load_cells, success_rate

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.data.dataset import read_slices
from qgf_ros.evaluate.calibrate import usual_row
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.compare import paired_difference
from qgf_ros.evaluate.critic_view import logged_windows
from qgf_ros.evaluate.guidance_weight import Yardstick
from qgf_ros.evaluate.hierarchy import resampled
from qgf_ros.evaluate.rollouts import make_policy, run_episode
from qgf_ros.flow.sampler import GUIDANCE_STRENGTH

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "config/contracts/ur5e_cube.yaml"
TASKS = ("task1", "task2", "task3", "task4", "task5")
WEIGHTS = tuple(0.0025 * 2**power for power in range(9))  # 0.0025 to 0.64
TUNING_SEED, FRESH_SEED = 8_000_000, 9_000_000
LEVEL = 0.95


class Study:
    """One task: its checkpoint, and its two files of outcomes below `folder`."""

    def __init__(self, task: str, checkpoint: Path, data: Path, folder: Path, candidates: int) -> None:
        self._task, self._folder = task, folder
        self._contract = load_contract(CONTRACT)
        loaded = load_checkpoint(checkpoint, self._contract.interface)
        defaults = dataclasses.replace(loaded.defaults, candidates=candidates)
        self._checkpoint = dataclasses.replace(loaded, defaults=defaults)
        self._data = data

    @cache  # noqa: B019  one study a process
    def automatic(self) -> float:
        """The weight from logged data."""
        slices = read_slices(self._data, self._contract.interface)
        return Yardstick(self._checkpoint, logged_windows(slices, self._checkpoint)).weight_of(
            GUIDANCE_STRENGTH
        )

    def tune(self, episodes: int) -> float:
        """The best of the nine on tuning seeds."""
        outcomes = Outcomes(self._folder / f"{self._task}-tuning.json", {"task": self._task}, TUNING_SEED)
        weights = {f"{weight:g}": weight for weight in WEIGHTS}
        for name, seed in outcomes.missing(list(weights), episodes, block=10):
            outcomes.add(name, self._run(weights[name], seed))
        outcomes.write()
        return weights[best_of(outcomes.cells, list(weights))]

    def compare(self, best: float, episodes: int) -> None:
        """The best and the automatic one on fresh seeds."""
        weights = {"best": best, "automatic": self.automatic()}
        about = {"task": self._task, "weights": weights}
        outcomes = Outcomes(self._folder / f"{self._task}-fresh.json", about, FRESH_SEED)
        for name, seed in outcomes.missing(list(weights), episodes, block=10):
            outcomes.add(name, self._run(weights[name], seed))
        outcomes.write()

    def _run(self, weight: float, seed: int) -> Outcome:
        loop, policy, row = self._player()
        made = run_episode(
            loop,
            policy,
            dataclasses.replace(row, sampler=dataclasses.replace(row.sampler, weight=weight)),
            seed,
        )
        return {"success": made.success, "steps": made.steps}

    @cache  # noqa: B019
    def _player(self) -> tuple[ClosedLoop, Any, Any]:
        loop = ClosedLoop(self._contract, f"cube-single-{self._task}")
        return loop, make_policy(self._checkpoint), usual_row(self._checkpoint)


def best_of(cells: Cells, names: Sequence[str]) -> str:
    """The cell of most success; of several such, the one of fewest control periods."""
    return max(
        names,
        key=lambda name: (
            success_rate(cells[name]).success,
            -sum(outcome["steps"] for outcome in cells[name]),
        ),
    )


def mean_regret(regrets: Sequence[np.ndarray[Any, Any]], seed: int = 0) -> tuple[float, float]:
    """The mean over tasks of the mean over pairs, and its upper bound at LEVEL, one-sided: tasks are drawn anew, and pairs within each."""
    mean = float(np.mean([pairs.mean() for pairs in regrets]))
    return mean, float(np.quantile(resampled(regrets, seed), LEVEL))


def report(folder: Path, tasks: Sequence[str], json_file: Path) -> None:
    """Prints every task that is complete and the mean regret, and writes both with all outcomes' rates."""
    rows: list[dict[str, Any]] = []
    regrets = []
    for task in tasks:
        tuning, fresh = (folder / f"{task}-{what}.json" for what in ("tuning", "fresh"))
        if not (tuning.is_file() and fresh.is_file()):
            continue
        swept, cells = load_cells(tuning), load_cells(fresh)
        weights = json.loads(fresh.read_text())["about"]["weights"]
        best, automatic = ([float(row["success"]) for row in cells[name]] for name in ("best", "automatic"))
        pairs = min(len(best), len(automatic))
        regret = paired_difference(best[:pairs], automatic[:pairs])
        regrets.append(np.subtract(best[:pairs], automatic[:pairs]))
        sweep = {name: round(success_rate(cell).success, 4) for name, cell in swept.items()}
        rates = {name: round(success_rate(cell).success, 4) for name, cell in cells.items()}
        episodes = len(next(iter(swept.values())))
        rows.append(
            {
                "task": task,
                "weights": weights,
                "pairs": pairs,
                "fresh": rates,
                "regret": regret.mean,
                "interval": regret.interval,
                "tuning_episodes": episodes,
                "sweep": sweep,
            }
        )
        print(
            f"{task}: automatic {weights['automatic']:.4f} {rates['automatic']:.3f}, best {weights['best']:g} {rates['best']:.3f}, "
            f"regret {regret.mean:+.3f} ({regret.interval[0]:+.3f}, {regret.interval[1]:+.3f}) of {pairs}; sweep {sweep}"
        )
    if regrets:
        mean, bound = mean_regret(regrets)
        print(f"mean regret {mean:+.4f}, at most {bound:+.4f} at {LEVEL:.0%} (one-sided), {len(rows)} tasks")
        made = {
            "strength": GUIDANCE_STRENGTH,
            "tuning_seed": TUNING_SEED,
            "fresh_seed": FRESH_SEED,
            "mean_regret": mean,
            "bound": bound,
        }
        json_file.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(row) for row in rows)
        json_file.write_text(f'{{"about": {json.dumps(made)},\n"tasks": [\n{lines}\n]}}\n')


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--data", type=Path, default=ROOT / "data/ur5e_cube", help="logged data")
    parser.add_argument(
        "--critics", type=Path, default=ROOT / "out/checkpoints", help="folder with ur5e_cube_goals-TASK"
    )
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--tuning", type=int, default=60, help="episodes of each of the nine weights")
    parser.add_argument("--pairs", type=int, default=300, help="fresh pairs of each task")
    parser.add_argument("--folder", type=Path, default=ROOT / "out/weight_study", help="all outcomes")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/weight.json")
    options = parser.parse_args(arguments)
    for task in options.tasks:
        checkpoint = (
            ROOT / "checkpoints/ur5e_cube" if task == "task2" else options.critics / f"ur5e_cube_goals-{task}"
        )
        study = Study(task, checkpoint, options.data, options.folder, options.candidates)
        study.compare(study.tune(options.tuning), options.pairs)
    report(options.folder, TASKS, options.json)


if __name__ == "__main__":
    main()
