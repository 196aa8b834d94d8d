"""The training loop: batches in, a checkpoint out. It reads no files; data come in, callbacks carry results away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint, load_checkpoint, load_for_policy
from qgf_ros.contract.schema import Interface
from qgf_ros.data.batch import to_batch
from qgf_ros.data.chunks import Windows
from qgf_ros.data.dataset import ALL
from qgf_ros.data.mixture import Windowed
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.datatypes import Batch
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.path import TimeSampling, sample_times
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.team import ALONE, Team
from qgf_ros.train.update import (
    Part,
    TakeStep,
    TrainState,
    cloning_loss,
    judge,
    update,
    update_critic,
    update_policy,
)

ACTION_LIMIT = 1.0 - 1e-5  # the reference clips recorded actions to this
HELD_OUT_WINDOWS = 8192
Draws = tuple[Batch, torch.Tensor, torch.Tensor, torch.Tensor | None]  # batch, flow noise, times, delays
_STREAM_DATA, _STREAM_FLOW, _STREAM_HELD_OUT, _STREAM_DELAY = 1, 2, 3, 4


@dataclass(frozen=True)
class Trainer:
    """Everything a run needs, held together; `part` is what it trains.

    `state` changes in place; each step draws its own random streams from (seed, step), so that an interrupted run continues to
    the same result."""

    config: TrainConfig
    interface: Interface
    training: Windowed
    held_out: Windowed
    normalizer: Normalizer
    state: TrainState
    device: torch.device
    part: Part

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the configured count; yields the metrics of every `log_every`-th step (and of the last)."""
        while self.state.step < self.config.steps:
            metrics = self.take_step(self.state, *self.draws(self.state.step))
            if self.state.step % self.config.log_every == 0 or self.state.step == self.config.steps:
                yield metrics.as_floats(self.state.team)

    def run_all(self) -> Iterator[list[dict[str, float]]]:
        """The same, as of several runs: lists of one."""
        return ([metrics] for metrics in self.run())

    @property
    def take_step(self) -> TakeStep:
        """One gradient step of what is trained."""
        return {Part.BOTH: update, Part.POLICY: update_policy, Part.CRITIC: update_critic}[self.part]

    def draws(self, step: int) -> Draws:
        """What a step is taken with: of its batch this process's share."""
        count = self.config.batch_size
        ours = self.state.team.share(count)
        noise, time = self._flow_draws(count, _STREAM_FLOW, step)
        delay = self._delays(count, step)
        batch = self._batch(self.training, count, _STREAM_DATA, step, ours)
        return batch, noise[ours], time[ours], None if delay is None else delay[ours]

    @torch.no_grad()
    def held_out_flow_loss(self) -> float:
        """The flow-matching loss on episodes that training does not see; the same draws at every call."""
        batch = self._batch(self.held_out, HELD_OUT_WINDOWS, _STREAM_HELD_OUT, 0)
        noise, time = self._flow_draws(HELD_OUT_WINDOWS, _STREAM_HELD_OUT, 0)
        return float(cloning_loss(self.state.networks, batch, noise, time, None))

    def held_out_figures(self) -> dict[str, float]:
        """What a run is told by, beside its metrics."""
        return {"held_out_flow_loss": self.held_out_flow_loss()}

    def held_out_critic_loss(self) -> float:
        """The losses of critic and value together on those episodes; the same draws at every call."""
        metrics = judge(self.state, self._batch(self.held_out, HELD_OUT_WINDOWS, _STREAM_HELD_OUT, 0)).metrics
        return float(metrics.critic_loss + metrics.value_loss)

    def checkpoint(self, defaults: SamplerDefaults, provenance: dict[str, object]) -> Checkpoint:
        """What would be saved now."""
        trained = self.config.update
        grid = TimeGrid(trained.denoise_steps, trained.time_sampling is TimeSampling.CONTINUOUS)
        return Checkpoint(self.state.networks, self.normalizer, self.interface, defaults, provenance, grid)

    def _batch(self, dataset: Windowed, count: int, stream: int, step: int, share: slice = ALL) -> Batch:
        generator = np.random.default_rng([self.config.seed, stream, step])
        windows = dataset.draw(
            count, self.interface.chunk_length, self.config.update.discount, generator, share
        )
        return to_batch(self._prepared(windows), self.device)

    def _prepared(self, windows: Windows) -> Windows:
        return Windows(
            observations=self.normalizer.normalise(windows.observations),
            actions=np.clip(windows.actions, -ACTION_LIMIT, ACTION_LIMIT),
            next_observations=self.normalizer.normalise(windows.next_observations),
            rewards=windows.rewards,
            masks=windows.masks,
            valid=windows.valid,
            terminals=windows.terminals,
        )

    def _delays(self, count: int, step: int) -> torch.Tensor | None:
        longest = self.state.networks.config.max_delay
        if longest == 0:
            return None
        drawn = np.random.default_rng([self.config.seed, _STREAM_DELAY, step]).integers(0, longest + 1, count)
        return torch.from_numpy(drawn).to(self.device)

    def _flow_draws(self, count: int, stream: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        entropy = np.random.SeedSequence([self.config.seed, stream, step]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(entropy >> np.uint64(1)))
        noise = torch.randn(count, self.state.networks.config.vector_dim, generator=generator)
        update_config = self.config.update
        time = sample_times(count, update_config.time_sampling, update_config.denoise_steps, generator)
        return noise.to(self.device), time.to(self.device)


def make_trainer(
    config: TrainConfig,
    interface: Interface,
    training: Windowed,
    held_out: Windowed,
    normalizer: Normalizer,
    device: torch.device,
    team: Team = ALONE,
) -> Trainer:
    """A run before its first step, with networks drawn from the configured seed; `team` trains it together.

    Where the policy is another checkpoint's (`policy_from`) its normalizer is taken with it, instead of `normalizer`.
    """
    sizes = config.networks
    networks = NetworkConfig(
        observation_dim=interface.observation_dim,
        action_dim=interface.action_dim,
        horizon=interface.chunk_length,
        hidden=sizes.hidden,
        num_critics=sizes.num_critics,
        aggregation=sizes.aggregation,
        max_delay=sizes.max_delay,
    )
    made = Networks.create(networks, torch.Generator().manual_seed(config.seed)).to(device)
    if config.critic_from is not None:
        take_critic(made, load_checkpoint(config.critic_from, interface))
    if config.policy_from is not None:
        source = load_for_policy(config.policy_from, interface)
        take_policy(made, source)
        normalizer = source.normalizer  # the policy knows observations in its units only
    state = TrainState.create(made, config.update, config.part, team)
    return Trainer(config, interface, training, held_out, normalizer, state, device, config.part)


def take_policy(networks: Networks, source: Checkpoint) -> None:
    """Copies the policy of a checkpoint into `networks`. Raises InvalidSetting where its layers have other sizes."""
    ours, theirs = networks.policy.state_dict(), source.networks.policy.state_dict()
    if [value.shape for value in ours.values()] != [value.shape for value in theirs.values()]:
        raise InvalidSetting(
            "train.networks", networks.config.hidden, f"as in policy_from: {source.networks.config.hidden}"
        )
    networks.policy.load_state_dict(theirs)


def take_critic(networks: Networks, source: Checkpoint) -> None:
    """Copies critic, target critic and value of a checkpoint into `networks`."""
    networks.critic.load_state_dict(source.networks.critic.state_dict())
    networks.target_critic.load_state_dict(source.networks.target_critic.state_dict())
    networks.value.load_state_dict(source.networks.value.state_dict())


class Run(Protocol):
    """What is driven: one run, or several as one program."""

    @property
    def state(self) -> TrainState:
        """What changes."""
        ...

    @property
    def config(self) -> TrainConfig:
        """What all of it has in common."""
        ...

    def run_all(self) -> Iterator[list[dict[str, float]]]:
        """Steps to the end; yields the metrics of each run, every `log_every`-th step and at the last."""
        ...


def drive(
    whole: Run,
    on_metrics: Callable[[list[dict[str, float]]], None],
    on_save: Callable[[], None],
    on_evaluate: Callable[[], None],
) -> None:
    """Runs to the end and calls back: metrics of each run as they come, saving and evaluating at their intervals and at the end."""
    saved = evaluated = whole.state.step
    for metrics in whole.run_all():
        on_metrics(metrics)
        done = whole.state.step >= whole.config.steps
        if done or whole.state.step - saved >= whole.config.save_every:
            on_save()
            saved = whole.state.step
        if done or whole.state.step - evaluated >= whole.config.evaluate_every:
            on_evaluate()
            evaluated = whole.state.step
