"""The written-out sampler on memory that never moves: what a CUDA graph needs. Runs as well without one, on any device."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from qgf_ros.flow.sampler import Estimator
from qgf_ros.inference.engines import written_out
from qgf_ros.inference.engines.torch_operations import TorchOperations
from qgf_ros.inference.engines.written_out import Held, Instant, Nets, Scene

MOST_STEPS = 64


class Packed:
    """Named float32 arrays side by side in one block on a device and one on the host: one copy moves them all."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], device: torch.device) -> None:
        lengths = [math.prod(shape) for shape in shapes.values()]
        pinned = device.type == "cuda"
        self._there = torch.zeros(sum(lengths), device=device)
        self._here = torch.zeros(sum(lengths), pin_memory=pinned)

        def parts(block: Tensor) -> dict[str, Tensor]:
            pieces = block.split(lengths)
            return {
                name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)
            }

        self.on_device = parts(self._there)
        self.on_host = {name: part.numpy() for name, part in parts(self._here).items()}

    def upload(self) -> None:
        """Copies to the device, without waiting for it."""
        self._there.copy_(self._here, non_blocking=True)

    def download(self) -> None:
        """Copies to the host, without waiting for it."""
        self._here.copy_(self._there, non_blocking=True)


class StaticSampler:
    """State: a walk's inputs, where it stands, and its answer, for one number of candidates and one estimator.

    `begin`, then `step` as often as there are steps, then `finish`: each reads and writes only this memory, in the same
    order of operations every time, and none asks the device for a value. One walk at a time.
    """

    def __init__(
        self,
        ops: TorchOperations,
        nets: Nets[Tensor],
        device: torch.device,
        candidates: int,
        estimator: Estimator,
        has_prefix: bool,
    ) -> None:
        """`ops` take every branch; `nets` lie on `device`, with the critic as one ensemble."""
        self._ops, self._nets, self._estimator = ops, nets, estimator
        observed, vector = nets.policy.observation.kernel.shape[0], nets.policy.action.shape[0]
        rows = 1 if nets.policy.flags is None else nets.policy.flags.shape[0]
        self.given = Packed(
            {
                "observation": (1, observed),
                "noise": (candidates, vector),
                "times": (MOST_STEPS,),
                "lengths": (MOST_STEPS,),
                "weights": (MOST_STEPS,),
                "rest": (1,),
                "committed": (vector,),
                "fixed": (vector,),
                "freedom": (vector,),
                "rows": (1, rows),
            },
            device,
        )
        column = (candidates, 1)
        state = {"actions": (candidates, vector), "scores": column, "q_first": column, "norm": column}
        self.answer = Packed(state, device)
        self._action, self._velocity = (torch.zeros(candidates, vector, device=device) for _ in range(2))
        self._index = torch.zeros(1, dtype=torch.int64, device=device)
        self._features = torch.zeros(MOST_STEPS, nets.policy.action.shape[1], device=device)
        width = nets.critics[0].action.shape[-1]
        self._critics = [
            torch.zeros((*net.action.shape[:-2], 1, width), device=device) for net in nets.critics
        ]
        self._has_prefix = has_prefix

    def begin(self) -> None:
        """Takes the inputs; computes what is the same at all steps."""
        given = self.given.on_device
        self.given.upload()
        seen = written_out.normalised(self._nets, given["observation"])
        features = written_out.timed_features(self._ops, self._nets, seen, self._held(), given["times"])
        self._features.copy_(features)
        for buffer, net in zip(self._critics, self._nets.critics, strict=True):
            buffer.copy_(written_out.features(self._ops, net, seen))
        self._action.copy_(given["noise"])
        self._index.zero_()
        self.answer.on_device["norm"].zero_()

    def step(self, is_guided: bool, is_first: bool) -> None:
        """One Euler step from where the walk stands."""
        given, answer = self.given.on_device, self.answer.on_device
        weight = given["weights"].index_select(0, self._index)
        at = Instant(
            features=self._features.index_select(0, self._index),
            time=given["times"].index_select(0, self._index),
            length=given["lengths"].index_select(0, self._index),
            weight=weight,
            is_guided=is_guided,
            is_first_noisy=is_first and self._estimator is Estimator.NOISY,
        )
        step = written_out.step(self._ops, self._scene(), at, self._action)
        self._action.copy_(step.action)
        self._velocity.copy_(step.velocity)
        if is_first:
            answer["q_first"].copy_(step.q)
        if is_guided:
            answer["norm"].addcmul_(step.guidance.norm(dim=1, keepdim=True), weight)
        self._index.add_(1)

    def finish(self, asks_critic: bool) -> None:
        """Ends the walk where it stands, with its velocity kept over `rest` = 1 - t; gives the answer."""
        answer, held = self.answer.on_device, self._held()
        ahead = self._action + self._velocity * self.given.on_device["rest"]
        actions = written_out.replaced(self._ops, held, self._ops.clip(ahead))
        answer["actions"].copy_(actions)
        if asks_critic:
            answer["scores"].copy_(written_out.judge(self._ops, self._scene(), actions))
        else:
            answer["scores"].fill_(float("nan"))
        self.answer.download()

    def stop_at(self, rest: float) -> None:
        """States where a walk that was cut short stands: `finish` will keep its velocity so far."""
        self.given.on_device["rest"].fill_(rest)

    def _held(self) -> Held[Tensor] | None:
        if not self._has_prefix:
            return None
        given = self.given.on_device
        return Held(given["fixed"] > 0.5, given["committed"], given["freedom"], given["rows"])

    def _scene(self) -> Scene[Tensor]:
        return Scene(
            nets=self._nets,
            noise=self.given.on_device["noise"],
            critics=self._critics,
            held=self._held(),
            is_noisy=self._estimator is Estimator.NOISY,
            is_jacobian=self._estimator is Estimator.ONE_STEP_JACOBIAN,
        )
