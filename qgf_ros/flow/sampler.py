"""How a chunk is sampled, in plain values: imports no torch, so that a process without it can plan and run a walk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum

from qgf_ros.bounds import CANDIDATES, STEPS
from qgf_ros.errors import InvalidSetting

GUIDANCE_STRENGTH = 0.3  # evaluate/guidance_weight.py: how far guidance moves chunks, of the policy's own spread (docs/adr/0032)
NOISE_SCALE = 0.5  # of the noise of training, that guided walks begin at (docs/adr/0036)
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
    below 1 chunks are less varied, and repeat less of the demonstrators' noise (ours: docs/adr/0016, 0036). `slope`: see
    `Slope`.
    """

    guidance_weight: float = 0.05
    estimator: Estimator = Estimator.ONE_STEP
    denoise_steps: int = 10
    candidates: int = 1
    noise_scale: float = 1.0
    slope: Slope = Slope.LOGIT

    def as_mapping(self) -> dict[str, object]:
        """Plain values; `strict.build` reads them back. A slope that is not stated is left out, as before there were two."""
        plain = asdict(self) | {"estimator": self.estimator.value, "slope": self.slope.value}
        return {key: value for key, value in plain.items() if key != "slope" or self.slope is not Slope.LOGIT}

    def __post_init__(self) -> None:
        """Check noise and counts; raises InvalidSetting."""
        for name, value, most in (
            ("denoise_steps", self.denoise_steps, STEPS),
            ("candidates", self.candidates, CANDIDATES),
        ):
            if not 1 <= value <= most:
                raise InvalidSetting(f"defaults.{name}", value, f"a whole number from 1 to {most}")
        if not 0.0 < self.noise_scale <= 1.0:
            raise InvalidSetting("defaults.noise_scale", self.noise_scale, "a number above 0, at most 1")


@dataclass(frozen=True)
class SamplerConfig:
    """How a chunk is sampled.

    `weight` 0 is the unguided policy; `candidates` N > 1 keeps the best of N by aggregated target Q. `noise_scale` as in `Walk`.
    """

    denoise_steps: int = 10
    weight: float | WeightSchedule = 0.0
    estimator: Estimator = Estimator.ONE_STEP
    candidates: int = 1
    noise_scale: float = 1.0

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
        return Walk(times, weights, self.estimator, self.candidates, self.noise_scale)


@dataclass(frozen=True)
class Walk:
    """A planned walk from noise to action: what an engine is asked to do.

    `times` (K + 1) increase from 0 to 1, not necessarily evenly; `weights` (K) are the guidance weights of the steps; at
    a step whose weight is 0 the critic is not evaluated. Times must be such as the policy was trained on. `noise_scale`: of a walk that is
    guided somewhere, the standard deviation of the noise it is to begin at.
    """

    times: tuple[float, ...]
    weights: tuple[float, ...]
    estimator: Estimator = Estimator.ONE_STEP
    candidates: int = 1
    noise_scale: float = 1.0

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
    def noise(self) -> float:
        """The standard deviation of the noise that it begins at: without guidance that of training, 1 (docs/adr/0036)."""
        return self.noise_scale if self.guided_steps else 1.0

    @property
    def asks_critic(self) -> bool:
        """Whether the finished chunks are scored by the critic: to choose among them, or to report Q."""
        return self.candidates > 1 or self.guided_steps > 0


def uniform_times(denoise_steps: int) -> tuple[float, ...]:
    """Return the K + 1 grid times (0, 1/K, ..., 1) of K equal steps; raises InvalidSetting for K < 1."""
    if denoise_steps < 1:
        raise InvalidSetting("denoise_steps", denoise_steps, "a positive whole number")
    return tuple(k / denoise_steps for k in range(denoise_steps + 1))


def default_config(defaults: SamplerDefaults) -> SamplerConfig:
    """How a policy is sampled where nothing else is said."""
    d = defaults
    return SamplerConfig(d.denoise_steps, d.guidance_weight, d.estimator, d.candidates, d.noise_scale)
