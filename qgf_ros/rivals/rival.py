"""What every rival is: a name, where it comes from, what it must be taught, how it acts, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple, Self

from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.mixture import Windowed
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.committed import Committed
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.rivals.ground import Ground, ground
from qgf_ros.train.config import TrainConfig

OnMetrics = Callable[[int, float], None]
"""(step, loss): called every `log_every` steps of a training and after the last."""


class Stage(Enum):
    """When a rival improves on the cloned policy: while it acts, or while another policy is trained."""

    TEST_TIME = "test time"
    TRAINING_TIME = "training time"


class Knob(NamedTuple):
    """The one constant of a rival that is tuned: the name of its field, and the values tried, as many as for every other rival."""

    name: str
    values: tuple[float, ...]


class Passes(NamedTuple):
    """How often networks are evaluated for one chunk, in rows: N candidates that are walked together count N times.

    A forward pass of a critic counts all its members once; a backward pass is one from a network's output to its action input.
    """

    policy_forward: int = 0
    policy_backward: int = 0
    critic_forward: int = 0
    critic_backward: int = 0


class Native(NamedTuple):
    """A checkpoint and the sampler with which every engine acts as the rival does."""

    checkpoint: Checkpoint
    sampler: SamplerConfig


@dataclass(frozen=True, kw_only=True)
class Rival(ABC):
    """One method with its constants. Frozen: another constant is another rival.

    `source` names paper and equation or section; `candidates` N finished chunks are compared by the target critic.
    """

    name: str
    source: str
    stage: Stage = Stage.TEST_TIME
    knob: Knob | None = None
    candidates: int = 1

    def __post_init__(self) -> None:
        """Check the count; raises InvalidSetting."""
        if self.candidates < 1:
            raise InvalidSetting(f"{self.name}.candidates", self.candidates, "a positive whole number")

    def tuned(self, value: float) -> Self:
        """The same rival with another value of its knob. Raises InvalidSetting where it has none."""
        if self.knob is None:
            raise InvalidSetting(f"{self.name}.knob", value, "absent: this rival has nothing to tune")
        changed: dict[str, Any] = {self.knob.name: value}
        return replace(self, **changed)

    def blank(self, parent: Checkpoint, seed: int) -> nn.Module | None:
        """What `train` would begin with; None where nothing is learned beyond the parent's networks."""
        return None

    def train(
        self,
        parent: Checkpoint,
        training: Windowed,
        config: TrainConfig,
        *,
        together: bool = False,
        on_metrics: OnMetrics | None = None,
    ) -> nn.Module | None:
        """What the rival needs beyond the parent's networks, frozen and on the CPU; None where it needs nothing.

        Equal arguments give equal weights. `together`: the parent's policy and critic grow beside the rival, from nothing, as in most
        sources; else they are the parent's, finished.
        """
        return None

    def act(
        self,
        checkpoint: Checkpoint,
        extra: nn.Module | None,
        observations: Tensor,
        noise: Tensor,
        committed: Committed | None = None,
    ) -> Tensor:
        """Action vectors (B, D) in [-1, 1] for `observations` (B, O) in the contract's units, from standard normal `noise` (B * N, D).

        Rows i N to i N + N - 1 of the noise are the candidates of observation i. `extra` is what `train` gave. `committed` entries
        of the chunk are as the robot is bound to execute them.

        Raises:
            ShapeMismatch: noise has not B * N rows.
            InvalidSetting: `extra` is not what this rival learns.
        """
        here = ground(checkpoint, observations, noise, self.candidates, committed)
        return here.chosen(self.finished(here, extra))

    @abstractmethod
    def finished(self, here: Ground, extra: nn.Module | None) -> Tensor:
        """Its answer to each row of `here.noise`: action vectors (B * N, D) in [-1, 1], among which the critic chooses.

        Raises InvalidSetting: `extra` is not what this rival learns.
        """

    def passes(self, denoise_steps: int) -> Passes:
        """What one chunk costs: N candidates, and, of several, one pass of the critic for each to choose."""
        count, each = (
            self.candidates,
            Passes(*(self.candidates * passes for passes in self.passes_each(denoise_steps))),
        )
        return each if count == 1 else each._replace(critic_forward=each.critic_forward + count)

    @abstractmethod
    def passes_each(self, denoise_steps: int) -> Passes:
        """What one candidate costs in a walk of K steps."""

    def native(self, checkpoint: Checkpoint, extra: nn.Module | None) -> Native | None:
        """How every engine acts as this rival; None where no engine but `RivalEngine` does."""
        return None
