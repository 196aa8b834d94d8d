"""What inference delay costs, and what each way to put chunks together gives back: success, time and seams.

    python bench/delay_study.py --plain checkpoints/ur5e_cube_h12_plain --told checkpoints/ur5e_cube_h12 --episodes 100

In the closed loop of `qgf evaluate` under the contract with twelve actions a chunk; the command gate itself delays the
chunk by d actions. `--tune` chooses the guidance weight on seeds from 10000. Goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import torch
from outcomes import Outcome, Outcomes, success_rate

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.load import load_contract, with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import JointCommand
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.flow.prefix import PrefixMethod
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.sent import SentChunks

ROOT = Path(__file__).parent.parent
EXECUTED = 6  # execution horizon s, actions
DELAYS = (2, 4, 6)
TUNING_SEED, WEIGHTS, SCALES = 10_000, (0.02, 0.03, 0.05, 0.08), (1.0, 0.5, 0.3)
CANDIDATES = 4


@dataclass(frozen=True)
class Cell:
    """One point: how chunks follow one another, how a prefix is kept, how chunks are sampled; the delay, actions.

    `delay` stands beside `chunks`, which has none in synchronous mode: there the arm waits.
    """

    chunks: Chunking
    method: PrefixMethod | None
    sampler: SamplerConfig
    noise_scale: float
    delay: int = 0
    hard_mask: bool = False


def tuning_cells() -> dict[str, Cell]:
    """Synchronous, without delay, at several weights and scales of the noise."""
    still = Chunking(ChunkMode.SYNCHRONOUS, EXECUTED, 0)
    samplers = {w: SamplerConfig(weight=w, candidates=CANDIDATES) for w in WEIGHTS}
    return {f"w{w}/noise{z}/guided": Cell(still, None, of, z) for z in SCALES for w, of in samplers.items()}


def all_cells(weight: float, noise: float) -> dict[str, Cell]:
    """Every mode and method at every delay, guided; at d = 0 and 4 also best of N without guidance.

    The bare policy, one candidate, is there once: it plays freely with the cube, and hardly ever ends at the goal.
    """
    guided = SamplerConfig(weight=weight, candidates=CANDIDATES)
    unguided = SamplerConfig(candidates=CANDIDATES)
    cells: dict[str, Cell] = {}
    for kind, sampler, delays in (("guided", guided, (0, *DELAYS)), ("best_of_4", unguided, (0, 4))):
        for delay in delays:
            for mode in (ChunkMode.SYNCHRONOUS, ChunkMode.NAIVE, ChunkMode.ENSEMBLE):
                if mode is not ChunkMode.NAIVE or delay > 0:  # without delay it is synchronous
                    waits = mode is ChunkMode.SYNCHRONOUS
                    chunks = Chunking(mode, EXECUTED, 0 if waits else delay)
                    cells[f"{mode.value}/d{delay}/{kind}"] = Cell(chunks, None, sampler, noise, delay)
            for method in PrefixMethod:
                if method is PrefixMethod.CONDITIONED or delay > 0:
                    chunks = Chunking(ChunkMode.REAL_TIME, EXECUTED, delay)
                    cells[f"{method.value}/d{delay}/{kind}"] = Cell(chunks, method, sampler, noise, delay)
    for method in (PrefixMethod.OVERWRITING, PrefixMethod.CONDITIONED):
        chunks = Chunking(ChunkMode.REAL_TIME, EXECUTED, 4)
        cells[f"{method.value}_hard_mask/d4/guided"] = Cell(chunks, method, guided, noise, 4, hard_mask=True)
    still = Chunking(ChunkMode.SYNCHRONOUS, EXECUTED, 0)
    for delay in (0, 4):  # noise as in training
        chunks = Chunking(ChunkMode.REAL_TIME, EXECUTED, delay)
        cells[f"conditioned_full_noise/d{delay}/guided"] = Cell(
            chunks, PrefixMethod.CONDITIONED, guided, 1.0, delay
        )
    return cells | {"synchronous/d0/unguided": Cell(still, None, SamplerConfig(), noise)}


class Study:
    """Loops and policies, made once for each contract variant and method."""

    def __init__(self, contract: Contract, task: str, plain: Checkpoint, told: Checkpoint) -> None:
        self._contract, self._task = contract, task
        self._checkpoints = {True: told, False: plain}
        self._loops: dict[Chunking, ClosedLoop] = {}
        self._policies: dict[PrefixMethod | None, ChunkPolicy] = {}

    def run(self, cell: Cell, seed: int) -> Outcome:
        """One episode, until success or the task's time limit. As `rollouts.run_episode`, and synchronous mode waits."""
        loop, policy, walk = (
            self._loop(cell.chunks),
            self._policy(cell.method),
            dataclasses.replace(cell.sampler, noise_scale=cell.noise_scale).walk(),
        )
        loop.reset(seed)
        sent, chunks = SentChunks(loop.contract), 0
        periods: list[list[JointCommand]] = []
        while len(periods) < loop.simulation.max_steps and not loop.simulation.success():
            if loop.gate.wants_chunk:
                observation, demand = loop.observe(), loop.demand()
                prefix = sent.prefix_for(demand)
                if prefix is not None and cell.hard_mask:
                    prefix = dataclasses.replace(prefix, mask=prefix.rows)
                proposal = policy.propose(observation, walk, seed, chunks, prefix)
                if (
                    cell.chunks.mode is ChunkMode.SYNCHRONOUS and chunks > 0
                ):  # the arm stands until the chunk is there
                    periods += [loop.play_action() for _ in range(cell.delay)]
                loop.gate.load(sent.keep(demand, proposal.chunk))
                chunks += 1
            periods.append(loop.play_action())
        seams = [command.seam for period in periods for command in period if command.seam is not None]
        count = max(len(seams), 1)
        return {
            "success": loop.simulation.success(),
            "steps": len(periods),
            "seams": len(seams),
            "position": sum(seam.position for seam in seams) / count,
            "velocity": sum(seam.velocity for seam in seams) / count,
            "acceleration": sum(seam.acceleration for seam in seams) / count,
        }

    def _loop(self, chunks: Chunking) -> ClosedLoop:
        if chunks not in self._loops:
            self._loops[chunks] = ClosedLoop(with_chunks(self._contract, chunks), self._task)
        return self._loops[chunks]

    def _policy(self, method: PrefixMethod | None) -> ChunkPolicy:
        if method not in self._policies:
            checkpoint = self._checkpoints[method is PrefixMethod.CONDITIONED]
            engine = engine_of(checkpoint, method)
            self._policies[method] = ChunkPolicy(checkpoint.interface, engine)
        return self._policies[method]


def engine_of(checkpoint: Checkpoint, method: PrefixMethod | None) -> Engine:
    """Engine `cpu`, which tells a policy that can be told and overwrites otherwise; the specification has the third method."""
    if method is PrefixMethod.PSEUDO_INVERSE:
        return ReferenceEngine(checkpoint, torch.device("cpu"), method)
    return make_engine(EngineConfig(EngineName.CPU), checkpoint, Device.CPU)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing and prints every cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plain", type=Path, required=True, help="checkpoint of the policy that is not told")
    parser.add_argument("--told", type=Path, required=True, help="checkpoint trained with max_delay")
    parser.add_argument("--episodes", type=int, default=100, help="episodes a cell")
    parser.add_argument("--weight", type=float, help="guidance weight (default: that of --told)")
    parser.add_argument("--noise-scale", type=float, help="scale of the noise (default: that of --told)")
    parser.add_argument("--tune", action="store_true", help="run weights and scales of the noise instead")
    parser.add_argument("--only", default="", help="only cells whose name this expression matches")
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/delay.json")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube_h12.yaml")
    parser.add_argument("--task", default="cube-single-task2")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    contract = load_contract(options.contract)
    plain, told = (load_checkpoint(folder, contract.interface) for folder in (options.plain, options.told))
    weight = told.defaults.guidance_weight if options.weight is None else options.weight
    noise = told.defaults.noise_scale if options.noise_scale is None else options.noise_scale
    cells = tuning_cells() if options.tune else all_cells(weight, noise)
    about = {
        "task": options.task,
        "weight": weight,
        "noise_scale": noise,
        "executed": EXECUTED,
        "candidates": CANDIDATES,
    }
    about |= {"steps": [told.provenance.get("steps"), plain.provenance.get("steps")]}
    outcomes = Outcomes(options.json, about, TUNING_SEED if options.tune else 0)
    study = Study(contract, options.task, plain, told)
    names = [name for name in cells if re.search(options.only, name)]
    for name, seed in outcomes.missing(names, options.episodes, block=10):
        outcomes.add(name, study.run(cells[name], seed))
    outcomes.write()
    for name, cell in sorted(outcomes.cells.items()):
        print(f"{name:34s} {line_of(cell)}")


def line_of(cell: list[Outcome]) -> str:
    """Success with interval, mean steps of the successes, mean seam."""
    found = success_rate(cell)
    steps = [outcome["steps"] for outcome in cell if outcome["success"]]
    seams = [sum(outcome[key] for outcome in cell) / len(cell) for key in ("velocity", "acceleration")]
    interval = f"[{found.interval[0]:.2f}, {found.interval[1]:.2f}] of {found.episodes}"
    return f"{found.success:.3f} {interval}  steps {sum(steps) / max(len(steps), 1):5.1f}  seam {seams[0]:.3f} rad/s {seams[1]:.2f} rad/s2"


if __name__ == "__main__":
    main()
