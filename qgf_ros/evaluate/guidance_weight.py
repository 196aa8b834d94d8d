"""A guidance weight from logged data: how far guidance moves chunks, as a share of the policy's own spread. Ours; docs/adr/0032."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from scipy.optimize import brentq
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.chunks import Windows
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.denoise import condition_q, condition_velocity, denoise, finish
from qgf_ros.flow.guidance import Guide, critic_gradient, sloped
from qgf_ros.flow.sampler import uniform_times

WALKS = 4  # of each observation
FIRST_FACTOR, FURTHEST_FACTOR = 4.0, 4.0**12  # how a bracket around the weight grows
EXACT = 1e-5  # of a weight, relative


@dataclass(frozen=True)
class Pull:
    """What a weight does to chunks, in the mean over logged observations.

    `strength`: the root mean square by which guided chunks differ from unguided ones of the same noise, as a share of the standard
    deviation of unguided chunks of one observation; all walks begin at the noise of training, whatever the checkpoint's default.
    `gain`: of aggregated target Q, as a share of its standard deviation there. `worse`: the share of chunks whose Q fell. `clipped`: the share of components at an end of their range.
    """

    weight: float
    strength: float
    gain: float
    worse: float
    clipped: float


class Yardstick:
    """A checkpoint's unguided walks for logged observations, and what weights make of them. Holds the networks and all walks."""

    def __init__(self, checkpoint: Checkpoint, windows: Windows, seed: int = 0) -> None:
        """Raises InvalidSetting where all walks of an observation end in one chunk: then there is no spread to measure by."""
        networks, defaults = checkpoint.networks, checkpoint.defaults
        observations = torch.from_numpy(checkpoint.normalizer.normalise(windows.observations))
        rows = len(observations) * WALKS
        generator = torch.Generator().manual_seed(seed)
        self._noise = torch.randn(rows, networks.config.vector_dim, generator=generator)
        self._times, self._estimator = uniform_times(defaults.denoise_steps), defaults.estimator
        with torch.no_grad():
            self._velocity_of = condition_velocity(networks.policy, observations, WALKS)
            answer_of = condition_q(networks.target_critic, _judged(checkpoint, observations), WALKS)
            self._q_of = sloped(answer_of, defaults.slope)
            self._unguided = finish(denoise(self._velocity_of, self._noise, self._times))
            self._q = self._q_of(self._unguided)
        self._spread, self._q_spread = _within(self._unguided), _within(self._q.unsqueeze(-1))
        if not self._spread > 0.0:
            raise InvalidSetting(
                "the policy's spread", self._spread, "above 0 for a strength to be a share of"
            )

    def pull(self, weight: float) -> Pull:
        """What `weight` does."""
        guided = finish(denoise(self._velocity_of, self._noise, self._times, self._guide(weight)))
        with torch.no_grad():
            gain = self._q_of(guided) - self._q
        return Pull(
            weight,
            _root_mean_square(guided - self._unguided) / self._spread,
            float(gain.mean()) / self._q_spread if self._q_spread > 0.0 else 0.0,
            float((gain < 0.0).float().mean()),
            float((guided.abs() >= 1.0 - 1e-4).float().mean()),
        )

    def weight_of(self, strength: float) -> float:
        """The weight of this strength.

        Raises:
            InvalidSetting: a strength that is not above 0, or that no weight reaches: the critic has no slope at the policy's chunks,
                or the action's range ends before.
        """
        if not (strength > 0.0 and math.isfinite(strength)):
            raise InvalidSetting("strength", strength, "a number above 0")
        slope = _root_mean_square(critic_gradient(self._q_of, self._unguided))
        if not (slope > 0.0 and math.isfinite(slope)):
            raise InvalidSetting("strength", strength, "0: the critic has no slope at the policy's chunks")

        def beyond(log_weight: float) -> float:
            return math.log(max(self.pull(math.exp(log_weight)).strength, 1e-12) / strength)

        low = high = math.log(strength * self._spread / slope)
        step, furthest = math.log(FIRST_FACTOR), math.log(FURTHEST_FACTOR)
        first = low
        while beyond(low) > 0.0:
            low, high = low - step, low
        while beyond(high) < 0.0:
            if high - first > furthest:
                most = self.pull(math.exp(high)).strength
                raise InvalidSetting(
                    "strength", strength, f"at most {most:.3g}: no weight moves chunks further"
                )
            low, high = high, high + step
        return math.exp(brentq(beyond, low, high, xtol=EXACT)) if low < high else math.exp(low)

    def _guide(self, weight: float) -> Guide:
        return Guide(self._q_of, weight, self._estimator)


def with_weight(checkpoint: Checkpoint, weight: float) -> Checkpoint:
    """The same checkpoint with another guidance weight as its default."""
    defaults = dataclasses.replace(checkpoint.defaults, guidance_weight=weight)
    return dataclasses.replace(checkpoint, defaults=defaults)


def weighed_like(checkpoint: Checkpoint, parent: Checkpoint, windows: Windows) -> Checkpoint:
    """The checkpoint with the weight at which guidance is as strong as the parent's is at the parent's weight.

    The weight has the unit action^2 / Q, so it follows the critic's scale and travels with it. A parent that is not guided, a critic
    without any slope, or a policy without any spread: the weight stays.
    """
    try:
        weight, yardstick = parent.defaults.guidance_weight, Yardstick(checkpoint, windows)
        strength = Yardstick(parent, windows).pull(weight).strength
        if math.isclose(yardstick.pull(weight).strength, strength, rel_tol=EXACT):
            return checkpoint
        return with_weight(checkpoint, yardstick.weight_of(strength))
    except InvalidSetting:
        return checkpoint


def _judged(checkpoint: Checkpoint, observations: Tensor) -> Tensor:
    """What the critic sees of normalised observations (B, O): with goals (B, O + G), each told a place that another one shows."""
    goal = checkpoint.interface.goal
    if goal is None:
        return observations
    places = observations[:, checkpoint.interface.slice_of(goal.term)].roll(len(observations) // 2, dims=0)
    return torch.cat([observations, places], dim=-1)


def _within(values: Tensor) -> float:
    """Standard deviation (biased by none) of rows (B * WALKS, D) within the walks of one observation."""
    return float(values.view(-1, WALKS, values.shape[-1]).var(1).mean().sqrt())


def _root_mean_square(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
