"""The weights of a run that are kept, by held-out losses or the last, and when to stop looking for better ones.

Policy and critic share no parameter and never meet in training (update.py), so each keeps the weights of its own best step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum

from torch import nn

from qgf_ros.networks import Networks
from qgf_ros.train.update import Part


class Keep(Enum):
    """Which weights of a run are kept: those of the best held-out loss, or the last."""

    BEST = "best"
    LAST = "last"


@dataclass(frozen=True)
class Mark:
    """A step, and its held-out loss."""

    step: int
    loss: float


@dataclass
class Kept:
    """State: of each trained part the step whose weights are kept, and networks with those weights. One thread."""

    networks: Networks
    keep: Keep = Keep.BEST
    marks: dict[Part, Mark] = field(default_factory=dict)

    def see(self, step: int, losses: Mapping[Part, float], networks: Networks) -> None:
        """Takes over the weights of each part (POLICY or CRITIC) whose loss is a number, and the lowest so far where the best are kept."""
        for part, loss in losses.items():
            known = self.marks.get(part) if self.keep is Keep.BEST else None
            if not math.isfinite(loss) or (known is not None and loss >= known.loss):
                continue
            self.marks[part] = Mark(step, loss)
            for ours, theirs in zip(_of(part, self.networks), _of(part, networks), strict=True):
                ours.load_state_dict(theirs.state_dict())

    def is_over(self, step: int, patience: int) -> bool:
        """Whether no part has become better in the last `patience` steps."""
        return bool(self.marks) and all(step - mark.step >= patience for mark in self.marks.values())

    def figures(self) -> dict[str, dict[str, float]]:
        """Step and loss of each part by its name, as plain values."""
        return {part.value: asdict(mark) for part, mark in self.marks.items()}

    def restore(self, found: Mapping[str, Mapping[str, float]]) -> None:
        """Takes over what `figures` gave; the weights lie in `networks` already."""
        self.marks = {
            Part(name): Mark(int(mark["step"]), float(mark["loss"])) for name, mark in found.items()
        }


def _of(part: Part, networks: Networks) -> tuple[nn.Module, ...]:
    if part is Part.POLICY:
        return (networks.policy,)
    return networks.critic, networks.target_critic, networks.value
