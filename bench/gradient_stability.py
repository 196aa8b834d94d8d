"""How steady each estimator's guidance is along a walk: what it stands for, and what a small change of the noisy action does to it.

    python bench/gradient_stability.py --json docs/studies/gradients.json --out docs/images/gradients.png

Observations of unguided episodes of the shipped checkpoint, one unguided walk each. At every time t of the walk, as means over observations:
`foresight`, the cosine between an estimator's guidance and the critic's gradient at the action in which this very walk ends; `steadiness`,
the cosine between guidance here and at a noisy action 0.1 away (the same offsets for all); `length`, the norm of guidance over that of
the critic's gradient at the end. `--out` draws.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "disable")  # before MuJoCo is imported: nothing is drawn

import matplotlib

matplotlib.use("Agg")

import numpy as np
import torch
from matplotlib import pyplot
from study_plots import ROOT, write_picture
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint, load_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.rollouts import make_policy
from qgf_ros.flow.denoise import denoise
from qgf_ros.flow.guidance import QFunction, VelocityFunction, critic_gradient, evaluate_guided
from qgf_ros.flow.sampler import Estimator, SamplerConfig
from qgf_ros.rivals.bptt import Bptt
from qgf_ros.rivals.estimators import Chain, OtherEstimator, Regularised, Smoothed
from qgf_ros.rivals.ground import ground
from qgf_ros.whole_file import write_whole

FIRST_SEED = 1000
OFFSET = 0.1  # of a noisy action, in actions
Guidance = Callable[[VelocityFunction, QFunction, Tensor, tuple[float, ...]], Tensor]
"""(velocity, Q, a_t (B, D), the rest of the times) -> guidance (B, D)."""


def _of_engine(estimator: Estimator) -> Guidance:
    return lambda velocity_of, q, action, times: (
        evaluate_guided(velocity_of, q, action, torch.tensor(times[0]), estimator).guidance
    )


def _of_rival(rival: OtherEstimator) -> Guidance:
    return lambda velocity_of, q, action, times: rival.field(velocity_of, q, action, times)[1]


ESTIMATORS: dict[str, Guidance] = {
    "qgf": _of_engine(Estimator.ONE_STEP),
    "qgf_regularised": _of_rival(Regularised()),
    "qgf_smoothed": _of_rival(Smoothed()),
    "qgf_jacobian": _of_engine(Estimator.ONE_STEP_JACOBIAN),
    "qgf_chain": _of_rival(Chain()),
    "bptt": _of_rival(Bptt()),
    "qfql": _of_engine(Estimator.NOISY),
}


@dataclass(frozen=True)
class Curve:
    """Of one estimator, a number for each time of the walk."""

    foresight: list[float]
    steadiness: list[float]
    length: list[float]


def seen(checkpoint: Checkpoint, contract: Path, task: str, episodes: int) -> Tensor:
    """Observations (B, O) that unguided episodes meet, one a chunk."""
    loop = ClosedLoop(load_contract(contract), task)
    policy, walk = (
        make_policy(checkpoint),
        SamplerConfig(checkpoint.defaults.denoise_steps).walk(),
    )
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + episodes):
        loop.reset(seed)
        steps = chunks = 0
        while steps < loop.simulation.max_steps and not loop.simulation.success():
            if loop.gate.wants_chunk:
                observation = loop.observe()
                found.append(observation.values)
                loop.gate.load(policy.propose(observation, walk, seed, chunks).chunk)
                chunks += 1
            loop.play_action()
            steps += 1
    return torch.as_tensor(np.stack(found), dtype=torch.float32)


def curves(checkpoint: Checkpoint, observations: Tensor) -> dict[str, Curve]:
    """The figures of all estimators along one walk from each observation."""
    generator = torch.Generator().manual_seed(0)
    shape = (len(observations), checkpoint.networks.config.vector_dim)
    noise = torch.randn(shape, generator=generator)
    here = ground(checkpoint, observations, noise, 1, None)
    velocity_of, q = here.velocity(checkpoint.networks.policy), here.q()
    steps = list(denoise(velocity_of, noise, here.times))
    final = critic_gradient(q, steps[-1].answer())
    offsets = OFFSET * torch.randn(shape, generator=generator)
    found = {}
    for name, guidance in ESTIMATORS.items():
        curve = Curve([], [], [])
        for step in steps:
            rest = here.times[step.index :]
            own = guidance(velocity_of, q, step.action, rest)
            moved = guidance(velocity_of, q, step.action + offsets, rest)
            curve.foresight.append(_cosine(own, final))
            curve.steadiness.append(_cosine(own, moved))
            curve.length.append(float((own.norm(dim=1) / final.norm(dim=1)).median()))
        found[name] = curve
    return found


def _cosine(one: Tensor, other: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=1).mean())


def draw(found: dict[str, Curve], path: Path) -> None:
    """Foresight and steadiness over the time of the walk."""
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    titles = {
        "foresight": "with the gradient where the walk ends",
        "steadiness": f"with guidance {OFFSET:g} away",
    }
    for axes, (key, title) in zip(panels, titles.items(), strict=True):
        for name, curve in found.items():
            values = vars(curve)[key]
            times = [index / len(values) for index in range(len(values))]
            axes.plot(
                times, values, marker="o", markersize=3, label=name, linewidth=2 if name == "qgf" else 1
            )
        axes.set_xlabel("t")
        axes.set_title(f"cosine of guidance {title}", fontsize=10)
        axes.grid(alpha=0.3)
    panels[1].legend(fontsize=8)
    write_picture(figure, path)


def table(found: dict[str, Curve]) -> str:
    """Means over the walk, first half and second, as a table for people."""
    lines = [
        "| estimator | foresight, t < 0.5 | t >= 0.5 | steadiness, t < 0.5 | t >= 0.5 | length, t < 0.5 |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for name, curve in found.items():
        half = len(curve.length) // 2
        cells = [
            np.mean(part)
            for values in (curve.foresight, curve.steadiness)
            for part in (values[:half], values[half:])
        ]
        cells.append(np.mean(curve.length[:half]))
        lines.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, writes, draws, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints/ur5e_cube")
    parser.add_argument("--contract", type=Path, default=ROOT / "config/contracts/ur5e_cube.yaml")
    parser.add_argument("--task", default="cube-single-task2")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="picture (PNG)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint, load_contract(options.contract).interface)
    observations = seen(checkpoint, options.contract, options.task, options.episodes)
    found = curves(checkpoint, observations)
    if options.json is not None:
        about = {
            "checkpoint": options.checkpoint.name,
            "task": options.task,
            "episodes": options.episodes,
            "observations": len(observations),
            "offset": OFFSET,
        }
        content = about | {"estimators": {name: vars(curve) for name, curve in found.items()}}
        write_whole(options.json, json.dumps(content, indent=1) + "\n")
    if options.out is not None:
        draw(found, options.out)
    print(f"{len(observations)} observations of {options.episodes} unguided episodes\n")
    print(table(found))


if __name__ == "__main__":
    main()
