"""Several runs of one recipe as one program: seeds, or tasks by their labels. Each step is one step of all.

Their networks lie stacked in memory, member e of run s at e S + s, and each run's own networks are views into the stack: they can be saved and
evaluated at any time. On a GPU a layer of all runs is one product. Each run gives what it gives alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from qgf_ros.datatypes import Batch
from qgf_ros.errors import InvalidSetting
from qgf_ros.layers import Layers
from qgf_ros.networks import Networks
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.goal_loop import GoalTrainer
from qgf_ros.train.loop import Draws, Trainer
from qgf_ros.train.update import TrainState

NETWORKS = ("policy", "critic", "target_critic", "value")


@dataclass(frozen=True)
class Together:
    """S runs that differ in seed, data and labels only. `state` is that of the stack; it changes in place, and with it each run's networks."""

    trainers: tuple[Trainer, ...]
    state: TrainState

    @property
    def config(self) -> TrainConfig:
        """That of the first, which differs from the others' in seed and labels."""
        return self.trainers[0].config

    def run_all(self) -> Iterator[list[dict[str, float]]]:
        """Steps as `Trainer.run` does; yields the metrics of each run."""
        first = self.trainers[0]
        while self.state.step < self.config.steps:
            drawn = _stacked_draws([trainer.draws(self.state.step) for trainer in self.trainers])
            metrics = first.take_step(self.state, *drawn)
            for trainer in self.trainers:
                trainer.state.step = self.state.step
            if self.state.step % self.config.log_every == 0 or self.state.step == self.config.steps:
                yield metrics.of_runs(self.state.team)


def together(runs: Sequence[Trainer | GoalTrainer]) -> Together:
    """These runs as one. Raises InvalidSetting where they differ in more than seed, data and labels, or one of them learns goals."""
    trainers = [run for run in runs if isinstance(run, Trainer)]
    if len(trainers) < len(runs):
        raise InvalidSetting(
            "train.goals", "given in one of several runs", "that of a run alone: one seed a call"
        )
    first = trainers[0].config
    for trainer in trainers[1:]:
        if replace(trainer.config, seed=first.seed, relabel=first.relabel) != first:
            raise InvalidSetting("train", trainer.config, "the same for all runs, but for seed and relabel")
    stack = _stacked([trainer.state.networks for trainer in trainers])
    state = TrainState.create(stack, first.update, trainers[0].part, trainers[0].state.team)
    for number, trainer in enumerate(trainers):
        _look_into(stack, trainer.state.networks, number, len(trainers))
    return Together(tuple(trainers), state)


def _stacked(runs: list[Networks]) -> Networks:
    stack = Networks(runs[0].config)
    for name in NETWORKS:
        parts = [getattr(run, name).layers for run in runs]
        getattr(stack, name).layers = _stacked_layers(parts).to(parts[0].first.kernel.device)
    stack.target_critic.requires_grad_(False)
    return stack


def _stacked_layers(parts: list[Layers]) -> Layers:
    like = parts[0]
    kernel, axis = like.first.kernel, like.first.kernel.dim() - 2  # 1 after an ensemble's members
    members = len(parts) * (kernel.shape[0] if axis else 1)
    widths = [dense.kernel.shape[-1] for dense in like.dense]
    outputs = like.out.kernel.shape[-1]
    stack = Layers(kernel.shape[-2], widths, outputs, normalised=len(like.norms), members=members)
    own = [dict(part.named_parameters()) for part in parts]
    with torch.no_grad():
        for name, parameter in stack.named_parameters():
            parameter.copy_(torch.stack([part[name] for part in own], dim=axis).view_as(parameter))
    return stack


def _look_into(stack: Networks, run: Networks, number: int, runs: int) -> None:
    """Makes the parameters of one run views into the stack."""
    whole = dict(stack.named_parameters())
    for name, parameter in run.named_parameters():
        parameter.data = whole[name].data.unflatten(0, (-1, runs))[:, number].view_as(parameter)


def _stacked_draws(drawn: list[Draws]) -> Draws:
    batches, noise, time, delays = zip(*drawn, strict=True)
    fields = {name: torch.stack([batch.__dict__[name] for batch in batches]) for name in batches[0].__dict__}
    told = [delay for delay in delays if delay is not None]
    return Batch(**fields), torch.stack(noise), torch.stack(time), torch.stack(told) if told else None
