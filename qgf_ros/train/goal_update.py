"""One gradient step of critics that are told goals, on a page: Decoupled Q-Chunking (arXiv 2512.10926), the policy left as it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from qgf_ros.critic.reach import distillation_loss, quantile_loss, reach_loss, reach_target
from qgf_ros.data.hindsight import GoalShares
from qgf_ros.errors import InvalidSetting
from qgf_ros.networks import CriticEnsemble, NetworkConfig, Networks, aggregate
from qgf_ros.train.gradients import forward, in_one_piece
from qgf_ros.train.team import ALONE, Team
from qgf_ros.train.update import Scalars, TrainState, UpdateConfig, descend


@dataclass(frozen=True)
class GoalConfig:
    """How critics learn of goals; defaults are those of the paper.

    `backup` n: steps over which the long critic backs up. `distillation` and `quantile`: of equations (36) and (37). `shares`: (33).
    """

    backup: int = 25
    distillation: float = 0.5
    quantile: float = 0.9
    shares: GoalShares = field(default_factory=GoalShares)

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        if self.backup < 1:
            raise InvalidSetting("goals.backup", self.backup, "a positive whole number")
        for name, value in (("distillation", self.distillation), ("quantile", self.quantile)):
            if not 0.0 < value < 1.0:
                raise InvalidSetting(f"goals.{name}", value, "a number between 0 and 1")


class GoalNetworks(Networks):
    """The networks of a checkpoint with goals, and the critic of long chunks, which only training needs."""

    def __init__(self, config: NetworkConfig, backup: int) -> None:
        super().__init__(config)
        self.long_critic = CriticEnsemble(replace(config, horizon=backup, chunked=True, max_delay=0))

    @staticmethod
    def for_goals(config: NetworkConfig, backup: int, generator: torch.Generator) -> GoalNetworks:
        """Freshly initialised networks on the CPU."""
        networks = GoalNetworks(config, backup)
        for network in (networks.policy, networks.critic, networks.value, networks.long_critic):
            network.initialise(generator)
        networks.target_critic.load_state_dict(networks.critic.state_dict())
        return networks

    def without_long(self) -> Networks:
        """What a checkpoint keeps; the tensors are shared."""
        kept = Networks(self.config)
        tensors = self.state_dict()
        kept.load_state_dict({name: tensors[name] for name in kept.state_dict()}, assign=True)
        return kept.requires_grad_(False)


def goal_state(networks: GoalNetworks, config: UpdateConfig, team: Team = ALONE) -> TrainState:
    """The state before the first step: one Adam for the long critic, the critic and the value."""
    trained = (networks.long_critic, networks.critic, networks.value)
    whole = in_one_piece([parameter for network in trained for parameter in network.parameters()])
    adam = torch.optim.Adam([whole], lr=config.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)
    return TrainState(config, networks, adam, team=team)


@dataclass(frozen=True)
class GoalBatch:
    """B windows: `seen` (B, O + G) observation and goal, normalised; `next_seen` the same n steps later; actions (B, n, A); `reached_after` (B,)."""

    seen: Tensor
    next_seen: Tensor
    actions: Tensor
    reached_after: Tensor


@dataclass(frozen=True)
class GoalMetrics(Scalars):
    """Scalars of one step at the parameters before it, without a graph; means of probabilities. docs/metrics.md explains them."""

    long_loss: Tensor
    critic_loss: Tensor
    value_loss: Tensor
    long_mean: Tensor
    q_mean: Tensor
    value_mean: Tensor
    target_mean: Tensor
    reached_share: Tensor


def update_for_goals(state: TrainState, config: GoalConfig, batch: GoalBatch) -> GoalMetrics:
    """Take one gradient step in place. Equations (34) to (37); all use the parameters from before the step, as equation (11)."""
    networks, chunk = state.networks, state.networks.config
    assert isinstance(networks, GoalNetworks), "made by goal_state"
    next_value = _probability(forward(networks.value.layers, batch.next_seen).output.squeeze(-1))
    target = reach_target(batch.reached_after, next_value, state.config.discount, config.backup)
    members = (chunk.num_critics, len(target))
    long = forward(networks.long_critic.layers, torch.cat([batch.seen, batch.actions.flatten(-2)], dim=-1))
    long_logits = long.output.view(members)
    worth = aggregate(_probability(long_logits), chunk.aggregation)
    judged = torch.cat([batch.seen, batch.actions[:, : chunk.horizon].flatten(-2)], dim=-1)
    short = forward(networks.critic.layers, judged)
    logits = short.output.view(members)
    value = forward(networks.value.layers, batch.seen)
    v = value.output.squeeze(-1)
    target_logit = aggregate(
        forward(networks.target_critic.layers, judged).output.detach().view(members), chunk.aggregation
    )
    long_loss = reach_loss(long_logits, target)
    critic_loss = distillation_loss(logits, worth, config.distillation)
    value_loss = quantile_loss(v, target_logit, config.quantile)
    means = (long_logits.sigmoid().mean(), logits.sigmoid().mean(), v.sigmoid().mean(), target.mean())
    reached = (batch.reached_after <= config.backup).to(target.dtype).mean()
    losses = (long_loss, critic_loss, value_loss)
    found = GoalMetrics(*(number.detach() for number in (*losses, *means, reached)))
    descend(state, long_loss + critic_loss + value_loss, (long, short, value))
    return found


def _probability(logits: Tensor) -> Tensor:
    return torch.sigmoid(logits.detach())
