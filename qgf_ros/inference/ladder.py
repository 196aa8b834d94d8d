"""How often chunks came from which rung of the ladder, and how attempts ended."""

from __future__ import annotations

from collections import Counter, deque

from qgf_ros.inference.plan import PlanLevel
from qgf_ros.inference.timely import Attempt, Ending

RECENT = 100  # attempts by which the present state is judged


class LadderLog:
    """State: counts of all attempts, and the newest `RECENT` of them. Cutting short and being late are counted beside the rung."""

    def __init__(self) -> None:
        self._levels: Counter[PlanLevel] = Counter()
        self._endings: Counter[Ending] = Counter()
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._cut = 0

    def add(self, attempt: Attempt) -> None:
        """Notes one attempt, after its end."""
        is_whole = attempt.plan.level is PlanLevel.FULL and attempt.ending is Ending.IN_TIME
        self._levels[attempt.plan.level] += 1
        self._endings[attempt.ending] += 1
        self._cut += attempt.is_cut
        self._recent.append(is_whole and not attempt.is_cut)

    @property
    def lessened(self) -> int:
        """How many of the newest attempts gave less than all sampling that was asked for, in time."""
        return sum(not whole for whole in self._recent)

    def values(self) -> dict[str, int]:
        """Counts by rung, by ending, and of walks cut short."""
        found = {f"level.{level.value}": self._levels[level] for level in PlanLevel}
        found |= {f"ending.{ending.value}": self._endings[ending] for ending in Ending}
        return found | {"cut": self._cut}

    def in_words(self) -> str:
        """The present state in a sentence."""
        if not self._recent:
            return "no chunk yet"
        if not self.lessened:
            return "all sampling fits the deadline"
        return f"{self.lessened} of the last {len(self._recent)} chunks were planned smaller, cut short, late or not sent"
