"""What a training run is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qgf_ros.data.relabel import Relabel
from qgf_ros.errors import InvalidSetting
from qgf_ros.networks import Aggregation
from qgf_ros.train.goal_update import GoalConfig
from qgf_ros.train.update import Part, UpdateConfig


@dataclass(frozen=True)
class NetworkSizes:
    """The part of the networks that the interface does not fix. The reference's scripts use four layers of 1024.

    `max_delay` > 0: the policy learns to go on from 0 to so many committed actions, drawn evenly.
    """

    hidden: tuple[int, ...] = (256, 256, 256)
    num_critics: int = 2
    aggregation: Aggregation = Aggregation.MIN
    max_delay: int = 0


@dataclass(frozen=True)
class TrainConfig:
    """A run: what to learn (`relabel`), with what, for how long, and how often to look.

    Counts are gradient steps. `held_out` is the share of episodes that training never sees and on which the flow loss
    is measured. `networks`, `update`: see `NetworkSizes`, `UpdateConfig`. `critic_from` names a checkpoint of the same
    interface whose critic and value are taken over as they are: then only the policy is trained. `policy_from` names one whose
    policy and normalizer are: then only critic and value are trained, on whatever data, and the policy stays bit by bit. `goals`: they
    learn all goals of the interface in hindsight, and `relabel` is not looked at.
    """

    relabel: Relabel
    steps: int
    batch_size: int = 256
    seed: int = 0
    log_every: int = 200
    save_every: int = 5000
    evaluate_every: int = 10_000
    held_out: float = 0.05
    critic_from: Path | None = None
    policy_from: Path | None = None
    networks: NetworkSizes = field(default_factory=NetworkSizes)
    update: UpdateConfig = field(default_factory=UpdateConfig)
    goals: GoalConfig | None = None

    @property
    def part(self) -> Part:
        """Which networks are trained."""
        if self.policy_from is not None:
            return Part.CRITIC
        return Part.BOTH if self.critic_from is None else Part.POLICY

    def as_mapping(self) -> dict[str, Any]:
        """Its fields by name. Goals that are not there are left out: a run from before there were goals goes on."""
        return {key: value for key, value in asdict(self).items() if key != "goals" or value is not None}

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        for name in ("steps", "batch_size", "log_every", "save_every", "evaluate_every"):
            if self.__dict__[name] < 1:
                raise InvalidSetting(f"train.{name}", self.__dict__[name], "a positive whole number")
        if self.policy_from is not None and self.critic_from is not None:
            raise InvalidSetting(
                "train.policy_from",
                str(self.policy_from),
                "absent beside critic_from: nothing would be trained",
            )
        if self.goals is not None and self.policy_from is None:
            accepted = "given where goals are: the policy is not told of them, and another checkpoint's"
            raise InvalidSetting("train.policy_from", None, accepted)
        if not 0.0 < self.held_out < 1.0:
            raise InvalidSetting("train.held_out", self.held_out, "a share between 0 and 1")
