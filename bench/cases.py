"""What is measured: networks of the stated sizes with random weights, an observation, noise and a walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sized_interface import interface_of_sizes

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerConfig, SamplerDefaults, Walk
from qgf_ros.networks import NetworkConfig, Networks

FloatArray = npt.NDArray[np.float32]

OBSERVED, ACTION, HORIZON = 40, 5, 5  # D = 25
VECTOR = ACTION * HORIZON


@dataclass(frozen=True)
class Case:
    """One size of problem. `net` is written DEPTHxWIDTH; `candidates` is N; the walk has `steps` K, all of them guided."""

    net: str
    candidates: int
    steps: int = 10
    critics: int = 2
    weight: float = 1.0

    @property
    def hidden(self) -> tuple[int, ...]:
        """The hidden widths."""
        depth, width = (int(part) for part in self.net.split("x"))
        return (width,) * depth

    @property
    def name(self) -> str:
        """The case as ratios name it, for example 4x512/n1; what differs from the usual case is added."""
        extra = "" if self.steps == 10 else f"/k{self.steps}"
        extra += "" if self.critics == 2 else f"/e{self.critics}"
        return f"{self.net}/n{self.candidates}{extra}"

    def walk(self) -> Walk:
        """Equal steps of constant weight."""
        return SamplerConfig(self.steps, self.weight, candidates=self.candidates).walk()

    def question(self, index: int = 0) -> tuple[FloatArray, FloatArray]:
        """An observation (O,) and noise (N, D), drawn from `index`."""
        draw = np.random.default_rng([index, self.candidates])
        observation = draw.standard_normal(OBSERVED, dtype=np.float32)
        return observation, draw.standard_normal((self.candidates, VECTOR), dtype=np.float32)


def make_checkpoint(case: Case) -> Checkpoint:
    """Networks drawn from a fixed seed, biases and scales included, as a checkpoint of a made-up arm."""
    draw = torch.Generator().manual_seed(0)
    networks = Networks.create(
        NetworkConfig(OBSERVED, ACTION, HORIZON, case.hidden, num_critics=case.critics), draw
    )
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.add_(0.02 * torch.rand(parameter.shape, generator=draw) - 0.01)
    rng = np.random.default_rng(0)
    mean, scale = rng.normal(size=OBSERVED), rng.uniform(0.5, 2.0, OBSERVED)
    return Checkpoint(
        networks.requires_grad_(False).eval(),
        Normalizer(mean.astype(np.float32), scale.astype(np.float32)),
        interface_of_sizes(OBSERVED, ACTION, HORIZON),
        SamplerDefaults(),
        {"made": "for timing"},
    )
