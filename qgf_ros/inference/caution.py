"""What a policy does where it does not know: guidance fades and the chunk asks for less speed, gradually and with hysteresis. Ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qgf_ros.contract.action_range import ActionRange
from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import FloatArray, Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.inference.novelty import Detector, Watch


@dataclass(frozen=True)
class Reaction:
    """How the score of a chunk (1 at the alarm) becomes a share of guidance and of speed.

    The share wanted is 1 up to the alarm and 0 from the score `gone` on. The share in force falls by at most `fall` a chunk, and
    rises by at most `rise` a chunk once `calm_chunks` chunks in a row stayed below `calm`. With no share left a chunk asks for
    `slowest` of its speed. Nothing happens below the alarm, so that the rate of false alarms is that of the calibration.
    """

    gone: float = 1.5
    fall: float = 0.34
    rise: float = 0.1
    calm: float = 0.8
    calm_chunks: int = 5
    slowest: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidSetting."""
        for name, accepted, fits in (
            ("gone", "above 1, at most 10", 1.0 < self.gone <= 10.0),
            ("fall", "from 0.01 to 1", 0.01 <= self.fall <= 1.0),
            ("rise", "above 0, at most 1", 0.0 < self.rise <= 1.0),
            ("calm", "above 0, at most 1", 0.0 < self.calm <= 1.0),
            ("calm_chunks", "a whole number from 1 to 1000", 1 <= self.calm_chunks <= 1000),
            ("slowest", "above 0, at most 0.9", 0.0 < self.slowest <= 0.9),
        ):
            if not fits:
                raise InvalidSetting(f"reaction.{name}", self.__dict__[name], accepted)

    def wanted(self, score: float) -> float:
        """The share for a score."""
        return float(np.clip((self.gone - score) / (self.gone - 1.0), 0.0, 1.0))


@dataclass(frozen=True)
class Alert:
    """What was found at a chunk: its `score`, `subject` in words, whether the episode was `flagged` until now.

    `share` of the guidance weight is in force from the next chunk on; `speed` is what this chunk asks for.
    """

    score: float
    subject: str
    flagged: bool
    share: float
    speed: float

    @property
    def is_cautious(self) -> bool:
        """Whether the score is at the alarm, or what followed from one that was is still in force."""
        return self.score >= 1.0 or self.share < 1.0

    @property
    def in_words(self) -> str:
        """For people."""
        if self.score >= 1.0:
            return f"not as in the data (score {self.score:.2f}, alarm at 1): {self.subject}"
        return (
            f"careful after an alarm, guidance at {self.share:.0%}" if self.share < 1.0 else "as in the data"
        )


def as_it_travels(speed: float, actions: int, period_ns: int) -> float:
    """The nearest speed that a chunk of so many actions can ask for: its times are whole nanoseconds in a message.

    So that a loop without messages plays what the graph plays, bit by bit.
    """
    step_ns = round(actions * period_ns / speed) / actions
    return float(period_ns / step_ns)


class Caution:
    """State: the watch over an episode, the share in force. One thread."""

    def __init__(self, detector: Detector, interface: Interface, reaction: Reaction) -> None:
        self._watch = Watch(detector)
        self._reaction = reaction
        self._range = ActionRange(interface.action)
        self._length, self._period_ns = interface.chunk_length, round(interface.control_period_s * 1e9)
        self.reset()

    def reset(self) -> None:
        """A new episode."""
        self._watch.reset()
        self.share = 1.0
        self._calm = 0
        self._flagged = False

    def look(self, observation: Observation, actions: FloatArray) -> Alert:
        """Takes in an observation and the actions (H, A), physical, that were chosen for it."""
        assessment = self._watch.assess(self.streams(observation, actions))
        self._flagged = self._flagged or assessment.score >= 1.0
        self._follow(assessment.score)
        slowest = self._reaction.slowest
        speed = as_it_travels(slowest + (1.0 - slowest) * self.share, self._length, self._period_ns)
        return Alert(assessment.score, assessment.subject, self._flagged, self.share, speed)

    def streams(self, observation: Observation, actions: FloatArray) -> FloatArray:
        """The streams (S,) after them, without a reaction: for calibration."""
        vector = self._range.normalised(actions).astype(np.float32).ravel()
        return self._watch.see(observation, vector)

    def _follow(self, score: float) -> None:
        reaction = self._reaction
        self._calm = self._calm + 1 if score < reaction.calm else 0
        wanted = reaction.wanted(score)
        if wanted < self.share:
            self.share = max(wanted, self.share - reaction.fall)
        elif self._calm >= reaction.calm_chunks:
            self.share = min(1.0, self.share + reaction.rise)
