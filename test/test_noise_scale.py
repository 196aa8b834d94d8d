"""The noise that walks begin at: scaled as the checkpoint says, and as in training unless it says so."""

from __future__ import annotations

import numpy as np
import pytest

from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import SamplerDefaults, Walk
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.policy import ChunkPolicy, draw_noise
from test.prefix_world import CPU, OBSERVATION, PLAIN, A, H


def first_actions(scale: float | None) -> np.ndarray:
    """A chunk in [-1, 1] for a fixed observation; None: the policy's own default."""
    interface: Interface = PLAIN.interface
    engine = ReferenceEngine(PLAIN, CPU)
    policy = ChunkPolicy(interface, engine) if scale is None else ChunkPolicy(interface, engine, scale)
    walk = Walk((0.0, 0.5, 1.0), (0.0, 0.0))
    chunk = policy.propose(Observation(np.zeros(OBSERVATION, np.float32), 1), walk, seed=3, index=2).chunk
    return chunk.actions / 0.1


@pytest.mark.parametrize("scale", [0.25, 1.0])
def test_a_walk_begins_at_scaled_noise(scale: float) -> None:
    noise = np.float32(scale) * draw_noise(3, 2, 1, H * A)
    walk = Walk((0.0, 0.5, 1.0), (0.0, 0.0))
    sample = ReferenceEngine(PLAIN, CPU).sample(Question(np.zeros(OBSERVATION, np.float32), noise, walk))
    # to physical units and back: two roundings of a float64
    np.testing.assert_allclose(first_actions(scale).reshape(-1), sample.actions[0], rtol=1e-12)


def test_unless_told_otherwise_noise_is_as_in_training() -> None:
    assert SamplerDefaults().noise_scale == 1.0
    np.testing.assert_array_equal(first_actions(None), first_actions(1.0))


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5])
def test_a_scale_that_training_has_not_seen_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidSetting, match="noise_scale"):
        SamplerDefaults(noise_scale=wrong)
