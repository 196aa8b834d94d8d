"""Whether a candidate takes its parent's place, from outcomes of trials, looked at after each. Pure statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from qgf_ros.datatypes import FloatArray
from qgf_ros.errors import InvalidSetting
from qgf_ros.evaluate.betting import better, not_better

Outcomes = npt.NDArray[np.bool_]


class Decision(Enum):
    """What follows. KEEP: the parent stays, since the candidate is not better by the effect asked for; UNDECIDED: so it does, for now."""

    PROMOTE = "promote"
    KEEP = "keep"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Rule:
    """When to stop. `alpha`: how often at most a candidate that is not better is promoted; `futility`: how often at most one that is
    better by `effect` (a difference of success rates) is given up; `cap` pairs at most.
    """

    alpha: float = 0.05
    futility: float = 0.05
    effect: float = 0.1
    cap: int = 400

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        for name in ("alpha", "futility", "effect"):
            if not 0.0 < self.__dict__[name] < 1.0:
                raise InvalidSetting(f"--{name}", self.__dict__[name], "a number between 0 and 1")
        if self.cap < 1:
            raise InvalidSetting("--pairs", self.cap, "a positive whole number")


@dataclass(frozen=True)
class Verdict:
    """What the trials say after `pairs` of them. `wins` pairs that only the candidate won, `losses` that only the parent did.

    `e_value` is the evidence that the candidate is better, `futility_e_value` that it is not better by the rule's effect.
    """

    decision: Decision
    pairs: int
    candidate: int
    parent: int
    wins: int
    losses: int
    e_value: float
    futility_e_value: float


@dataclass(frozen=True)
class Evidence:
    """After each pair of each run (R, T): log wealth against "not better", and against "better by the effect"."""

    better: FloatArray
    futile: FloatArray


def evidence(candidate: Outcomes, parent: Outcomes, rule: Rule) -> Evidence:
    """The evidence after each pair, for outcomes (R, T) of R runs of T pairs: of one seed each, or of one round."""
    pairs = np.arange(1, candidate.shape[-1] + 1)
    wins, losses = (candidate & ~parent).cumsum(-1), (parent & ~candidate).cumsum(-1)
    counts = np.broadcast_to(pairs, wins.shape)
    return Evidence(better(wins, losses), not_better(wins, losses, counts, rule.effect))


def endings(
    found: Evidence, rule: Rule
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """For each run whether it ends with a promotion (R,), with the parent kept (R,), and after how many pairs (R,)."""
    promoted = found.better >= -np.log(rule.alpha)
    kept = (found.futile >= -np.log(rule.futility)) & ~promoted
    ended = promoted | kept
    last = np.where(ended.any(-1), ended.argmax(-1), ended.shape[-1] - 1)
    at_end = np.arange(len(last)), last
    return promoted[at_end], kept[at_end], last + 1


def verdict(candidate: Sequence[bool], parent: Sequence[bool], rule: Rule) -> Verdict:
    """What these outcomes say, in the order in which they came; what came after the decision, or the cap, is not looked at.

    Outcomes beyond those that the other has as well wait for their partner.
    """
    count = min(len(candidate), len(parent), rule.cap)
    if count == 0:
        return Verdict(Decision.UNDECIDED, 0, 0, 0, 0, 0, 1.0, 1.0)
    ours, theirs = (np.asarray(found[:count], bool)[None] for found in (candidate, parent))
    found = evidence(ours, theirs, rule)
    promoted, kept, pairs = (
        bool(values[0]) if values.dtype == bool else int(values[0]) for values in endings(found, rule)
    )
    decision = Decision.PROMOTE if promoted else Decision.KEEP if kept else Decision.UNDECIDED
    ours, theirs = ours[0, :pairs], theirs[0, :pairs]
    return Verdict(
        decision,
        int(pairs),
        int(ours.sum()),
        int(theirs.sum()),
        int((ours & ~theirs).sum()),
        int((theirs & ~ours).sum()),
        float(np.exp(found.better[0, pairs - 1])),
        float(np.exp(found.futile[0, pairs - 1])),
    )
