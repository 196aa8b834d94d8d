"""Held out by episode, however episodes lie in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.data.dataset import Slice, split_episodes
from qgf_ros.errors import DatasetTooShort


def slices_of(lengths: list[list[int]]) -> list[Slice]:
    """Files of episodes of these lengths; each row holds its number over all."""
    made, row = [], 0
    for number, file in enumerate(lengths):
        ends = np.zeros(sum(file), bool)
        ends[np.cumsum(file) - 1] = True
        rows = np.arange(row, row + len(ends), dtype=np.float32)[:, None]
        made.append(Slice(Path(f"{number}.npz"), rows, rows, ends))
        row += len(ends)
    return made


FILES = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=6), min_size=1, max_size=5)


@given(FILES.filter(lambda files: sum(map(len, files)) >= 2), st.floats(0.01, 0.99))
def test_the_last_episodes_are_held_out_whole_and_no_row_is_lost(
    files: list[list[int]], share: float
) -> None:
    count = sum(map(len, files))
    kept, held = split_episodes(slices_of(files), share)
    rows = [part.observations for part in (*kept, *held)]
    np.testing.assert_array_equal(np.concatenate(rows)[:, 0], np.arange(sum(map(sum, files))))
    assert sum(int(part.terminals.sum()) for part in held) == min(max(1, round(share * count)), count - 1)
    assert all(part.terminals[-1] for part in kept)


def test_where_a_file_is_cut_its_episodes_keep_their_numbers() -> None:
    (before,), (after,) = split_episodes(slices_of([[2, 3, 4]]), 0.34)
    assert (before.first_episode, after.first_episode) == (0, 2)


def test_a_single_episode_cannot_be_held_out() -> None:
    with pytest.raises(DatasetTooShort):
        split_episodes(slices_of([[5]]), 0.5)
