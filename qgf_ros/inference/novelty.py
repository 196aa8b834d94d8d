"""How unlike its training data a policy finds what it sees: one score a chunk, in numpy. docs/adr/0025 says why these streams.

Ours. A stream is a number that grows as something becomes strange, slowly enough that one odd chunk does not decide: how far each
component is off its prediction (signed, so that what is biased adds up and noise does not), how far outside of the data it lies, how
much the critics disagree, and for how long they have seen no progress. Each counts by how far it is beyond what is usual, in units of
how far it goes beyond in usual episodes; the largest is the score.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qgf_ros.bounds import SECONDS
from qgf_ros.datatypes import FloatArray, Observation
from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.inference.small_networks import Critics, Float32, Predictor

RATES = (0.5, 0.2, 0.07)  # of the running means of prediction errors: two, five and fifteen chunks long
CLIP = 8.0  # standard deviations that one error counts at most
SPREAD_RATE = 0.3
FURTHEST = 1.0  # spreads of the data that a component counts as outside at most
SHORTEST, LONGEST = 0.5, 2.5  # steps between two observations that a prediction may span
REMEMBERED = 8  # observations
# What a file may state: far beyond honest ones, and short of what makes a detector deaf.
LEAST = 1e-9
MOST_MEAN, MOST_SCALE = 1e6, 1e3  # rad, m; bounds of the data, in spreads
MOST_CRITICS = 1e6  # of values, and of values times seconds
MOST_THRESHOLD = (
    400.0  # as often as the least that counts as beyond fits into the most that a stream can reach
)


@dataclass(frozen=True)
class Detector:
    """What was learned from data, and from episodes that went as usual. O components of an observation, S streams.

    `names` and `units` (O,) are for people. `mean`, `scale` (O,) normalise; `lower`, `upper` (O,) bound the normalised data.
    `commanded`: components that are our own commands. `step_s`: between the observations that a prediction leads from and to.
    `usual` (S,): what streams reach in usual episodes; `beyond` (S,): how far the higher of these go further, on average. The alarm
    is at `threshold` times `beyond`.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    mean: Float32
    scale: Float32
    lower: Float32
    upper: Float32
    commanded: tuple[int, ...]
    step_s: float
    predictor: Predictor
    critics: Critics
    usual: FloatArray
    beyond: FloatArray
    threshold: float

    @property
    def predicted(self) -> tuple[int, ...]:
        """Components that are predicted (P,): all that we do not command."""
        return tuple(index for index in range(len(self.names)) if index not in self.commanded)

    @property
    def streams(self) -> int:
        """S: for each rate P prediction errors, O distances, disagreement, lack of progress."""
        return len(RATES) * len(self.predicted) + len(self.names) + 2

    def check(self, vector_dims: Collection[int]) -> None:
        """Checks signs and all shapes, for action vectors of one of these lengths.

        Raises:
            ShapeMismatch, InvalidSetting: an array has another shape, or a value that cannot be.
            KeyError: the critics lack one of their weights.
        """
        size, ours, theirs = len(self.names), len(self.commanded), len(self.predicted)
        hidden = self.predictor.biases[0].size
        shapes = (size + ours + 1, hidden), (hidden, hidden), (hidden, 2 * theirs)
        arrays: list[tuple[str, tuple[int, ...], npt.NDArray[Any]]] = [
            (name, (size,), self.__dict__[name]) for name in ("mean", "scale", "lower", "upper")
        ]
        arrays += [(name, (self.streams,), self.__dict__[name]) for name in ("usual", "beyond")]
        arrays += [("predictor", *pair) for pair in zip(shapes, self.predictor.kernels, strict=True)]
        arrays += [
            ("predictor", pair[0][1:], pair[1]) for pair in zip(shapes, self.predictor.biases, strict=True)
        ]
        for name, expected, array in arrays:
            if array.shape != expected:
                raise ShapeMismatch(f"detector.{name}", array.shape, str(expected))
        self.critics.check()
        accepted = [size + length for length in vector_dims]
        if self.critics.inputs not in accepted:
            raise InvalidSetting("the critics' inputs", self.critics.inputs, f"one of {accepted}")
        self._check_ranges()
        if not 0.0 < self.step_s <= SECONDS:
            raise InvalidSetting("detector.step_s", self.step_s, f"above 0, at most {SECONDS:g} s")

    def _check_ranges(self) -> None:
        """Raises InvalidSetting where a value cannot be, or where the alarm is beyond what most streams can reach."""
        errors, size = len(RATES) * len(self.predicted), len(self.names)
        reach = np.concatenate([np.full(errors, CLIP), np.full(size, FURTHEST), np.full(2, MOST_CRITICS)])
        for name, value, least, most in (
            ("mean", self.mean, -MOST_MEAN, MOST_MEAN),
            ("scale", self.scale, LEAST, MOST_SCALE),
            ("lower", self.lower, -MOST_SCALE, self.upper),
            ("upper", self.upper, self.lower, MOST_SCALE),
            ("usual", self.usual, 0.0, reach),
            ("beyond", self.beyond, LEAST, 2.0 * reach),
            ("threshold", np.array(self.threshold), LEAST, MOST_THRESHOLD),
        ):
            wrong = np.flatnonzero(~((least <= value) & (value <= most)))
            if wrong.size:
                found, low, high = (
                    np.broadcast_to(a, value.shape).ravel()[wrong[0]] for a in (value, least, most)
                )
                raise InvalidSetting(f"detector.{name}", float(found), f"from {low:g} to {high:g}")
        silent = self.usual + self.beyond * self.threshold > reach
        if silent[: errors + size].mean() > 0.5:
            raise InvalidSetting("detector.threshold", self.threshold, "what most of its streams can reach")


@dataclass(frozen=True)
class Assessment:
    """A chunk's score, 1 at the alarm, and in words which stream it comes from."""

    score: float
    subject: str


class Watch:
    """State: the running means of an episode, and its last observations. One thread."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._predicted = np.array(detector.predicted, np.intp)
        self._commanded = np.array(detector.commanded, np.intp)
        self._rates = np.array(RATES)[:, None]
        self.reset()

    def reset(self) -> None:
        """A new episode."""
        self._errors = np.zeros((len(RATES), len(self._predicted)))
        self._spread = self._without_progress = 0.0
        self._past: deque[tuple[int, Float32]] = deque(maxlen=REMEMBERED)

    def see(self, observation: Observation, action: Float32) -> FloatArray:
        """The streams (S,) after an observation and the actions, laid out time-major in [-1, 1], that were chosen for it."""
        detector = self._detector
        seen = np.asarray((observation.values - detector.mean) / detector.scale, np.float32)
        error = self._error(observation.stamp_ns, seen)
        if error is not None:
            self._errors += self._rates * (np.clip(error, -CLIP, CLIP) - self._errors)
        outside = np.maximum(np.maximum(seen - detector.upper, detector.lower - seen), 0.0)
        q = detector.critics(seen, action[: detector.critics.inputs - len(seen)])
        self._spread += SPREAD_RATE * (float(q.max() - q.min()) - self._spread)
        self._without_progress += max(-float(q.min()), 0.0) * self._passed_s(observation.stamp_ns)
        self._past.append((observation.stamp_ns, seen))
        critics = [self._spread, self._without_progress]
        return np.concatenate([np.abs(self._errors).ravel(), np.minimum(outside, FURTHEST), critics])

    def assess(self, streams: FloatArray) -> Assessment:
        """The score of these streams; infinite where one cannot be computed, for nothing is less like the data."""
        detector = self._detector
        scores = (streams - detector.usual) / (detector.beyond * detector.threshold)
        scores[np.isnan(scores)] = np.inf
        worst = int(scores.argmax())
        return Assessment(float(scores[worst]), self._words(worst, float(streams[worst])))

    def _error(self, stamp_ns: int, now: Float32) -> Float32 | None:
        """(P,): how far the change is off what was predicted, in standard deviations; None without an observation to predict from."""
        step_ns = self._detector.step_s * 1e9
        for at_ns, before in reversed(self._past):
            steps = (stamp_ns - at_ns) / step_ns
            if SHORTEST <= steps <= LONGEST:
                given = np.concatenate([before, now[self._commanded], np.array([steps], np.float32)])
                mean, deviation = self._detector.predictor(given)
                return np.asarray(((now - before)[self._predicted] - mean) / deviation, np.float32)
        return None

    def _passed_s(self, stamp_ns: int) -> float:
        """Since the last observation; of a pause, in which nobody strives for progress, no more than a prediction may span."""
        passed_s = (stamp_ns - self._past[-1][0]) * 1e-9 if self._past else 0.0
        return min(passed_s, LONGEST * self._detector.step_s)

    def _words(self, stream: int, value: float) -> str:
        detector, errors = self._detector, self._errors.size
        if stream < errors:
            return f"{detector.names[self._predicted[stream % len(self._predicted)]]} is not as predicted"
        component = stream - errors
        if component < len(detector.names):
            distance = value * float(detector.scale[component])
            return f"{detector.names[component]} is {distance:.3g} {detector.units[component]} outside of the data"
        return "the critics disagree" if component == len(detector.names) else "the critics see no progress"
