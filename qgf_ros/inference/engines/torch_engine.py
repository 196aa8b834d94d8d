"""Engine `torch`: the written-out page in PyTorch, without autograd. The fallback where nothing faster runs."""

from __future__ import annotations

import torch
from torch import Tensor

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator, Walk
from qgf_ros.inference.engines import written_out
from qgf_ros.inference.engines.engine import Precision, Question, Sample, check_told
from qgf_ros.inference.engines.torch_operations import TorchOperations, torch_nets
from qgf_ros.inference.engines.written_out import Held, Instant, Scene, Step


class TorchEngine:
    """Samples with a checkpoint's networks on one device; in float32 its weights are shared, not copied."""

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, precision: Precision, instead: str = ""
    ) -> None:
        """Takes the networks to `device`. `instead`: a sentence why it stands in for another engine, for the log."""
        self._nets = torch_nets(checkpoint, device, precision, together=device.type != "cpu")
        self._ops = TorchOperations(branches=True).to(device)
        self._device = device
        self._precision = precision
        self._instead = instead
        self._longest = checkpoint.networks.config.max_delay

    @property
    def description(self) -> str:
        """Which engine, precision and device, and why it is not the one that was asked for."""
        words = f"torch ({self._precision.value}, written out, {self._device})"
        return f"{words}. {self._instead}" if self._instead else words

    @torch.inference_mode()
    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`."""
        walk, prefix, go_on = question.walk, question.prefix, question.go_on
        check_told(prefix, self._longest)
        ops, nets = self._ops, self._nets
        start = torch.from_numpy(question.noise).to(self._device)
        seen = written_out.normalised(nets, torch.from_numpy(question.observation[None]).to(self._device))
        times = torch.tensor(walk.times[:-1], dtype=torch.float32, device=self._device)
        scene = self._scene(seen, start, walk, prefix)
        features = written_out.timed_features(ops, nets, seen, scene.held, times)
        steps: list[Step[Tensor]] = []
        while len(steps) < walk.steps and (not steps or go_on is None or go_on(len(steps))):
            at = _instant(walk, len(steps), features)
            steps.append(written_out.step(ops, scene, at, steps[-1].action if steps else start))
        actions = written_out.finished(ops, scene.held, steps[-1], walk.times[len(steps)])
        if walk.asks_critic:
            scores = written_out.judge(ops, scene, actions)[:, 0]
        else:
            scores = torch.full((len(actions),), float("nan"))
        return _sample(walk, steps, actions, scores)

    def _scene(self, seen: Tensor, noise: Tensor, walk: Walk, prefix: Prefix | None) -> Scene[Tensor]:
        asks = walk.asks_critic
        return Scene(
            nets=self._nets,
            noise=noise,
            critics=[written_out.features(self._ops, net, seen) for net in self._nets.critics]
            if asks
            else [],
            held=None if prefix is None else held(prefix, self._device),
            is_noisy=walk.estimator is Estimator.NOISY,
            is_jacobian=walk.estimator is Estimator.ONE_STEP_JACOBIAN,
        )


def held(prefix: Prefix, device: torch.device) -> Held[Tensor]:
    """A prefix as the page reads it, on a device."""
    actions = torch.from_numpy(prefix.vector)
    return Held(
        fixed=(torch.arange(len(actions)) < prefix.entries).to(device),
        actions=actions.to(device),
        freedom=torch.from_numpy(prefix.freedom).to(device),
        rows=torch.from_numpy(prefix.rows[None]).to(device),
    )


def _instant(walk: Walk, index: int, features: Tensor) -> Instant[Tensor]:
    time, weight = walk.times[index], walk.weights[index]
    return Instant(
        features=features[index : index + 1],
        time=time,
        length=walk.times[index + 1] - time,
        weight=weight,
        is_guided=weight != 0.0,
        is_first_noisy=index == 0 and walk.estimator is Estimator.NOISY,
    )


def _sample(walk: Walk, steps: list[Step[Tensor]], actions: Tensor, scores: Tensor) -> Sample:
    best = int(scores.argmax()) if walk.asks_critic else 0
    norms = [
        weight * float(step.guidance[best].norm())
        for weight, step in zip(walk.weights, steps, strict=False)
        if weight != 0.0
    ]
    return Sample(
        actions=actions.cpu().numpy(),
        scores=scores.cpu().numpy(),
        best=best,
        q_first=float(steps[0].q[best, 0]),
        guidance_norm=sum(norms) / len(norms) if norms else 0.0,
        steps=len(steps),
    )
