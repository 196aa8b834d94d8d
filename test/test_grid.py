"""A velocity field is asked only at times that it was trained on."""

from __future__ import annotations

from itertools import pairwise

import pytest

from qgf_ros.errors import OffGridError
from qgf_ros.flow.grid import TimeGrid


@pytest.mark.parametrize("grid_steps", [1, 4, 10, 16])
def test_fewer_steps_stay_on_the_grid_and_as_even_as_it_allows(grid_steps: int) -> None:
    trained = {k / grid_steps for k in range(grid_steps + 1)}
    for steps in range(1, grid_steps + 1):
        times = TimeGrid(grid_steps).times(steps)
        assert len(times) == steps + 1
        assert (times[0], times[-1]) == (0.0, 1.0)
        assert set(times) <= trained
        sizes = [round((later - time) * grid_steps) for time, later in pairwise(times)]
        assert max(sizes) - min(sizes) <= 1


def test_more_steps_than_the_grid_has_are_refused() -> None:
    with pytest.raises(OffGridError, match="11 denoising steps leave the times k/10"):
        TimeGrid(10).times(11)


def test_equal_steps_must_divide_the_grid() -> None:
    for steps in (1, 2, 5, 10):
        TimeGrid(10).check_equal(steps)
    for steps in (3, 7, 20):
        with pytest.raises(OffGridError, match="accepted are 1, 2, 5, 10"):
            TimeGrid(10).check_equal(steps)


def test_a_policy_trained_at_any_time_takes_any_number_of_equal_steps() -> None:
    grid = TimeGrid(10, continuous=True)
    grid.check_equal(7)
    assert grid.times(4) == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert len(grid.times(16)) == 17
