"""What rivals walk on: observations, noise, the target critic, and actions that the robot is bound to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.flow.committed import Committed
from qgf_ros.flow.denoise import best_of_n, condition_q, condition_velocity, denoise, finish
from qgf_ros.flow.guidance import QFunction, VelocityFunction, guided_velocity
from qgf_ros.flow.sampler import uniform_times
from qgf_ros.networks import VelocityModel

T = TypeVar("T", bound=nn.Module)
Field = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""(a_t (B, D), k) -> velocity and guidance (B, D) at step k of a walk."""


@dataclass(frozen=True)
class Ground:
    """One question to a rival: `observation` (B, O) normalised, `noise` (B * N, D), the K + 1 `times` of the walk."""

    checkpoint: Checkpoint
    observation: Tensor
    noise: Tensor
    times: tuple[float, ...]
    candidates: int
    committed: Committed | None

    def velocity(self, policy: VelocityModel) -> VelocityFunction:
        """(a_t, t) -> v of a policy that sees observations as the parent's does."""
        with torch.no_grad():
            return condition_velocity(policy, self.observation, self.candidates)

    def q(self) -> QFunction:
        """a -> aggregated target Q; committed entries are judged as they will be executed."""
        with torch.no_grad():
            q = condition_q(self.checkpoint.networks.target_critic, self.observation, self.candidates)
        return q if self.committed is None else self.committed.judge(q)

    def unguided(self, velocity_of: VelocityFunction) -> Tensor:
        """The plain walk of a field: finished actions (B * N, D)."""
        return finish(denoise(velocity_of, self.noise, self.times, committed=self.committed))

    def guided(self, field: Field, weight: float) -> Tensor:
        """The walk along v + `weight` g of a `field`: finished actions (B * N, D). Equations (19) to (21) of docs/algorithm.md."""
        action = self.noise
        for index, (time, next_time) in enumerate(pairwise(self.times)):
            action = (
                action if self.committed is None else self.committed.place(action, self.noise, time)
            ).detach()
            velocity, guidance = field(action, index)
            guidance = guidance if self.committed is None else self.committed.hold_back(guidance)
            action = action + (next_time - time) * guided_velocity(velocity, guidance, weight)
        return action.clamp(-1.0, 1.0)

    def chosen(self, actions: Tensor) -> Tensor:
        """Of finished `actions` (B * N, D) the best of each observation (B, D), committed entries replaced."""
        done = actions if self.committed is None else self.committed.replace(actions)
        return done if self.candidates == 1 else best_of_n(self.q(), done, self.candidates)


def ground(
    checkpoint: Checkpoint,
    observations: Tensor,
    noise: Tensor,
    candidates: int,
    committed: Committed | None,
) -> Ground:
    """The question for `observations` (B, O) in the contract's units, at the times of the checkpoint's default walk.

    Raises:
        ShapeMismatch: noise has not B * N rows of D.
    """
    rows, length = len(observations) * candidates, checkpoint.networks.config.vector_dim
    if noise.shape != (rows, length):
        expected = f"({len(observations)} observations x {candidates} candidates, {length})"
        raise ShapeMismatch("noise", tuple(noise.shape), expected)
    normal = checkpoint.normalizer
    mean, scale = (
        torch.as_tensor(value, dtype=noise.dtype, device=noise.device)
        for value in (normal.mean, normal.scale)
    )
    times = uniform_times(checkpoint.defaults.denoise_steps)
    return Ground(checkpoint, (observations - mean) / scale, noise, times, candidates, committed)


def weight_or_default(weight: float | None, checkpoint: Checkpoint) -> float:
    """A guidance weight (action^2 / Q), the checkpoint's own where none is given."""
    return checkpoint.defaults.guidance_weight if weight is None else weight


def learned(extra: nn.Module | None, kind: type[T], name: str) -> T:
    """What a rival learned, known to be of its kind. Raises InvalidSetting for anything else."""
    if not isinstance(extra, kind):
        raise InvalidSetting(
            f"{name}.extra", type(extra).__name__, f"{kind.__name__}, as its `train` returns"
        )
    return extra
