"""What success is left when a chunk gets less time: fewer steps, fewer guided steps, fewer candidates, a walk cut short.

    python bench/steps_study.py --episodes 100 --json docs/studies/steps.json

The shipped checkpoint in the closed loop of `qgf evaluate`, on seeds from 10000, which no evaluation uses. Goes on where it
was stopped. `bench/steps_plot.py` draws the figures.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import torch
from outcomes import Outcomes, success_rate

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.flow.sampler import Walk, uniform_times
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, EngineName
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.policy import ChunkPolicy

ROOT = Path(__file__).parent.parent
FIRST_SEED = 10_000
STEPS = 10  # of the grid on which the checkpoint was trained
PLANNED = (1, 2, 3, 5)
CUTS = (1, 2, 3, 5, 7, 9)
GUIDED = (1, 2, 5)
PLACES = ("first", "last", "spread")


@dataclass(frozen=True)
class Cell:
    """One point of the study: a walk, and after how many steps it is cut short (None: never)."""

    walk: Walk
    cut: int | None = None


def grid_walk(steps: int, weight: float, candidates: int) -> Walk:
    """A walk of `steps` steps, as even as the training grid allows; all of them guided, or none."""
    times = tuple(round(STEPS * k / steps) / STEPS for k in range(steps + 1))
    return Walk(times, (weight,) * steps, candidates=candidates)


def partly_guided(guided: int, place: str, weight: float, candidates: int) -> Walk:
    """All steps, of which `guided` are guided: the first ones, the last ones, or evenly spread from the last backwards."""
    if place == "spread":
        chosen = {STEPS - 1 - (index * STEPS) // guided for index in range(guided)}
    else:
        chosen = set(range(guided)) if place == "first" else set(range(STEPS - guided, STEPS))
    weights = tuple(weight if k in chosen else 0.0 for k in range(STEPS))
    return Walk(uniform_times(STEPS), weights, candidates=candidates)


def all_cells(w: float) -> dict[str, Cell]:
    """Every cell by name; `w` is the checkpoint's own guidance weight. Cells with one candidate are fewer: it is not the default."""
    cells = {f"guided/{STEPS}/all/n{n}": Cell(grid_walk(STEPS, w, n)) for n in (4, 2, 1)}
    cells |= {f"guided/0/none/n{n}": Cell(grid_walk(STEPS, 0.0, n)) for n in (4, 2, 1)}
    for n, planned, cuts, counts in ((4, PLANNED, CUTS, GUIDED), (1, (2, 5), (3,), (2, 5))):
        cells |= {f"planned/{k}/guided/n{n}": Cell(grid_walk(k, w, n)) for k in planned}
        cells |= {f"cut/{k}/guided/n{n}": Cell(grid_walk(STEPS, w, n), k) for k in cuts}
        for count in counts:
            for place in PLACES[: 3 if count > 1 else 2] if n > 1 else PLACES[2:]:
                cells[f"guided/{count}/{place}/n{n}"] = Cell(partly_guided(count, place, w, n))
    for count in (1, 2):  # the same total push from fewer steps
        scaled = w * STEPS / count
        cells[f"guided/{count}/spread_scaled/n4"] = Cell(partly_guided(count, "spread", scaled, 4))
    return cells | {f"planned/{k}/unguided/n4": Cell(grid_walk(k, 0.0, 4)) for k in (2, 5)}


def run_cell(loop: ClosedLoop, policy: ChunkPolicy, cell: Cell, seed: int) -> dict[str, object]:
    """One episode, until success or the task's time limit."""
    loop.reset(seed)
    steps = chunks = 0
    go_on = None if cell.cut is None else (lambda k, cut=cell.cut: k < cut)
    while steps < loop.simulation.max_steps and not loop.simulation.success():
        if loop.gate.wants_chunk:
            loop.gate.load(policy.propose(loop.observe(), cell.walk, seed, chunks, go_on=go_on).chunk)
            chunks += 1
        loop.play_action()
        steps += 1
    return {"success": loop.simulation.success(), "steps": steps}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing and prints every cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=100, help="episodes a cell")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/steps.json")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints/ur5e_cube")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--only", default="", help="only cells whose name this expression matches")
    parser.add_argument("--task", default="cube-single-task2")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    contract = load_contract(options.contract)
    checkpoint = load_checkpoint(options.checkpoint, contract.interface)
    weight = checkpoint.defaults.guidance_weight
    about = {"checkpoint": options.checkpoint.name, "task": options.task, "weight": weight}
    cells, outcomes = all_cells(weight), Outcomes(options.json, about, FIRST_SEED)
    engine = make_engine(EngineConfig(EngineName.CPU), checkpoint, Device.CPU)
    policy = ChunkPolicy(contract.interface, engine)
    loop = ClosedLoop(contract, options.task)
    for name, seed in outcomes.missing(
        [name for name in cells if re.search(options.only, name)], options.episodes, block=10
    ):
        outcomes.add(name, run_cell(loop, policy, cells[name], seed))
    outcomes.write()
    for name, cell in outcomes.cells.items():
        found = success_rate(cell)
        print(
            f"{name:30s} {found.success:.3f} [{found.interval[0]:.3f}, {found.interval[1]:.3f}] {found.episodes}"
        )


if __name__ == "__main__":
    main()
