"""The three networks: velocity field, critic ensemble and value, and the protocols for other architectures.

`encode(observation)` is called once per chunk, `velocity(features, action, time)` and `q(features, action)`
at every denoising step. In the networks here `encode` is the observation's share of the first layer,
`features = s @ W_s + b`, which is the same at all steps; a step adds `a @ W_a + emb(t) @ W_t`. Source of the
architecture: docs/algorithm.md, section 2.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import torch
from torch import Tensor, nn

from qgf_ros.bounds import CRITICS, LAYERS, WIDTH
from qgf_ros.errors import InvalidSetting
from qgf_ros.layers import TIME_EMBEDDING_DIM, Layers, TimeEmbedding, affine, lecun_normal, xavier_uniform


class Aggregation(Enum):
    """How the ensemble's answers become one number. The reference's value is MIN."""

    MIN = "min"
    MEAN = "mean"


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that fixes the shapes of the networks. Defaults are those of the reference where it has one.

    `chunked` false means that networks see only the first of the `horizon` actions: an n-step return. `max_delay` d > 0
    makes a policy that is told which of the first d actions are committed (docs/adr/0016-prefix-methods.md). `goal_dim` G > 0: critic
    and value see a goal behind the observation, in the same units; the policy does not (docs/adr/0035-goals.md).
    """

    observation_dim: int
    action_dim: int
    horizon: int = 5
    hidden: tuple[int, ...] = (512, 512, 512, 512)
    num_critics: int = 2
    aggregation: Aggregation = Aggregation.MIN
    chunked: bool = True
    max_delay: int = 0
    goal_dim: int = 0

    def __post_init__(self) -> None:
        """Check every field; raises InvalidSetting."""
        for name in ("observation_dim", "action_dim", "horizon"):
            _require_positive(f"network.{name}", self.__dict__[name])
        _require_positive("network.num_critics", self.num_critics, CRITICS)
        if not 1 <= len(self.hidden) <= LAYERS:
            raise InvalidSetting("network.hidden", self.hidden, f"1 to {LAYERS} layer widths")
        for width in self.hidden:
            _require_positive("network.hidden", width)
        longest = self.horizon - 1 if self.chunked else 0
        if not 0 <= self.max_delay <= longest:
            raise InvalidSetting("network.max_delay", self.max_delay, f"a whole number from 0 to {longest}")
        if not 0 <= self.goal_dim <= WIDTH:
            raise InvalidSetting("network.goal_dim", self.goal_dim, f"a whole number from 0 to {WIDTH}")

    @property
    def judged_dim(self) -> int:
        """What critic and value see of a state: observation and goal, O + G."""
        return self.observation_dim + self.goal_dim

    @property
    def vector_dim(self) -> int:
        """D, the length of the action vector that the networks see."""
        return self.action_dim * (self.horizon if self.chunked else 1)

    @property
    def row_flags(self) -> int:
        """How many inputs tell the policy which rows are committed: H where it is told, else 0."""
        return self.horizon if self.max_delay > 0 else 0

    def as_mapping(self) -> dict[str, object]:
        """Return plain values (int, bool, str, list) for YAML or JSON; `strict.build` reads them back."""
        return dataclasses.asdict(self) | {"hidden": list(self.hidden), "aggregation": self.aggregation.value}


class VelocityModel(Protocol):
    """What denoising needs of a policy."""

    def encode(self, observation: Tensor, committed: Tensor | None = None) -> Tensor:
        """Return features of `observation` (B, ...); the batch is the last axis but one of the features.

        `committed` (H,) or (B, H) flags rows of a_t that hold committed actions, for a policy that is told.
        """
        ...

    def velocity(self, features: Tensor, action: Tensor, time: Tensor) -> Tensor:
        """Return v(s, a_t, t) (B, D) for noisy `action` (B, D) and `time` () or (B,)."""
        ...


class CriticModel(Protocol):
    """What guidance and scoring need of a critic."""

    @property
    def aggregation(self) -> Aggregation:
        """How members are aggregated."""
        ...

    def encode(self, observation: Tensor) -> Tensor:
        """Return features of `observation` (B, ...); the batch is the last axis but one of the features."""
        ...

    def q(self, features: Tensor, action: Tensor) -> Tensor:
        """Return Q_i(s, a) (E, B), differentiable in `action` (B, D)."""
        ...


class VelocityField(nn.Module):
    """v(s, a_t, t). Norm on every hidden layer but the last, which keeps its GELU; LeCun normal head.

    With `max_delay` > 0 there is one more block of inputs, a flag for each of the H rows: 1 where a_t holds a committed
    action, clean at every t (arXiv 2512.05964, in our words for a network without tokens).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self._blocks = [config.observation_dim, config.vector_dim, TIME_EMBEDDING_DIM, config.row_flags]
        self.embedding = TimeEmbedding()
        self.layers = Layers(
            sum(self._blocks), config.hidden, config.vector_dim, normalised=len(config.hidden) - 1
        )

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`."""
        self.layers.initialise(lecun_normal, generator)

    def encode(self, observation: Tensor, committed: Tensor | None = None) -> Tensor:
        """Return the share of the first layer (B, hidden[0]) that is the same at all steps, for `observation` (B, O).

        `committed` (B, H) or (H,) flags committed rows, where the policy takes flags; None: none is.
        """
        first = self.layers.first
        features = affine(observation, first.kernel[: self._blocks[0]], first.bias)
        if committed is None or self._blocks[3] == 0:
            return features
        return features + committed.to(features.dtype) @ first.kernel[-self._blocks[3] :]

    def velocity(self, features: Tensor, action: Tensor, time: Tensor) -> Tensor:
        """Return v (B, D) for noisy `action` (B, D) and `time` () or (B,) in [0, 1]."""
        _, of_action, of_time, _ = torch.split(self.layers.first.kernel, self._blocks)
        embedded = self.embedding(time).to(of_time.dtype) @ of_time
        result: Tensor = self.layers(affine(action, of_action, features + embedded))
        return result


class CriticEnsemble(nn.Module):
    """Q_i(s, a) for E members with independent weights, computed together. Norm and GELU on every layer.

    With goals `s` is observation and goal in one (B, O + G), and the answer the logit of a probability.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.aggregation = config.aggregation
        self._blocks = [config.judged_dim, config.vector_dim]
        self.members = config.num_critics
        self.layers = Layers(
            sum(self._blocks), config.hidden, 1, normalised=len(config.hidden), members=config.num_critics
        )

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`, each member independently."""
        self.layers.initialise(xavier_uniform, generator)

    def encode(self, observation: Tensor) -> Tensor:
        """Return the observation's share of the first layers (E, B, hidden[0]) for `observation` (B, O)."""
        first = self.layers.first
        of_observation = first.kernel[:, : self._blocks[0]]
        return affine(observation.expand(self.members, -1, -1), of_observation, first.bias.unsqueeze(-2))

    def q(self, features: Tensor, action: Tensor) -> Tensor:
        """Return Q (E, B) for `action` (B, D)."""
        of_action = self.layers.first.kernel[:, self._blocks[0] :]
        result: Tensor = self.layers(affine(action.expand(self.members, -1, -1), of_action, features))
        return result.squeeze(-1)


class Value(nn.Module):
    """V(s). Norm and GELU on every hidden layer. With goals as the critic."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layers = Layers(config.judged_dim, config.hidden, 1, normalised=len(config.hidden))

    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights from `generator`."""
        self.layers.initialise(xavier_uniform, generator)

    def v(self, observation: Tensor) -> Tensor:
        """Return V (B,) for `observation` (B, O)."""
        result: Tensor = self.layers(self.layers.first(observation))
        return result.squeeze(-1)


class Networks(nn.Module):
    """All networks of one policy. The target critic starts as a copy of the critic and takes no gradient."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.policy = VelocityField(config)
        self.critic = CriticEnsemble(config)
        self.target_critic = CriticEnsemble(config).requires_grad_(False)
        self.value = Value(config)

    @staticmethod
    def create(config: NetworkConfig, generator: torch.Generator) -> Networks:
        """Return freshly initialised networks on the CPU, drawn from the CPU `generator`."""
        networks = Networks(config)
        for network in (networks.policy, networks.critic, networks.value):
            network.initialise(generator)
        networks.target_critic.load_state_dict(networks.critic.state_dict())
        return networks


def aggregate(q: Tensor, aggregation: Aggregation) -> Tensor:
    """Return agg_i Q_i (B,) from `q` (E, B). Equation (3)."""
    return q.amin(dim=0) if aggregation is Aggregation.MIN else q.mean(dim=0)


def _require_positive(name: str, value: object, most: int = WIDTH) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidSetting(name, value, f"a positive whole number, at most {most}")
