"""The window sampler against its definition, written out step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.data.batch import to_batch
from qgf_ros.data.chunks import Array, Transitions, Windows, cut_windows, draw_starts
from qgf_ros.errors import DatasetTooShort, InvalidSetting, ShapeMismatch

DISCOUNT = 0.9
ROUNDING = 1e-5  # float32 sums of at most 6 numbers near 1
SIZE = 30


def transitions(seed: int = 0, terminal_share: float = 0.2) -> Transitions:
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float32)

    def flags(share: float) -> Array:
        return (rng.random(SIZE) < share).astype(np.float32)

    return Transitions(
        array(SIZE, 3), array(SIZE, 2), array(SIZE, 3), array(SIZE), 1 - flags(0.2), flags(terminal_share)
    )


@given(st.integers(0, 2**31), st.integers(1, 6))
def test_a_window_follows_the_definition_step_by_step(seed: int, horizon: int) -> None:
    data = transitions(seed)
    starts = draw_starts(SIZE, horizon, 5, np.random.default_rng(seed))
    windows = cut_windows(data, starts, horizon, DISCOUNT)
    for row, start in enumerate(starts):
        returned, mask, valid, last = 0.0, 1.0, 1.0, int(start)
        for step in range(horizon):
            now = int(start) + step
            if valid:
                returned += DISCOUNT**step * float(data.rewards[now])
                mask = min(mask, float(data.masks[now]))
                last = now
            assert windows.valid[row, step] == valid
            assert windows.masks[row, step] == mask
            assert windows.rewards[row, step] == pytest.approx(returned, abs=ROUNDING)
            assert np.array_equal(windows.next_observations[row, step], data.next_observations[last])
            assert np.array_equal(windows.actions[row, step], data.actions[now])
            valid = 0.0 if data.terminals[now] else valid
            assert windows.terminals[row, step] == 1.0 - valid
        assert np.array_equal(windows.observations[row], data.observations[start])


def test_without_episode_ends_every_window_is_valid() -> None:
    windows = cut_windows(transitions(terminal_share=0.0), np.arange(SIZE - 4), 5, DISCOUNT)
    assert windows.valid.all()


def test_a_window_that_ends_on_the_last_step_of_an_episode_is_valid() -> None:
    data = transitions(terminal_share=0.0)
    data.terminals[7] = 1.0
    windows = cut_windows(data, np.array([3, 4]), 5, DISCOUNT)
    assert windows.valid[:, -1].tolist() == [1.0, 0.0]


def test_horizon_one_is_the_data_itself() -> None:
    data = transitions()
    windows = cut_windows(data, np.arange(SIZE), 1, DISCOUNT)
    assert np.array_equal(windows.rewards[:, 0], data.rewards)
    assert np.array_equal(windows.masks[:, 0], data.masks)
    assert np.array_equal(windows.next_observations[:, 0], data.next_observations)


def test_memory_mapped_arrays_give_the_same_windows(tmp_path: Path) -> None:
    data, starts = transitions(), np.array([0, 5, 25])
    mapped = {}
    for name, array in data.__dict__.items():
        np.save(tmp_path / f"{name}.npy", array)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    plain, lazy = (
        cut_windows(data, starts, 5, DISCOUNT),
        cut_windows(Transitions(**mapped), starts, 5, DISCOUNT),
    )
    for name in Windows.__dataclass_fields__:
        assert np.array_equal(getattr(plain, name), getattr(lazy, name))
        assert type(getattr(lazy, name)) is np.ndarray


def test_starts_reach_both_ends_and_leave_room_for_the_window() -> None:
    starts = draw_starts(12, 5, 500, np.random.default_rng(0))
    assert (starts.min(), starts.max()) == (0, 7)


def test_the_same_generator_state_gives_the_same_starts() -> None:
    one, other = (draw_starts(100, 5, 50, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)


def test_a_batch_takes_the_last_column_of_what_runs_along_the_window() -> None:
    windows = cut_windows(transitions(), np.array([0, 5, 25]), 5, DISCOUNT)
    batch = to_batch(windows, torch.device("cpu"))
    assert np.array_equal(batch.rewards.numpy(), windows.rewards[:, -1])
    assert np.array_equal(batch.masks.numpy(), windows.masks[:, -1])
    assert np.array_equal(batch.valid.numpy(), windows.valid[:, -1])
    assert np.array_equal(batch.next_observations.numpy(), windows.next_observations[:, -1])
    assert batch.actions.shape == (3, 5, 2)


@pytest.mark.parametrize("start", [-1, SIZE - 4])
def test_a_window_that_would_leave_the_data_is_refused(start: int) -> None:
    with pytest.raises(InvalidSetting, match=f"start index is {start}, but it must be from 0 to {SIZE - 5}"):
        cut_windows(transitions(), np.array([3, start]), 5, DISCOUNT)


def test_data_shorter_than_a_window_are_refused() -> None:
    with pytest.raises(DatasetTooShort, match="holds 30 transitions"):
        cut_windows(transitions(), np.array([0]), SIZE + 1, DISCOUNT)
    with pytest.raises(DatasetTooShort):
        draw_starts(4, 5, 1, np.random.default_rng(0))


def test_arrays_of_different_lengths_are_refused() -> None:
    data = transitions()
    with pytest.raises(ShapeMismatch, match="rewards has the shape"):
        Transitions(**(data.__dict__ | {"rewards": data.rewards[:-1]}))
