"""A candidate beside its parent on logged observations, before it moves anything: is its critic of any use?"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import rankdata

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.load import differences
from qgf_ros.data.chunks import Windows
from qgf_ros.data.steps_to_goal import NEVER
from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import InterfaceMismatchError
from qgf_ros.evaluate.critic_view import unguided_chunks, view


@dataclass(frozen=True)
class Bounds:
    """What is still taken for a critic of the same task. `ratio`: of spread and slope, either way. `across`, `within`: least rank
    correlations with the parent. `follows`: least rank correlation with how soon the goal followed, over at least `fewest` chunks, which stands for
    both where the parent's is not `ahead` of it by more. `saturated`: how much larger a share of played components may lie at an end of their range.
    """

    ratio: float = 3.0
    across: float = 0.5
    within: float = 0.2
    follows: float = 0.3
    ahead: float = 0.1
    fewest: int = 30
    saturated: float = 0.1


@dataclass(frozen=True)
class Look:
    """The candidate against its parent on logged observations.

    `spread`: ratio of the standard deviations of Q over logged chunks. `slope`: ratio of the critics' gradients. `across`: Spearman's
    rank correlation of both Q over logged chunks. `within`: its mean over observations, over unguided chunks of the parent. `follows`, `parent_follows`:
    that of each Q with how soon the goal followed, over the `reached` logged chunks after which it did; 0 where there are none.
    """

    finite: bool
    windows: int
    saturated: float
    parent_saturated: float
    spread: float = 0.0
    slope: float = 0.0
    across: float = 0.0
    within: float = 0.0
    follows: float = 0.0
    parent_follows: float = 0.0
    reached: int = 0

    def problems(self, bounds: Bounds) -> list[str]:
        """What speaks against any trial, one sentence each."""
        if not self.finite:
            return ["its chunks or values are not finite"]
        found = [
            f"its {what} is {ratio:.3g} times the parent's; {1.0 / bounds.ratio:.2g} to {bounds.ratio:g} would do"
            for what, ratio in (("spread of Q", self.spread), ("critic's slope", self.slope))
            if not 1.0 / bounds.ratio <= ratio <= bounds.ratio
        ]
        found += self._misranked(bounds)
        if self.saturated > self.parent_saturated + bounds.saturated:
            share = f"{self.saturated:.0%} of its components lie at an end of their range, the parent's {self.parent_saturated:.0%}"
            found.append(share)
        return found

    def _misranked(self, bounds: Bounds) -> list[str]:
        """Nothing where it ranks as the parent does, or as what happened: on a robot that has changed the parent may be the one who is wrong."""
        found = [
            f"it ranks {what} as the parent does with {rank:+.2f} only; {least:g} would do"
            for what, rank, least in (
                ("logged chunks", self.across, bounds.across),
                ("chunks of one observation", self.within, bounds.within),
            )
            if rank < least
        ]
        if found and self.reached < bounds.fewest:
            found.append(
                f"the goal followed after {self.reached} logged chunks only, too few to say whether it knows better"
            )
        elif found and self.follows < max(bounds.follows, self.parent_follows - bounds.ahead):
            found.append(
                f"nor does it rank logged chunks by how soon the goal followed: {self.follows:+.2f}, the parent {self.parent_follows:+.2f}"
            )
        else:
            return []
        return found

    def figures(self) -> dict[str, float]:
        """As plain values."""
        return asdict(self)


def look(
    candidate: Checkpoint, parent: Checkpoint, windows: Windows, steps_to_goal: FloatArray | None = None
) -> Look:
    """How the candidate sees these windows, and, where it is known, after how many control periods the goal followed (B,). Raises InterfaceMismatchError where the two are of different interfaces."""
    ours, theirs = candidate.interface, parent.interface
    if ours.digest != theirs.digest:
        raise InterfaceMismatchError("The candidate", theirs.digest, ours.digest, differences(theirs, ours))
    chunks = unguided_chunks(parent, windows)
    seen, before = view(candidate, windows, chunks), view(parent, windows, chunks)
    common = (len(windows.valid), seen.saturated, before.saturated)
    if not (seen.finite and before.finite):
        return Look(False, *common)
    steps = np.full(len(windows.valid), NEVER) if steps_to_goal is None else steps_to_goal
    reached = steps < NEVER
    follows, parent_follows = (
        rank_correlation(made.logged[reached], -steps[reached]) if reached.any() else 0.0
        for made in (seen, before)
    )
    pairs = zip(seen.unguided, before.unguided, strict=True)
    return Look(
        True,
        *common,
        spread=_ratio(float(seen.logged.std()), float(before.logged.std())),
        slope=_ratio(seen.slope, before.slope),
        across=rank_correlation(seen.logged, before.logged),
        within=float(np.mean([rank_correlation(one, other) for one, other in pairs])),
        follows=follows,
        parent_follows=parent_follows,
        reached=int(reached.sum()),
    )


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's, in [-1, 1]; 0 where all values of either are the same."""
    ranks = np.stack([rankdata(one), rankdata(other)])
    if (ranks.std(axis=1) == 0.0).any():
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])


def _ratio(ours: float, theirs: float) -> float:
    return ours / max(theirs, 1e-12)
