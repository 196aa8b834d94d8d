"""The noise that walks begin at: scaled as the checkpoint says, and as in training unless it says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerConfig, SamplerDefaults, Walk, default_config
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.plan import ladder
from qgf_ros.inference.policy import ChunkPolicy, draw_noise
from test.prefix_world import CPU, OBSERVATION, PLAIN, A, H

WALK = Walk((0.0, 0.5, 1.0), (0.0, 0.01))


def first_actions(scale: float | None) -> np.ndarray:
    """A chunk in [-1, 1] for a fixed observation; None: the policy's own default."""
    interface: Interface = PLAIN.interface
    engine = ReferenceEngine(PLAIN, CPU)
    policy = ChunkPolicy(interface, engine)
    walk = WALK if scale is None else replace(WALK, noise_scale=scale)
    chunk = policy.propose(Observation(np.zeros(OBSERVATION, np.float32), 1), walk, seed=3, index=2).chunk
    return chunk.actions / 0.1


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_a_walk_begins_at_scaled_noise(scale: float) -> None:
    noise = np.float32(scale) * draw_noise(3, 2, 1, H * A)
    sample = ReferenceEngine(PLAIN, CPU).sample(Question(np.zeros(OBSERVATION, np.float32), noise, WALK))
    # to physical units and back: two roundings of a float64
    np.testing.assert_allclose(first_actions(scale).reshape(-1), sample.actions[0], rtol=1e-12)


def test_unless_told_otherwise_noise_is_as_in_training() -> None:
    assert SamplerDefaults().noise_scale == 1.0
    np.testing.assert_array_equal(first_actions(None), first_actions(1.0))


@given(scale=st.floats(0.01, 1.0), guided=st.booleans())
def test_a_walk_without_guidance_begins_at_the_noise_of_training(scale: float, guided: bool) -> None:
    """Its variety is what the best is chosen from."""
    sampler = SamplerConfig(4, 0.1 if guided else 0.0, noise_scale=scale)
    assert sampler.walk().noise == (scale if guided else 1.0)
    for option in ladder(sampler, TimeGrid(4)):
        walk = option.walk(sampler)
        assert walk.noise == (scale if walk.guided_steps else 1.0)


def test_a_checkpoints_default_is_how_it_is_sampled() -> None:
    assert default_config(SamplerDefaults(0.1, noise_scale=0.25)).walk().noise == 0.25


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5])
def test_a_scale_that_training_has_not_seen_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidSetting, match="noise_scale"):
        SamplerDefaults(noise_scale=wrong)
