"""How a chunk is sampled, in plain values: imports no torch, so that a process without it can plan and run a walk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import cycle, islice

from qgf_ros.bounds import CANDIDATES, STEPS
from qgf_ros.errors import InvalidSetting

GUIDANCE_STRENGTH = 0.3  # evaluate/guidance_weight.py: how far guidance moves chunks, of the policy's own spread (docs/adr/0032)
NoiseScale = float | tuple[float, ...]
"""Standard deviations of the noise that guided walks begin at, of that of training: one for all candidates, or several that they take in turn."""
NOISE_SCALE: NoiseScale = (0.5, 1.0)  # docs/adr/0036, 0037
WeightSchedule = Callable[[float], float]
"""t in [0, 1) -> guidance weight at that time."""


class Estimator(Enum):
    """Which estimate of the final action the critic judges.

    ONE_STEP: QGF, the reference's value: the critic's gradient at clip(a_t + (1 - t) v), used as it is.
    ONE_STEP_JACOBIAN: the same point, the gradient carried back to a_t through the estimate (clip included).
    NOISY: QFQL: the critic's gradient at a_t itself, unclipped.
    """

    ONE_STEP = "one_step"
    ONE_STEP_JACOBIAN = "one_step_jacobian"
    NOISY = "noisy"


class Slope(Enum):
    """Of what the critic's gradient is taken, where its answers are logits: docs/algorithm.md, section 11. Candidates rank alike."""

    LOGIT = "logit"  # of the answer as it is: the only one where answers are returns
    PROBABILITY = "probability"  # of sigmoid(answer): the same direction, times p (1 - p)


@dataclass(frozen=True)
class SamplerDefaults:
    """How the node samples unless told otherwise; `guidance_weight` has the unit action^2 / Q.

    `noise_scale` is the standard deviation of the noise that guided walks begin at. The reference's value, that of training, is 1;
    below 1 chunks are less varied, and repeat less of the demonstrators' noise; of several the candidates take one each, in turn, and the
    critic chooses (ours: docs/adr/0016, 0036, 0037). `margin`, in Q: by how much a candidate that begins at more noise than the calmest
    must be better than those to be chosen. `slope`: see `Slope`.
    """

    guidance_weight: float = 0.05
    estimator: Estimator = Estimator.ONE_STEP
    denoise_steps: int = 10
    candidates: int = 1
    noise_scale: NoiseScale = 1.0
    margin: float = 0.0
    slope: Slope = Slope.LOGIT

    def as_mapping(self) -> dict[str, object]:
        """Plain values; `strict.build` reads them back. Slope and margin are left out where nothing is stated, as before there were such."""
        plain = asdict(self) | {"estimator": self.estimator.value, "slope": self.slope.value}
        unstated = {"slope"} if self.slope is Slope.LOGIT else set()
        unstated |= {"margin"} if self.margin == 0.0 else set()
        return {key: value for key, value in plain.items() if key not in unstated}

    def __post_init__(self) -> None:
        """Check noise and counts; raises InvalidSetting."""
        for name, value, most in (
            ("denoise_steps", self.denoise_steps, STEPS),
            ("candidates", self.candidates, CANDIDATES),
        ):
            if not 1 <= value <= most:
                raise InvalidSetting(f"defaults.{name}", value, f"a whole number from 1 to {most}")
        scales = _in_turn(self.noise_scale)
        if not scales or not all(0.0 < scale <= 1.0 for scale in scales):
            accepted = "a number above 0, at most 1, or a list of such"
            raise InvalidSetting("defaults.noise_scale", self.noise_scale, accepted)
        if not 0.0 <= self.margin < math.inf:
            raise InvalidSetting("defaults.margin", self.margin, "a number from 0 up")


@dataclass(frozen=True)
class SamplerConfig:
    """How a chunk is sampled.

    `weight` 0 is the unguided policy; `candidates` N > 1 keeps the best of N by aggregated target Q. `noise_scale` and `margin` as in `Walk`.
    """

    denoise_steps: int = 10
    weight: float | WeightSchedule = 0.0
    estimator: Estimator = Estimator.ONE_STEP
    candidates: int = 1
    noise_scale: NoiseScale = 1.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Check the counts; raises InvalidSetting."""
        for name, value in (("denoise_steps", self.denoise_steps), ("candidates", self.candidates)):
            if value < 1:
                raise InvalidSetting(f"sampler.{name}", value, "a positive whole number")

    @property
    def guided(self) -> bool:
        """Whether any step may need the critic's gradient."""
        return callable(self.weight) or self.weight != 0.0

    def walk(self) -> Walk:
        """The whole walk: K equal steps, each guided as `weight` says."""
        times = uniform_times(self.denoise_steps)
        weights = tuple(self.weight(time) if callable(self.weight) else self.weight for time in times[:-1])
        return Walk(times, weights, self.estimator, self.candidates, self.noise_scale, self.margin)


@dataclass(frozen=True)
class Walk:
    """A planned walk from noise to action: what an engine is asked to do.

    `times` (K + 1) increase from 0 to 1, not necessarily evenly; `weights` (K) are the guidance weights of the steps; at
    a step whose weight is 0 the critic is not evaluated. Times must be such as the policy was trained on. `noise_scale`: of walks that are
    guided somewhere, the standard deviation of the noise they are to begin at; `margin`: how much more Q is asked of candidates that begin at
    more noise than the calmest.
    """

    times: tuple[float, ...]
    weights: tuple[float, ...]
    estimator: Estimator = Estimator.ONE_STEP
    candidates: int = 1
    noise_scale: NoiseScale = 1.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        """Check lengths and order; raises InvalidSetting."""
        increasing = all(later > time for time, later in zip(self.times, self.times[1:], strict=False))
        if len(self.times) < 2 or (self.times[0], self.times[-1]) != (0.0, 1.0) or not increasing:
            raise InvalidSetting("walk.times", self.times, "times that increase from 0 to 1")
        if len(self.weights) != self.steps:
            raise InvalidSetting("walk.weights", self.weights, f"{self.steps} weights, one a step")
        if self.candidates < 1:
            raise InvalidSetting("walk.candidates", self.candidates, "a positive whole number")

    @property
    def steps(self) -> int:
        """K, the number of Euler steps."""
        return len(self.times) - 1

    @property
    def guided_steps(self) -> int:
        """How many steps ask the critic for its gradient."""
        return sum(weight != 0.0 for weight in self.weights)

    @property
    def noise(self) -> tuple[float, ...]:
        """The standard deviation of the noise that each of N candidates begins at: without guidance that of training, 1 (docs/adr/0036)."""
        scales = _in_turn(self.noise_scale) if self.guided_steps else (1.0,)
        return tuple(islice(cycle(scales), self.candidates))

    @property
    def handicaps(self) -> tuple[float, ...]:
        """What is taken from the Q of each of N candidates before they are compared: the margin, but for the calmest. Ours (docs/adr/0037)."""
        noise = self.noise
        return tuple(self.margin if scale > min(noise) else 0.0 for scale in noise)

    def best_of(self, scores: Sequence[float]) -> int:
        """Which of N candidates is executed: that of the highest score less its handicap, of equals the first; without scores the first."""
        if not self.asks_critic:
            return 0
        lessened = [float(score) - less for score, less in zip(scores, self.handicaps, strict=True)]
        return max(range(len(lessened)), key=lessened.__getitem__)

    @property
    def asks_critic(self) -> bool:
        """Whether the finished chunks are scored by the critic: to choose among them, or to report Q."""
        return self.candidates > 1 or self.guided_steps > 0


def uniform_times(denoise_steps: int) -> tuple[float, ...]:
    """Return the K + 1 grid times (0, 1/K, ..., 1) of K equal steps; raises InvalidSetting for K < 1."""
    if denoise_steps < 1:
        raise InvalidSetting("denoise_steps", denoise_steps, "a positive whole number")
    return tuple(k / denoise_steps for k in range(denoise_steps + 1))


def _in_turn(scale: NoiseScale) -> tuple[float, ...]:
    return scale if isinstance(scale, tuple) else (scale,)


def default_config(defaults: SamplerDefaults) -> SamplerConfig:
    """How a policy is sampled where nothing else is said."""
    d = defaults
    return SamplerConfig(
        d.denoise_steps, d.guidance_weight, d.estimator, d.candidates, d.noise_scale, d.margin
    )
