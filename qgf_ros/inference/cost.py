"""What a chunk costs: calibrated at configure, followed while running by how much slower the machine has become."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from qgf_ros.flow.sampler import Estimator, Walk, uniform_times
from qgf_ros.inference.deadline import Clock

KEPT = 20  # figures remembered: some seconds of chunks
HIGH = 0.9  # their quantile that is planned with: two outliers in twenty change nothing, three slow ones in a row count


@dataclass(frozen=True)
class WalkCost:
    """What walks with one number of candidates take, s, at the speed of the calibration.

    `fixed_s`: encoding, and scoring where there is more than one candidate. `critic_s`: what a walk with guided steps adds
    to that. `step_s`, `guided_s`: one step without and with guidance.
    """

    fixed_s: float
    critic_s: float
    step_s: float
    guided_s: float

    @classmethod
    def fitted(cls, plain: tuple[float, float], guided: tuple[float, float], steps: int) -> WalkCost:
        """From measured walks of one step and of `steps` steps (their times, s), unguided and guided; never negative."""
        step_s, fixed_s = _line(plain, steps)
        guided_s, guided_fixed_s = _line(guided, steps)
        return cls(fixed_s, max(guided_fixed_s - fixed_s, 0.0), step_s, guided_s)

    def of(self, steps: int, guided_steps: int) -> float:
        """Time of a walk of `steps`, `guided_steps` of them guided, s."""
        return self.around_s(guided_steps) + self.of_steps(steps, guided_steps)

    def around_s(self, guided_steps: int) -> float:
        """What comes before the first step and after the last, s."""
        return self.fixed_s + (self.critic_s if guided_steps else 0.0)

    def of_steps(self, steps: int, guided_steps: int) -> float:
        """The steps alone, s."""
        return (steps - guided_steps) * self.step_s + guided_steps * self.guided_s


class RunningHigh:
    """State: the newest `KEPT` figures, at first all `initial`. Answers with a high quantile; never negative."""

    def __init__(self, initial: float) -> None:
        self._initial = initial
        self._kept = deque([initial] * KEPT, maxlen=KEPT)

    def add(self, figure: float) -> None:
        """Notes one figure; the oldest is forgotten."""
        self._kept.append(max(figure, 0.0))

    def forget(self) -> None:
        """One figure gives way to the initial one: what is no longer measured is believed less and less."""
        self._kept.append(self._initial)

    @property
    def value(self) -> float:
        """The quantile `HIGH` of what is kept."""
        return sorted(self._kept)[int(HIGH * (KEPT - 1))]


class CostBook:
    """State: how much slower than calibrated engine and machine are at present. One thread.

    `walks`: the calibrated costs by number of candidates. `outside_s`: what a chunk takes outside of the engine (assembly,
    units, message) before any was measured.
    """

    def __init__(self, walks: Mapping[int, WalkCost], outside_s: float = 0.0) -> None:
        self._walks = dict(walks)
        self._slowdown = RunningHigh(1.0)
        self._waiting = RunningHigh(0.0)
        self._outside = RunningHigh(outside_s)

    @property
    def candidates(self) -> tuple[int, ...]:
        """Numbers of candidates whose cost is known, ascending."""
        return tuple(sorted(self._walks))

    @property
    def slowdown(self) -> float:
        """Engine time over calibrated engine time, of late."""
        return self._slowdown.value

    @property
    def outside_s(self) -> float:
        """Time of a chunk outside of the engine, of late, s."""
        return self._outside.value

    @property
    def waiting_s(self) -> float:
        """Time that walks waited for something else than themselves, of late, s."""
        return self._waiting.value

    def calibrated(self, candidates: int) -> WalkCost:
        """The cost as calibrated, for a number of candidates that is known."""
        return self._walks[candidates]

    def at_present(self, candidates: int) -> WalkCost:
        """The cost as it is now."""
        known, slower = self._walks[candidates], self.slowdown
        return WalkCost(
            known.fixed_s * slower, known.critic_s * slower, known.step_s * slower, known.guided_s * slower
        )

    def predict(self, candidates: int, steps: int, guided_steps: int) -> float:
        """Time of a chunk from readings to message as things are now, s."""
        walk_s = self.slowdown * self._walks[candidates].of(steps, guided_steps)
        return self.outside_s + self.waiting_s + walk_s

    def note(
        self, calibrated_s: float, engine_s: float, outside_s: float, step_ratio: float | None = None
    ) -> None:
        """A chunk was made: the engine took `engine_s` for a walk calibrated at `calibrated_s`, all else `outside_s`.

        `step_ratio`: how much slower than calibrated its steps were, where they were timed. What the engine took beyond that
        is no matter of speed but of waiting: a smaller walk would not have made it shorter.
        """
        if step_ratio is None:
            step_ratio = engine_s / calibrated_s if calibrated_s > 0.0 else 1.0
        self._slowdown.add(step_ratio)
        self._waiting.add(engine_s - step_ratio * calibrated_s)
        self._outside.add(outside_s)

    def untried(self) -> None:
        """No walk was even begun, for want of time: after a while of that the calibrated speed is tried again."""
        self._slowdown.forget()
        self._waiting.forget()
        self._outside.forget()


def calibrate(
    sample: Callable[[Walk], object],
    candidates: Iterable[int],
    steps: int,
    estimator: Estimator,
    passes: int,
    clock: Clock,
) -> dict[int, WalkCost]:
    """Measures walks of one step and of `steps` steps by `sample`, unguided and guided, for each number of candidates.

    Each is the median of `passes` runs after one that warms up.
    """
    return {
        count: WalkCost.fitted(
            _times(sample, count, steps, 0.0, estimator, passes, clock),
            _times(sample, count, steps, 1.0, estimator, passes, clock),
            steps,
        )
        for count in sorted(set(candidates))
    }


def _times(
    sample: Callable[[Walk], object],
    candidates: int,
    steps: int,
    weight: float,
    estimator: Estimator,
    passes: int,
    clock: Clock,
) -> tuple[float, float]:
    def median_s(count: int) -> float:
        walk = Walk(uniform_times(count), (weight,) * count, estimator, candidates)
        sample(walk)
        taken = []
        for _ in range(passes):
            began_s = clock.now_s()
            sample(walk)
            taken.append(clock.now_s() - began_s)
        return statistics.median(taken)

    return median_s(1), median_s(steps)


def _line(times: tuple[float, float], steps: int) -> tuple[float, float]:
    """Time of a step and of what is not a step, from walks of one step and of `steps`."""
    one_s, all_s = times
    if steps == 1:
        return max(one_s, 0.0), 0.0
    step_s = max((all_s - one_s) / (steps - 1), 0.0)
    return step_s, max(one_s - step_s, 0.0)
