"""Episodes of a recording, as the person who records marks them: when each began, how it ended. Without ROS.

The mark travels on `recorder_node/episode` as a DiagnosticStatus whose values are those of `Mark.values`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from qgf_ros.errors import NotReadyError

RUNNING, ENDED = "running", "ended"  # the states of an episode that a mark tells


class Outcome(Enum):
    """How an episode ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNMARKED = "unmarked"  # the recording ended within it: nobody said


@dataclass(frozen=True)
class Mark:
    """Episode `number`, counted from 1, begins (`outcome` None) or ends at `stamp_ns` (since 1970)."""

    number: int
    stamp_ns: int
    outcome: Outcome | None = None

    @property
    def values(self) -> dict[str, object]:
        """As the message carries it: `episode`, `state` (`running` or `ended`), `outcome` (empty while it runs), `stamp_ns`."""
        return {
            "episode": self.number,
            "state": RUNNING if self.outcome is None else ENDED,
            "outcome": "" if self.outcome is None else self.outcome.value,
            "stamp_ns": self.stamp_ns,
        }

    @property
    def words(self) -> str:
        """For people."""
        said = "begins" if self.outcome is None else f"ended: {self.outcome.value}"
        return f"episode {self.number} {said}"


class Episodes:
    """State: how many began, whether one runs, how those before it ended. One thread."""

    def __init__(self) -> None:
        self._number, self.is_running = 0, False
        self.outcomes: Counter[str] = Counter()

    def begin(self, now_ns: int) -> Mark:
        """The next one begins. Raises NotReadyError while one runs."""
        if self.is_running:
            words = f"Episode {self._number} runs: say how it ended, by success or failure, before the next."
            raise NotReadyError(words)
        self._number, self.is_running = self._number + 1, True
        return Mark(self._number, now_ns)

    def end(self, outcome: Outcome, now_ns: int) -> Mark:
        """The one that runs ends. Raises NotReadyError where none does."""
        if not self.is_running:
            raise NotReadyError("No episode runs: begin one by begin_episode.")
        self.is_running = False
        self.outcomes[outcome.value] += 1
        return Mark(self._number, now_ns, outcome)

    @property
    def figures(self) -> dict[str, int]:
        """How many began, and how many ended each way."""
        return {"begun": self._number, **{kind.value: self.outcomes[kind.value] for kind in Outcome}}
