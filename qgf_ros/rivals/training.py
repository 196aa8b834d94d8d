"""How a rival is taught: one loop over the parent's data with the parent's networks beside it. It reads no files; data come in.

Each step draws the very batch, noise and times that the parent's own training draws at this step and seed (`train.loop.Trainer`);
what a rival draws beyond them has a stream of its own. A rival's loss is differentiated to its network's output by autograd and from
there by the written-out passes of all training (`train.gradients`), with the parent's optimiser (Adam, its learning rate).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.data.mixture import Windowed
from qgf_ros.datatypes import Batch
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.denoise import condition_q
from qgf_ros.flow.guidance import QFunction
from qgf_ros.flow.path import TimeSampling
from qgf_ros.flow.sampler import uniform_times
from qgf_ros.networks import NetworkConfig, Networks, VelocityField
from qgf_ros.rivals.rival import OnMetrics, Rival, Stage
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.finetune import copied
from qgf_ros.train.gradients import Forward, backward, in_one_piece
from qgf_ros.train.loop import Trainer
from qgf_ros.train.update import Part, TrainState, action_vector, update

_STREAM_OWN, _STREAM_BEGIN = 21, 22  # beside those of train/loop.py


@dataclass(frozen=True)
class Lesson:
    """What a rival learns from at one step.

    `networks` are the parent's: cloned policy, target critic, value; finished, or, where they grow beside the rival, as they are before
    the step. `batch` has normalised observations; `action` (B, D) are its action vectors, `noise` (B, D) and `time` (B,) draws of the
    flow. `generator` gives what else is drawn, on the CPU. `steps` K of the parent's walk.
    """

    networks: Networks
    batch: Batch
    action: Tensor
    noise: Tensor
    time: Tensor
    generator: torch.Generator
    steps: int

    def q(self) -> QFunction:
        """a (B, D) -> aggregated target Q (B,) at the batch's observations, differentiable in a."""
        with torch.no_grad():
            return condition_q(self.networks.target_critic, self.batch.observations)

    def times(self) -> tuple[float, ...]:
        """The K + 1 times of a walk."""
        return uniform_times(self.steps)

    def normal(self) -> Tensor:
        """More standard normal noise (B, D)."""
        return torch.randn(self.noise.shape, generator=self.generator, dtype=self.noise.dtype)


@dataclass(frozen=True, kw_only=True)
class Taught(Rival):
    """A rival with a network of its own, its student. `clip_norm`: the longest gradient of a step; None: any."""

    stage: Stage = Stage.TRAINING_TIME
    clip_norm: float | None = None

    @abstractmethod
    def student(self, parent: Networks, generator: torch.Generator) -> nn.Module:
        """The network before its first step, of the parent's sizes."""

    @abstractmethod
    def lesson_loss(self, student: nn.Module, lesson: Lesson) -> tuple[Forward, Tensor]:
        """The student's layers evaluated at the lesson, and the loss () of their output."""

    def blank(self, parent: Checkpoint, seed: int) -> nn.Module:
        """See `Rival.blank`."""
        return self.student(parent.networks, torch.Generator().manual_seed(_own_seed(seed, _STREAM_BEGIN, 0)))

    def train(
        self,
        parent: Checkpoint,
        training: Windowed,
        config: TrainConfig,
        *,
        together: bool = False,
        on_metrics: OnMetrics | None = None,
    ) -> nn.Module:
        """See `Rival.train`. Of `config` counts, seed and update are used; the times are those that the parent's policy was trained at.

        Raises:
            InvalidSetting: the parent's policy is told of committed actions, which no source of a rival knows.
        """
        trainer = _beside(parent, training, config, together)
        networks = trainer.state.networks
        student = self.student(
            networks, torch.Generator().manual_seed(_own_seed(config.seed, _STREAM_BEGIN, 0))
        )
        whole = in_one_piece(list(student.requires_grad_().parameters()))
        adam = torch.optim.Adam(
            [whole], lr=config.update.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True
        )
        for step in range(config.steps):
            batch, noise, time, _ = trainer.draws(step)
            generator = torch.Generator().manual_seed(_own_seed(config.seed, _STREAM_OWN, step))
            action = action_vector(batch.actions, networks.config)
            lesson = Lesson(networks, batch, action, noise, time, generator, parent.defaults.denoise_steps)
            evaluated, loss = self.lesson_loss(student, lesson)
            (gradient,) = torch.autograd.grad(loss, evaluated.output)
            backward(evaluated, gradient)
            if self.clip_norm is not None:
                nn.utils.clip_grad_norm_([whole], self.clip_norm)
            if together:  # after the loss: it used the parameters from before the step
                update(trainer.state, batch, noise, time)
            adam.step()
            done = step + 1
            if on_metrics is not None and (done % config.log_every == 0 or done == config.steps):
                on_metrics(done, float(loss.detach()))
        return student.requires_grad_(False).eval()


def fresh_policy(config: NetworkConfig, generator: torch.Generator) -> VelocityField:
    """A policy before its first step."""
    policy = VelocityField(config)
    policy.initialise(generator)
    return policy


def _beside(parent: Checkpoint, training: Windowed, config: TrainConfig, together: bool) -> Trainer:
    """The parent's run: what draws batches, and, where it goes on `together` with the rival's, is trained."""
    if parent.networks.config.max_delay > 0:
        found = parent.networks.config.max_delay
        raise InvalidSetting("parent.max_delay", found, "0: rivals are not told of committed actions")
    grid = parent.grid
    sampling = TimeSampling.CONTINUOUS if grid.continuous else TimeSampling.DISCRETE
    config = replace(config, update=replace(config.update, denoise_steps=grid.steps, time_sampling=sampling))
    if together:
        networks = Networks.create(parent.networks.config, torch.Generator().manual_seed(config.seed))
        state = TrainState.create(networks, config.update, Part.BOTH)
    else:
        networks = copied(parent.networks)
        state = TrainState.create(networks, config.update, Part.BOTH)
        networks.requires_grad_(False)
    cpu = torch.device("cpu")
    return Trainer(config, parent.interface, training, training, parent.normalizer, state, cpu, Part.BOTH)


def _own_seed(seed: int, stream: int, step: int) -> int:
    entropy = np.random.SeedSequence([seed, stream, step]).generate_state(1, np.uint64)[0]
    return int(entropy >> np.uint64(1))
