"""The guided policy: observation in, action chunk and report out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import ActionChunk, Observation
from qgf_ros.errors import ShapeMismatch
from qgf_ros.flow.denoise import DenoiseStep, SamplerConfig, condition_q, condition_velocity, denoise
from qgf_ros.flow.guidance import Guide
from qgf_ros.flow.path import uniform_times


@dataclass(frozen=True)
class SamplerReport:
    """What one chunk took and gave; Q is the aggregated target critic's, of the chosen candidate.

    `q_first`: at the first clean-action estimate, before any guidance (nan when unguided). `q_final`: of the chunk (nan
    when the critic was not asked). `guidance_norm`: mean over guided steps of |w g|, in action units per unit of time.
    """

    denoise_steps: int
    guided_steps: int
    weight: float
    candidates: int
    q_first: float
    q_final: float
    guidance_norm: float


@dataclass(frozen=True)
class Proposal:
    """A chunk for the robot and how it came about."""

    chunk: ActionChunk
    report: SamplerReport


class ChunkPolicy:
    """Samples chunks with a checkpoint's networks on one device. Stateless between calls."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self._networks = checkpoint.networks.to(device)
        self._normalizer = checkpoint.normalizer
        self._device = device
        self._interface: Interface = checkpoint.interface
        dimensions = self._interface.action.dimensions
        self._scale = np.array([dimension.scale for dimension in dimensions])
        self._centre = np.array([dimension.centre for dimension in dimensions])

    def propose(self, observation: Observation, sampler: SamplerConfig, seed: int, index: int) -> Proposal:
        """The chunk number `index` of an episode whose noise is drawn from `seed`: equal inputs, equal chunk.

        Raises:
            ShapeMismatch: the observation has another length than the interface.
        """
        if observation.values.shape != (self._interface.observation_dim,):
            raise ShapeMismatch(
                "observation", observation.values.shape, f"({self._interface.observation_dim},)"
            )
        normalised = torch.from_numpy(self._normalizer.normalise(observation.values)[None]).to(self._device)
        noise = draw_noise(seed, index, sampler.candidates, self._networks.config.vector_dim)
        values, report = self._sample(normalised, torch.from_numpy(noise).to(self._device), sampler)
        actions = (
            values.reshape(self._interface.chunk_length, -1).astype(np.float64) * self._scale + self._centre
        )
        return Proposal(ActionChunk(self._interface.action.names, actions, observation.stamp_ns), report)

    def _sample(
        self, observation: torch.Tensor, noise: torch.Tensor, sampler: SamplerConfig
    ) -> tuple[npt.NDArray[np.float32], SamplerReport]:
        with torch.no_grad():
            velocity_of = condition_velocity(self._networks.policy, observation, sampler.candidates)
            q = condition_q(self._networks.target_critic, observation, sampler.candidates)
        guide = Guide(q, sampler.weight, sampler.estimator) if sampler.guided else None
        steps = list(denoise(velocity_of, noise, uniform_times(sampler.denoise_steps), guide))
        final = steps[-1].next_action.clamp(-1.0, 1.0)
        asked = guide is not None or sampler.candidates > 1
        with torch.no_grad():
            scores = q(final) if asked else torch.full((len(final),), float("nan"))
            best = int(scores.argmax()) if asked else 0
            q_first = float(q(steps[0].clean_estimate())[best]) if guide is not None else float("nan")
        guided = [step for step in steps if step.guided is not None]
        report = SamplerReport(
            denoise_steps=len(steps),
            guided_steps=len(guided),
            weight=float(max((step.weight for step in guided), default=0.0)),
            candidates=sampler.candidates,
            q_first=q_first,
            q_final=float(scores[best]),
            guidance_norm=float(np.mean([_guidance_norm(step, best) for step in guided])) if guided else 0.0,
        )
        return final[best].cpu().numpy(), report


def draw_noise(seed: int, index: int, candidates: int, vector_dim: int) -> npt.NDArray[np.float32]:
    """Standard normal noise (N, D) for chunk `index` of the episode `seed`; candidate 0 does not depend on N."""
    return np.random.default_rng([seed, index]).standard_normal((candidates, vector_dim), dtype=np.float32)


def _guidance_norm(step: DenoiseStep, row: int) -> float:
    assert step.guided is not None, "callers filter"
    return step.weight * float(step.guided.guidance[row].norm())
