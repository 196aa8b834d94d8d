"""What every engine does: one guided walk for one observation. Imports no torch.

The specification is `engines/reference.py`; every other engine gives the same sample within its stated error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Walk

Float32 = npt.NDArray[np.float32]

GoOn = Callable[[int], bool]
"""k -> whether step k may begin; asked before every step but the first. False cuts the walk short."""


class EngineName(Enum):
    """Engines by the name that a user writes. AUTO: cpu; cuda_graph only where the device is CUDA by name, until it has run on one."""

    AUTO = "auto"
    REFERENCE = "reference"
    TORCH = "torch"
    CPU = "cpu"
    CUDA_GRAPH = "cuda_graph"
    ONNX = "onnx"


class Precision(Enum):
    """How weights are stored while sampling; activations and sums stay float32 on the CPU."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class EngineConfig:
    """Which engine, and what it may use: CPU threads, and how much of a GPU's memory."""

    name: EngineName = EngineName.AUTO
    precision: Precision = Precision.FP32
    threads: int = 1
    gpu_memory_share: float = 1.0


@dataclass(frozen=True)
class Question:
    """What an engine is asked: chunks for `observation` (O,), in the contract's units, from `noise` (N, D) along `walk`.

    `prefix`: what the robot is about to do; `go_on`: may cut the walk short.
    """

    observation: Float32
    noise: Float32
    walk: Walk
    prefix: Prefix | None = None
    go_on: GoOn | None = None


@dataclass(frozen=True)
class Sample:
    """What a walk gave.

    `actions` (N, D) in [-1, 1], committed entries replaced; `scores` (N,) their aggregated target Q, nan where the critic
    was not asked (`Walk.asks_critic`); `best` the row of the highest score, else 0. `q_first`: aggregated Q of the best
    row's clean-action estimate at the first step, before any guidance (nan where that step is unguided).
    `guidance_norm`: mean over guided steps of |w g| of the best row, in action units per unit of time. `steps` walked.
    """

    actions: Float32
    scores: Float32
    best: int
    q_first: float
    guidance_norm: float
    steps: int


class Engine(Protocol):
    """Networks of one checkpoint, ready to sample. One thread at a time."""

    @property
    def description(self) -> str:
        """Which engine, precision, device and threads, in a few words for the log."""
        ...

    def sample(self, question: Question) -> Sample:
        """The chunks for the question's observation.

        Cut short after step k, the answer is clip(a + (1 - t) v) with a and t after that step and v its velocity.
        """
        ...


def check_told(prefix: Prefix | None, longest: int) -> None:
    """Raises InvalidSetting where a policy that is told of up to `longest` committed actions (0: never) gets more."""
    if prefix is not None:
        check_delay(prefix.delay, longest)


def check_delay(delay: int, longest: int) -> None:
    """Raises InvalidSetting where `delay` actions are more than a policy was trained to be told of (`longest`; 0: never)."""
    if 0 < longest < delay:
        accepted = f"at most {longest}, the longest that this policy was trained with"
        raise InvalidSetting("delay", delay, accepted)
