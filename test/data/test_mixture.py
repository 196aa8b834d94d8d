"""New data beside old: every batch has the stated share of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.data.dataset import Dataset, open_dataset
from qgf_ros.data.mixture import Mixture
from qgf_ros.data.relabel import Near, Relabel
from qgf_ros.errors import InvalidSetting
from test.data.conftest import write_slice

ANYWHERE = Relabel((Near("object_position", 1.0, point=(0.0, 0.0, 0.0)),))


@pytest.fixture
def both(tmp_path: Path, interface: Interface) -> tuple[Dataset, Dataset]:
    """Little new data, much old."""
    for name, lengths in (("new", [20]), ("old", [50] * 10)):
        (tmp_path / name).mkdir()
        write_slice(tmp_path / name / "a.npz", interface, lengths, seed=len(lengths))
    new, old = (open_dataset(tmp_path / name, interface, ANYWHERE) for name in ("new", "old"))
    return new, old


def of(dataset: Dataset, observations: np.ndarray) -> int:
    """How many of these observations are rows of the data set."""
    rows = {row.tobytes() for part in dataset.slices for row in np.asarray(part.observations)}
    return sum(row.tobytes() in rows for row in observations)


@pytest.mark.parametrize(
    ("share", "count", "fresh"), [(0.5, 64, 32), (0.25, 64, 16), (0.01, 64, 1), (0.99, 4, 3), (0.5, 1, 1)]
)
def test_a_draw_has_the_share_of_new_rows_whatever_the_sizes(
    both: tuple[Dataset, Dataset], share: float, count: int, fresh: int
) -> None:
    windows = Mixture(*both, share).draw(count, 3, 0.9, np.random.default_rng(0))
    assert len(windows.observations) == count
    assert of(both[0], windows.observations) == fresh
    assert of(both[1], windows.observations) == count - fresh


def test_equal_draws_give_equal_windows(both: tuple[Dataset, Dataset]) -> None:
    one, other = (Mixture(*both, 0.5).draw(8, 3, 0.9, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.actions, other.actions)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, float("nan")])
def test_a_share_that_mixes_nothing_is_refused(both: tuple[Dataset, Dataset], share: float) -> None:
    with pytest.raises(InvalidSetting, match="share of new data"):
        Mixture(*both, share)
