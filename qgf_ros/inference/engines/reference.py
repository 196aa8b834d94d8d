"""The specification of all engines: autograd through the networks, one step of the walk after another."""

from __future__ import annotations

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.committed import make_committed
from qgf_ros.flow.denoise import DenoiseStep, condition_q, condition_velocity, denoise
from qgf_ros.flow.guidance import Guide, sloped
from qgf_ros.flow.prefix import Prefix, PrefixMethod
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.inference.engines.engine import Question, Sample


class ReferenceEngine:
    """Samples with a checkpoint's networks on one device. Stateless between calls."""

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, method: PrefixMethod | None = None
    ) -> None:
        """Takes the networks to `device`. `method` None: CONDITIONED where the policy is told, else OVERWRITING.

        Raises:
            InvalidSetting: CONDITIONED for a policy that is not told.
            NoGoalError: the critic must be told of a goal, and was not.
        """
        check_of_one_goal(checkpoint, "Engine reference")
        told = checkpoint.networks.config.max_delay > 0
        self._method = method or (PrefixMethod.CONDITIONED if told else PrefixMethod.OVERWRITING)
        if self._method is PrefixMethod.CONDITIONED and not told:
            accepted = "another method, or a checkpoint trained with networks.max_delay"
            raise InvalidSetting("prefix method", self._method.value, accepted)
        self._networks = checkpoint.networks.to(device)
        self._normalizer = checkpoint.normalizer
        self._device = device
        self._slope = checkpoint.defaults.slope

    @property
    def description(self) -> str:
        """Which engine, and where."""
        return f"reference (autograd, {self._device})"

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`."""
        walk, prefix, go_on = question.walk, question.prefix, question.go_on
        normalised = torch.from_numpy(self._normalizer.normalise(question.observation[None])).to(self._device)
        committed = None if prefix is None else make_committed(self._method, prefix, self._device)
        rows = None if prefix is None else self._flags(prefix)
        with torch.no_grad():
            velocity_of = condition_velocity(self._networks.policy, normalised, walk.candidates, rows)
            q = condition_q(self._networks.target_critic, normalised, walk.candidates)
        q = sloped(q, self._slope)
        if committed is not None:
            q = committed.judge(q)
        weight_at = dict(zip(walk.times, walk.weights, strict=False))
        guide = Guide(q, weight_at.__getitem__, walk.estimator)
        start = torch.from_numpy(question.noise).to(self._device)
        steps: list[DenoiseStep] = []
        for step in denoise(velocity_of, start, walk.times, guide, committed):
            steps.append(step)
            if go_on is not None and len(steps) < walk.steps and not go_on(len(steps)):
                break
        final = steps[-1].answer() if committed is None else committed.replace(steps[-1].answer())
        with torch.no_grad():
            scores = q(final) if walk.asks_critic else torch.full((len(final),), float("nan"))
            best = int(scores.argmax()) if walk.asks_critic else 0
            is_guided = steps[0].guided is not None
            q_first = float(q(steps[0].clean_estimate())[best]) if is_guided else float("nan")
        norms = [s.weight * float(s.guided.guidance[best].norm()) for s in steps if s.guided is not None]
        return Sample(
            actions=final.cpu().numpy(),
            scores=scores.cpu().numpy(),
            best=best,
            q_first=q_first,
            guidance_norm=float(np.mean(norms)) if norms else 0.0,
            steps=len(steps),
        )

    def _flags(self, prefix: Prefix) -> torch.Tensor | None:
        if self._method is not PrefixMethod.CONDITIONED:
            return None
        longest = self._networks.config.max_delay
        if prefix.delay > longest:
            raise InvalidSetting(
                "delay", prefix.delay, f"at most {longest}, the longest that this policy was trained with"
            )
        return torch.from_numpy(prefix.rows).to(self._device)
