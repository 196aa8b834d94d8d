"""What the limits cost: success of a policy under all limits, without any, clamped only, and with chunks refused instead.

    python bench/usefulness.py --episodes 100

In the closed loop of `qgf evaluate`, the same seeds for all. Under the contract's limits, and under those of a first run,
which is four times slower and gets four times the task's periods. Goes on where it was stopped; tuning seeds: `--first-seed`.
Without limits is no neutral baseline: the policy learnt through them. So success under all is told against clamping alone too.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import torch
from outcomes import Cells, Outcome, Outcomes, success_rate
from robots_under_study import without_limits

from qgf_ros.checkpoint import load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.look_ahead import look_ahead_of
from qgf_ros.datatypes import ActionChunk, JointCommand, Verdict
from qgf_ros.errors import ChunkRefused
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.rollouts import make_policy
from qgf_ros.flow.sampler import SamplerConfig, default_config
from qgf_ros.inference.policy import ChunkPolicy
from qgf_ros.inference.sent import SentChunks

ROOT = Path(__file__).parent.parent
TASK = "cube-single-task2"
FIRST_RUN_PATIENCE = 4  # times the task's periods, since velocities are a quarter


class Verdicts(Enum):
    """Which reactions the gate has to a chunk that asks for more than the limits allow."""

    ALL = "all_limits"
    CLAMP = "clamp_only"
    REJECT = "reject_only"


class ClampOnlyGate(CommandGate):
    """Looks at no chunk beforehand, and slows no path down: what is too fast is bent joint by joint."""

    def load(self, chunk: ActionChunk) -> None:
        """As `CommandGate.load`, without the check."""
        self.player.load(chunk)


class RejectOnlyGate(CommandGate):
    """Refuses a chunk that would have to be slowed down, or of which something would be clipped."""

    def load(self, chunk: ActionChunk) -> None:
        """As `CommandGate.load`, and reason `limits`."""
        known = self._foresight.chunk_check.check(
            self.player.upcoming(chunk), self.limiter.state, self._targets
        )
        if known.findings or any(need.speed < 1.0 for need in known.needs):
            raise ChunkRefused("limits", "The chunk asks for more than the limits allow.")
        super().load(chunk)


BASELINES = ("no_limits", "clamp_only")
GATES = {Verdicts.ALL: CommandGate, Verdicts.CLAMP: ClampOnlyGate, Verdicts.REJECT: RejectOnlyGate}


def make_gate(contract: Contract, verdicts: Verdicts) -> CommandGate:
    """A gate that reacts so, with the look-ahead that the contract declares; who clamps only never asks it."""
    return GATES[verdicts](contract, Kinematics(contract), look_ahead_of(contract))


def make_loop(contract: Contract, task: str, verdicts: Verdicts) -> ClosedLoop:
    """The closed loop with a gate that reacts so."""
    loop = ClosedLoop(contract, task)
    loop.gate = make_gate(contract, verdicts)
    return loop


def make_loops(contract: Contract, task: str) -> dict[str, ClosedLoop]:
    """A loop for each cell of the study."""
    first_run = LimitsInForce.of(contract).first_run().applied(contract)
    loops = {verdicts.value: make_loop(contract, task, verdicts) for verdicts in Verdicts}
    loops["no_limits"] = make_loop(_without_any(contract), task, Verdicts.CLAMP)
    return loops | {f"first_run/{kind.value}": make_loop(first_run, task, kind) for kind in Verdicts}


def _without_any(contract: Contract) -> Contract:
    limits = LimitsInForce(without_limits(contract).deployment.limits, None)
    return limits.applied(contract)


def run_cell(
    loop: ClosedLoop, policy: ChunkPolicy, sampler: SamplerConfig, seed: int, periods: int
) -> Outcome:
    """One episode, until success or after so many control periods. Shares are of command ticks."""
    loop.reset(seed)
    sent, asked, refused = SentChunks(loop.contract), 0, 0
    commands: list[JointCommand] = []
    steps = 0
    while steps < periods and not loop.simulation.success():
        if loop.gate.wants_chunk:
            demand = loop.demand()
            proposal = policy.propose(loop.observe(), sampler.walk(), seed, asked, sent.prefix_for(demand))
            asked += 1
            try:
                loop.gate.load(sent.keep(demand, proposal.chunk))
            except ChunkRefused:
                refused += 1
        commands += loop.play_action()
        steps += 1
    return {
        "success": loop.simulation.success(),
        "steps": steps,
        "chunks": asked,
        "refused": refused,
        "slowed": _share(commands, Verdict.SLOW),
        "clamped": _share(commands, Verdict.CLAMP),
    }


def _share(commands: list[JointCommand], verdict: Verdict) -> float:
    found = [any(finding.verdict is verdict for finding in command.findings) for command in commands]
    return sum(found) / max(len(found), 1)


def line_of(cell: list[Outcome]) -> str:
    """One cell in words."""
    found = success_rate(cell)
    means = {key: sum(outcome[key] for outcome in cell) / len(cell) for key in cell[0]}
    return (
        f"{found.success:.2f} [{found.interval[0]:.2f}, {found.interval[1]:.2f}] of {found.episodes}  "
        f"periods {means['steps']:5.1f}  chunks refused {means['refused'] / max(means['chunks'], 1):.3f}  "
        f"ticks slowed {means['slowed']:.3f} clamped {means['clamped']:.3f}"
    )


def ratios(cells: Cells) -> dict[str, float]:
    """Success under all limits over that of each baseline which has been run and ever succeeds."""
    found = {name: success_rate(cells[name]).success for name in ("all_limits", *BASELINES) if name in cells}
    whole = found.get("all_limits")
    return {name: whole / found[name] for name in BASELINES if whole is not None and found.get(name)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing and prints every cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=100, help="episodes a cell")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=ROOT / "docs/studies/usefulness.json")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints/ur5e_cube")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--only", default="", help="only cells whose name this expression matches")
    parser.add_argument("--task", default=TASK)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    contract = load_contract(options.contract)
    checkpoint = load_checkpoint(options.checkpoint, contract.interface)
    sampler, policy = default_config(checkpoint.defaults), make_policy(checkpoint)
    loops = make_loops(contract, options.task)
    outcomes = Outcomes(
        options.json, {"checkpoint": options.checkpoint.name, "task": options.task}, options.first_seed
    )
    names = [name for name in loops if re.search(options.only, name)]
    for name, seed in outcomes.missing(names, options.episodes, block=10):
        patience = FIRST_RUN_PATIENCE if name.startswith("first_run") else 1
        periods = patience * loops[name].simulation.max_steps
        outcomes.add(name, run_cell(loops[name], policy, sampler, seed, periods))
    outcomes.write()
    for name, cell in outcomes.cells.items():
        print(f"{name:24s} {line_of(cell)}")
    for name, ratio in ratios(outcomes.cells).items():
        print(f"all limits over {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
