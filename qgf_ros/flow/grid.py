"""The times at which a velocity field was trained, and so may be asked. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from qgf_ros.bounds import STEPS
from qgf_ros.errors import InvalidSetting, OffGridError
from qgf_ros.flow.sampler import uniform_times


@dataclass(frozen=True)
class TimeGrid:
    """The times k / steps, or with `continuous` any time in [0, 1): see `flow.path.TimeSampling`."""

    steps: int = 10
    continuous: bool = False

    def __post_init__(self) -> None:
        """Check the count; raises InvalidSetting."""
        if not 1 <= self.steps <= STEPS:
            raise InvalidSetting("trained_at.steps", self.steps, f"a whole number from 1 to {STEPS}")

    def check_equal(self, denoise_steps: int) -> None:
        """Raises OffGridError where so many equal steps ask the field at times it has never seen."""
        if not self.continuous and self.steps % denoise_steps:
            raise OffGridError(denoise_steps, self.steps)

    def times(self, denoise_steps: int) -> tuple[float, ...]:
        """Times of so many steps from 0 to 1, as even as the grid allows.

        Raises:
            OffGridError: more steps than the grid has.
        """
        if self.continuous:
            return uniform_times(denoise_steps)
        if denoise_steps > self.steps:
            raise OffGridError(denoise_steps, self.steps)
        grid = uniform_times(self.steps)
        return tuple(grid[round(k * self.steps / denoise_steps)] for k in range(denoise_steps + 1))
