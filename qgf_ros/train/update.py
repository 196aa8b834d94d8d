"""One gradient step of QGF training, the whole algorithm on one page.

Policy and critic never meet here: the policy clones the data by flow matching, critic and value learn by
implicit Q-learning. They meet only when a chunk is sampled (`qgf_ros.flow.denoise`). Losses are differentiated to the networks'
outputs by autograd, the networks themselves by `qgf_ros.train.gradients`. Of S runs that are trained together (`qgf_ros.train.together`)
everything has an axis of S before the batch's, and each loss is (S,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from qgf_ros.critic.targets import critic_loss, critic_target, soft_update, value_loss
from qgf_ros.datatypes import Batch
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.path import TimeSampling, flow_matching_loss, interpolate
from qgf_ros.networks import NetworkConfig, Networks, aggregate
from qgf_ros.train.gradients import Forward, backward, forward, in_one_piece
from qgf_ros.train.team import ALONE, Team


@dataclass(frozen=True)
class UpdateConfig:
    """The numbers of a gradient step. Defaults are the reference's (its scripts use discount 0.999).

    `denoise_steps` and `time_sampling` say where training times are drawn: see `flow.path.sample_times`.
    """

    discount: float = 0.99
    expectile: float = 0.9
    tau: float = 0.005
    learning_rate: float = 3e-4
    denoise_steps: int = 10
    time_sampling: TimeSampling = TimeSampling.DISCRETE

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        for name, value in (("discount", self.discount), ("expectile", self.expectile), ("tau", self.tau)):
            if not 0.0 <= value <= 1.0:
                raise InvalidSetting(f"update.{name}", value, "a number from 0 to 1")
        if self.learning_rate <= 0.0:
            raise InvalidSetting("update.learning_rate", self.learning_rate, "a positive number")
        if self.denoise_steps < 1:
            raise InvalidSetting("update.denoise_steps", self.denoise_steps, "a positive whole number")


class Part(Enum):
    """Which networks a run trains; the others stay as they are, bit by bit."""

    BOTH = "both"
    POLICY = "policy"
    CRITIC = "critic"  # critic, target critic and value


@dataclass
class TrainState:
    """What training changes: the networks (target critic included), Adam's moments, the steps done; `team` trains it.

    One Adam serves the three networks: they share no parameter and Adam works element by element, so it is
    the same as three.
    """

    config: UpdateConfig
    networks: Networks
    optimizer: torch.optim.Adam
    step: int = 0
    team: Team = ALONE

    @staticmethod
    def create(
        networks: Networks, config: UpdateConfig, part: Part = Part.BOTH, team: Team = ALONE
    ) -> TrainState:
        """Return the state before the first step, on the device of `networks`."""
        policy, critic = (networks.policy,), (networks.critic, networks.value)
        trained = {Part.POLICY: policy, Part.CRITIC: critic, Part.BOTH: (*policy, *critic)}[part]
        parameters = [parameter for network in trained for parameter in network.parameters()]
        whole = in_one_piece(parameters)
        adam = torch.optim.Adam([whole], lr=config.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)
        return TrainState(config, networks, adam, team=team)

    def average_gradients(self) -> None:
        """Average every gradient over the team, in place."""
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                self.team.average(parameter.grad)


@dataclass(frozen=True)
class Scalars:
    """Scalars of one step, without a graph."""

    def as_floats(self, team: Team = ALONE) -> dict[str, float]:
        """Return plain numbers by name, means over the team; waits for the device."""
        means = team.average(torch.stack(list(self.__dict__.values())))
        return dict(zip(self.__dict__, means.tolist(), strict=True))

    def of_runs(self, team: Team = ALONE) -> list[dict[str, float]]:
        """Return the same for each of the runs that are trained together."""
        each = team.average(torch.stack(list(self.__dict__.values()), dim=-1)).tolist()
        return [dict(zip(self.__dict__, values, strict=True)) for values in each]


@dataclass(frozen=True)
class CriticMetrics(Scalars):
    """Scalars of one step of critic and value at the parameters before it, without a graph; docs/metrics.md explains them."""

    critic_loss: Tensor
    value_loss: Tensor
    q_mean: Tensor
    value_mean: Tensor
    target_mean: Tensor
    valid_share: Tensor


@dataclass(frozen=True)
class Metrics(CriticMetrics):
    """The same with the policy's loss."""

    bc_loss: Tensor


@dataclass(frozen=True)
class PolicyMetrics(Scalars):
    """Scalars of one step of the policy alone."""

    bc_loss: Tensor


def update(
    state: TrainState, batch: Batch, noise: Tensor, time: Tensor, delay: Tensor | None = None
) -> Metrics:
    """Take one gradient step in place with flow noise (B, D) and times (B,), and return its metrics.

    All three losses and the target network use the parameters from before the step. Equations (4) to (11). `delay` (B,)
    is how many actions of each chunk are committed, for a policy that is told (`cloning_loss`).
    """
    policy, bc = clone(state.networks, batch, noise, time, delay, state.team)
    judged = judge(state, batch)
    # nothing is shared: each gets its own gradient
    descend(state, bc + judged.loss, (policy, judged.critic, judged.value))
    return Metrics(**vars(judged.metrics), bc_loss=bc.detach())


def update_critic(
    state: TrainState, batch: Batch, noise: Tensor, time: Tensor, delay: Tensor | None = None
) -> CriticMetrics:
    """Take one gradient step of critic and value alone, as `update` does for them; the policy stays."""
    judged = judge(state, batch)
    descend(state, judged.loss, (judged.critic, judged.value))
    return judged.metrics


@dataclass(frozen=True)
class Judged:
    """Critic and value evaluated on a batch, with their losses () and the means that are shown."""

    critic: Forward
    value: Forward
    critic_loss: Tensor
    value_loss: Tensor
    means: tuple[Tensor, Tensor, Tensor, Tensor]

    @property
    def loss(self) -> Tensor:
        """Return the sum of both losses ()."""
        return self.critic_loss + self.value_loss

    @property
    def metrics(self) -> CriticMetrics:
        """Return losses and means without a graph."""
        return CriticMetrics(self.critic_loss.detach(), self.value_loss.detach(), *self.means)


def judge(state: TrainState, batch: Batch) -> Judged:
    """Return critic and value evaluated at the parameters before the step. Equations (6) to (9)."""
    networks, config = state.networks, state.config
    action = action_vector(batch.actions, networks.config)
    next_value = forward(networks.value.layers, batch.next_observations).output.detach().squeeze(-1)
    target = critic_target(batch.rewards, batch.masks, next_value, config.discount, networks.config.horizon)
    judged = torch.cat([batch.observations, action], dim=-1)
    members = (networks.config.num_critics, *batch.valid.shape)
    target_q = forward(networks.target_critic.layers, judged).output.detach().view(members)
    critic = forward(networks.critic.layers, judged)
    q = critic.output.view(members)
    td = critic_loss(q, target, batch.valid)
    value = forward(networks.value.layers, batch.observations)
    v = value.output.squeeze(-1)
    expectile = value_loss(aggregate(target_q, networks.config.aggregation), v, batch.valid, config.expectile)
    with torch.no_grad():
        means = (q.mean(-1).mean(0), v.mean(-1), target.mean(-1), batch.valid.mean(-1))
    return Judged(critic, value, td, expectile, means)


def descend(state: TrainState, loss: Tensor, evaluated: tuple[Forward, ...]) -> None:
    """Take the optimiser's step down `loss` for the networks that were evaluated, and move the target critic, in place.

    The target follows the critic from before the step, as in the reference. A team steps down the mean of its losses.
    """
    gradients = torch.autograd.grad(loss.sum(), [network.output for network in evaluated])
    for network, gradient in zip(evaluated, gradients, strict=True):
        backward(network, gradient)
    state.average_gradients()
    if len(evaluated) > 1:
        soft_update(state.networks.target_critic, state.networks.critic, state.config.tau)
    state.optimizer.step()
    state.step += 1


TakeStep = Callable[[TrainState, Batch, Tensor, Tensor, Tensor | None], Scalars]
"""(state, batch, noise, time, delay) -> metrics: one gradient step in place."""


def update_policy(
    state: TrainState, batch: Batch, noise: Tensor, time: Tensor, delay: Tensor | None = None
) -> PolicyMetrics:
    """Take one gradient step of the policy alone; critic, value and target stay."""
    policy, loss = clone(state.networks, batch, noise, time, delay, state.team)
    descend(state, loss, (policy,))
    return PolicyMetrics(loss.detach())


def cloning_loss(
    networks: Networks, batch: Batch, noise: Tensor, time: Tensor, delay: Tensor | None
) -> Tensor:
    """Return the policy's flow-matching loss (), without a graph. Equation (5)."""
    return clone(networks, batch, noise, time, delay)[1].detach()


def clone(
    networks: Networks,
    batch: Batch,
    noise: Tensor,
    time: Tensor,
    delay: Tensor | None,
    team: Team = ALONE,
) -> tuple[Forward, Tensor]:
    """Return the evaluated policy and its flow-matching loss. Equation (5).

    With `delay` (B,) the first rows of a_t are the clean actions and flagged as committed, and their error is not
    counted (arXiv 2512.05964, section on the training objective); where shares of a batch count unlike many, each is divided by their mean.
    """
    policy, config = networks.policy, networks.config
    action = action_vector(batch.actions, config)
    noisy = interpolate(noise, action, time)
    flags, counted, count = noise.new_zeros(*time.shape, config.row_flags), None, None
    if delay is not None:
        rows = torch.arange(config.horizon, device=delay.device) < delay.unsqueeze(-1)
        entries = rows.repeat_interleave(config.action_dim, dim=-1)
        noisy = torch.where(entries, action, noisy)
        flags, counted = rows.to(noise.dtype), (~entries).to(noise.dtype)
        count = team.average(counted.sum((-2, -1)))
    inputs = torch.cat([batch.observations, noisy, policy.embedding(time), flags], dim=-1)
    evaluated = forward(policy.layers, inputs)
    return evaluated, flow_matching_loss(evaluated.output, noise, action, counted, count)


def action_vector(actions: Tensor, config: NetworkConfig) -> Tensor:
    """Return the action vectors (B, D) that the networks see, from windows of actions (B, H, A)."""
    return actions.flatten(-2) if config.chunked else actions[..., 0, :]
