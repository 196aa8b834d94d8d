"""The training loop of critics that are told goals: windows with goals in hindsight in, a checkpoint for all goals out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint, load_for_policy
from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import Slice
from qgf_ros.data.hindsight import GoalWindows, Hindsight
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig
from qgf_ros.train.config import TrainConfig
from qgf_ros.train.goal_update import (
    GoalBatch,
    GoalConfig,
    GoalNetworks,
    goal_state,
    update_for_goals,
)
from qgf_ros.train.loop import ACTION_LIMIT, take_policy
from qgf_ros.train.team import ALONE, Team
from qgf_ros.train.update import TrainState

_STREAM_GOALS = 6


@dataclass(frozen=True)
class GoalTrainer:
    """Everything a run needs, held together; `grid` is that of the policy which is taken over. `state` changes in place, and each
    step draws from (seed, step), as in `loop.Trainer`."""

    config: TrainConfig
    goals: GoalConfig
    interface: Interface
    training: Hindsight
    normalizer: Normalizer
    grid: TimeGrid
    state: TrainState
    device: torch.device

    def run_all(self) -> Iterator[list[dict[str, float]]]:
        """Steps until the configured count; yields the metrics of every `log_every`-th step (and of the last), as of several runs."""
        while self.state.step < self.config.steps:
            metrics = update_for_goals(self.state, self.goals, self.batch(self.state.step))
            if self.state.step % self.config.log_every == 0 or self.state.step == self.config.steps:
                yield [metrics.as_floats(self.state.team)]

    def batch(self, step: int) -> GoalBatch:
        """What a step is taken with: of its batch this process's share."""
        generator = np.random.default_rng([self.config.seed, _STREAM_GOALS, step])
        ours = self.state.team.share(self.config.batch_size)
        return self._prepared(self.training.draw(self.config.batch_size, self.goals.shares, generator, ours))

    def checkpoint(self, defaults: SamplerDefaults, provenance: dict[str, object]) -> Checkpoint:
        """What would be saved now."""
        assert isinstance(self.state.networks, GoalNetworks), "made by make_goal_trainer"
        kept = self.state.networks.without_long()
        return Checkpoint(kept, self.normalizer, self.interface, defaults, provenance, self.grid)

    def held_out_figures(self) -> dict[str, float]:
        """Nothing: the policy is another checkpoint's, and what a critic is worth is told by episodes."""
        return {}

    def _prepared(self, windows: GoalWindows) -> GoalBatch:
        assert self.interface.goal is not None, "Hindsight asked for it"
        units = self.normalizer.part(self.interface.slice_of(self.interface.goal.term))
        goals = units.normalise(windows.goals)

        def with_goals(observations: np.ndarray) -> torch.Tensor:
            return self._tensor(np.concatenate([self.normalizer.normalise(observations), goals], axis=-1))

        return GoalBatch(
            seen=with_goals(windows.observations),
            next_seen=with_goals(windows.next_observations),
            actions=self._tensor(np.clip(windows.actions, -ACTION_LIMIT, ACTION_LIMIT)),
            reached_after=self._tensor(windows.reached_after),
        )

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)


def make_goal_trainer(
    config: TrainConfig,
    interface: Interface,
    slices: list[Slice],
    device: torch.device,
    team: Team = ALONE,
) -> GoalTrainer:
    """A run before its first step, on all of `slices`: policy and normalizer are those of `policy_from`.

    Raises:
        InvalidSetting: the interface has no goal, the configuration no `goals`, or the policy's layers have other sizes.
        DatasetTooShort: no episode is longer than a window.
        CheckpointError, InterfaceMismatchError: as `load_for_policy`.
    """
    if config.goals is None or config.policy_from is None:
        raise InvalidSetting("train.goals", config.goals, "given, together with policy_from")
    source, sizes = load_for_policy(config.policy_from, interface), config.networks
    networks = NetworkConfig(
        observation_dim=interface.observation_dim,
        action_dim=interface.action_dim,
        horizon=interface.chunk_length,
        hidden=sizes.hidden,
        num_critics=sizes.num_critics,
        aggregation=sizes.aggregation,
        max_delay=source.networks.config.max_delay,
        goal_dim=interface.goal_dim,
    )
    training = Hindsight(slices, interface, config.goals.backup)
    made = GoalNetworks.for_goals(networks, config.goals.backup, torch.Generator().manual_seed(config.seed))
    take_policy(made, source)
    state = goal_state(made.to(device), config.update, team)
    return GoalTrainer(
        config, config.goals, interface, training, source.normalizer, source.grid, state, device
    )
