"""Does one checkpoint reach five goals, and is it the goal that makes it do so? Unguided, best of N, guided, and guided by another task's goal.

    qgf train config/train/ur5e_cube_goal.yaml
    python bench/goals_study.py            # five tasks of cube-single; goes on where it was stopped

The same seeds in each row. In the last row the critic is told the goal of another task of the five, and success is the task's own: what is left of
it is not owed to knowing the goal. No detector.
"""

from __future__ import annotations

import argparse
import os
from functools import cache
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import torch
from outcomes import Outcome, Outcomes, success_rate

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.compare import paired_difference
from qgf_ros.evaluate.rollouts import Row, make_policy, run_episode, shuffled_row
from qgf_ros.flow.sampler import SamplerConfig, SamplerDefaults, default_config

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "config/contracts/ur5e_cube_goal.yaml"
SHIPPED = ROOT / "checkpoints/ur5e_cube_goal"
TASKS = tuple(f"cube-single-task{number}" for number in (1, 2, 3, 4, 5))
FIRST_SEED = 20_000


def rows_of(defaults: SamplerDefaults) -> dict[str, Row]:
    """Unguided; best of the checkpoint's N without guidance; its default; that with another task's goal."""
    guided = Row("guided", default_config(defaults))
    steps, candidates = defaults.denoise_steps, defaults.candidates
    rows = [
        Row("unguided", SamplerConfig(steps)),
        Row("best_of_n", SamplerConfig(steps, candidates=candidates)),
        guided,
        shuffled_row(guided),
    ]
    return {row.name: row for row in rows}


def cell_name(task: str, row: str) -> str:
    """A cell of the table."""
    return f"{task}/{row}"


def main() -> None:
    """Runs what is missing, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED)
    parser.add_argument("--episodes", type=int, default=40, help="of each row and task (default 40)")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help=f"the first one (default {FIRST_SEED})")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/goals.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    contract = load_contract(CONTRACT)
    checkpoint = load_checkpoint(options.checkpoint, contract.interface)
    rows, policy = rows_of(checkpoint.defaults), make_policy(checkpoint)
    loop_of = cache(lambda task: ClosedLoop(contract, task))
    about = {
        "checkpoint": options.checkpoint.name,
        "steps": checkpoint.provenance["steps"],
        "guidance_weight": checkpoint.defaults.guidance_weight,
        "candidates": checkpoint.defaults.candidates,
    }
    outcomes = Outcomes(options.json, about, options.seed)
    names = [cell_name(task, row) for task in TASKS for row in rows]
    for name, seed in outcomes.missing(names, options.episodes, block=10):
        task, row = name.split("/")
        made = run_episode(loop_of(task), policy, rows[row], seed)
        outcomes.add(name, {"success": made.success, "steps": made.steps})
    outcomes.write()
    report(outcomes.cells, list(rows))


def report(cells: dict[str, list[Outcome]], rows: list[str]) -> None:
    """Success by task and row, over all tasks, and the gain of guidance over the other rows, paired."""
    for row in rows:
        by_task = {task: cells[cell_name(task, row)] for task in TASKS}
        rates = ", ".join(f"{success_rate(found).success:.2f}" for found in by_task.values())
        whole = success_rate([outcome for found in by_task.values() for outcome in found])
        low, high = whole.interval
        print(f"{row}: {rates}; all {whole.success:.3f} [{low:.3f}, {high:.3f}]")
    for base in rows:
        for guided in ("guided", "shuffled_goal"):
            if base in ("guided", guided) or (guided == "shuffled_goal" and base != "unguided"):
                continue
            pairs = [
                (float(ours["success"]), float(theirs["success"]))
                for task in TASKS
                for ours, theirs in zip(
                    cells[cell_name(task, guided)], cells[cell_name(task, base)], strict=True
                )
            ]
            gain = paired_difference([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
            low, high = gain.interval
            print(
                f"{guided} against {base}: {gain.mean:+.3f} ({low:+.3f}, {high:+.3f}) over {gain.pairs} pairs"
            )


if __name__ == "__main__":
    main()
