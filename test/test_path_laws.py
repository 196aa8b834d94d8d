"""Laws of the flow's path and of training times. Conventions: time 0 is noise, time 1 is action."""

from __future__ import annotations

import pytest
import torch
from flow_world import ROUNDING, generator, normal

from qgf_ros.flow.path import TimeSampling, flow_matching_loss, interpolate, sample_times


def test_the_path_runs_from_noise_at_time_0_to_the_action_at_time_1() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    assert torch.equal(interpolate(noise, action, torch.zeros(4)), noise)
    assert torch.equal(interpolate(noise, action, torch.ones(4)), action)


def test_the_flow_matching_loss_vanishes_for_the_velocity_of_the_path() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    assert flow_matching_loss(action - noise, noise, action) == 0.0


def test_the_flow_matching_loss_is_a_mean_over_batch_and_components() -> None:
    noise, action = normal(4, 6, seed=1), normal(4, 6, seed=2)
    loss = flow_matching_loss(action - noise + 0.5, noise, action)
    assert loss.item() == pytest.approx(0.25, abs=ROUNDING)


def test_discrete_training_times_are_the_grid_times_and_include_both_ends() -> None:
    times = sample_times(2000, TimeSampling.DISCRETE, 10, generator())
    assert set(times.tolist()) == {(torch.tensor(k) / 10).item() for k in range(11)}


def test_continuous_training_times_fill_the_interval() -> None:
    times = sample_times(2000, TimeSampling.CONTINUOUS, 10, generator())
    assert len(set(times.tolist())) > 1900
    assert times.min() >= 0.0
    assert times.max() < 1.0
