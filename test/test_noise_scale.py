"""The noise that walks begin at: scaled as the checkpoint says, and as in training unless it says so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import Interface
from qgf_ros.datatypes import Observation
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import NoiseScale, SamplerConfig, SamplerDefaults, Walk, default_config
from qgf_ros.inference.engines.engine import Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.plan import ladder
from qgf_ros.inference.policy import ChunkPolicy, draw_noise
from qgf_ros.strict import build
from test.prefix_world import CPU, OBSERVATION, PLAIN, A, H

WALK = Walk((0.0, 0.5, 1.0), (0.0, 0.01))
SCALES = st.one_of(st.floats(0.01, 1.0), st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5).map(tuple))


def first_actions(scale: NoiseScale | None) -> np.ndarray:
    """A chunk in [-1, 1] for a fixed observation; None: the policy's own default."""
    interface: Interface = PLAIN.interface
    engine = ReferenceEngine(PLAIN, CPU)
    policy = ChunkPolicy(interface, engine)
    walk = WALK if scale is None else replace(WALK, noise_scale=scale)
    chunk = policy.propose(Observation(np.zeros(OBSERVATION, np.float32), 1), walk, seed=3, index=2).chunk
    return chunk.actions / 0.1


@pytest.mark.parametrize(("scale", "first"), [(0.25, 0.25), (1.0, 1.0), ((0.25, 1.0), 0.25)])
def test_a_walk_begins_at_scaled_noise(scale: NoiseScale, first: float) -> None:
    noise = np.float32(first) * draw_noise(3, 2, 1, H * A)
    sample = ReferenceEngine(PLAIN, CPU).sample(Question(np.zeros(OBSERVATION, np.float32), noise, WALK))
    # to physical units and back: two roundings of a float64
    np.testing.assert_allclose(first_actions(scale).reshape(-1), sample.actions[0], rtol=1e-12)


def test_unless_told_otherwise_noise_is_as_in_training() -> None:
    assert SamplerDefaults().noise_scale == 1.0
    np.testing.assert_array_equal(first_actions(None), first_actions(1.0))


@given(scale=SCALES, candidates=st.integers(1, 9))
def test_candidates_take_the_scales_in_turn_so_that_more_of_them_change_no_others(
    scale: NoiseScale, candidates: int
) -> None:
    scales = scale if isinstance(scale, tuple) else (scale,)
    found = SamplerConfig(4, 0.1, candidates=candidates, noise_scale=scale).walk().noise
    assert found == tuple(scales[index % len(scales)] for index in range(candidates))


def test_each_candidate_begins_at_its_own_noise() -> None:
    """Whichever the critic chooses: the chunk is the best of what each begins alone."""
    walk = replace(WALK, candidates=4, noise_scale=(0.25, 1.0))
    noise = np.array([[0.25], [1.0], [0.25], [1.0]], np.float32) * draw_noise(3, 2, 4, H * A)
    sample = ReferenceEngine(PLAIN, CPU).sample(Question(np.zeros(OBSERVATION, np.float32), noise, walk))
    policy = ChunkPolicy(PLAIN.interface, ReferenceEngine(PLAIN, CPU))
    chunk = policy.propose(Observation(np.zeros(OBSERVATION, np.float32), 1), walk, seed=3, index=2).chunk
    np.testing.assert_allclose(chunk.actions.reshape(-1) / 0.1, sample.actions[sample.best], rtol=1e-12)


@given(
    scale=SCALES,
    margin=st.floats(0.0, 3.0),
    guided=st.booleans(),
    scores=st.lists(st.floats(-5.0, 5.0, width=32), min_size=1, max_size=9),
)
def test_of_more_noise_than_the_calmest_only_what_is_better_by_the_margin_is_chosen(
    scale: NoiseScale, margin: float, guided: bool, scores: list[float]
) -> None:
    walk = Walk((0.0, 1.0), (0.1 * guided,), candidates=len(scores), noise_scale=scale, margin=margin)
    best, noise = walk.best_of(scores), walk.noise
    if len(scores) == 1 and not guided:
        assert best == 0
        return
    calm = [score for score, own in zip(scores, noise, strict=True) if own == min(noise)]
    wide = [score for score, own in zip(scores, noise, strict=True) if own > min(noise)]
    assert scores[best] == (max(wide) if wide and max(wide) - margin > max(calm) else max(calm)) or (
        wide and max(wide) - margin == max(calm)
    )
    equal = Walk((0.0, 1.0), (0.1 * guided,), candidates=len(scores), margin=margin)
    assert scores[equal.best_of(scores)] == max(scores), "a margin is nothing where all noise is alike"


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidSetting, match=r"defaults\.margin"):
        SamplerDefaults(margin=wrong)


@given(scale=SCALES, guided=st.booleans())
def test_a_walk_without_guidance_begins_at_the_noise_of_training(scale: NoiseScale, guided: bool) -> None:
    """Its variety is what the best is chosen from."""
    sampler = SamplerConfig(4, 0.1 if guided else 0.0, candidates=3, noise_scale=scale)
    for walk in (sampler.walk(), *(option.walk(sampler) for option in ladder(sampler, TimeGrid(4)))):
        if not walk.guided_steps:
            assert walk.noise == (1.0,) * walk.candidates
        else:
            assert set(walk.noise) <= set(scale if isinstance(scale, tuple) else (scale,))


@given(scale=SCALES)
def test_a_checkpoints_default_is_how_it_is_sampled(scale: NoiseScale) -> None:
    defaults = SamplerDefaults(0.1, candidates=4, noise_scale=scale, margin=0.5)
    assert default_config(defaults) == SamplerConfig(10, 0.1, candidates=4, noise_scale=scale, margin=0.5)
    stored = json.loads(json.dumps(defaults.as_mapping()))
    assert build(SamplerDefaults, stored, "defaults") == defaults


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5, (), (0.5, 0.0), (1.0, 1.5)])
def test_a_scale_that_training_has_not_seen_is_refused(wrong: NoiseScale) -> None:
    with pytest.raises(InvalidSetting, match="noise_scale"):
        SamplerDefaults(noise_scale=wrong)


@pytest.mark.parametrize("wrong", ["half", ["half"], {"a": 0.5}, True])
def test_what_is_no_scale_in_a_recipe_is_refused_by_its_place(wrong: object) -> None:
    with pytest.raises(InvalidSetting, match=r"defaults\.noise_scale"):
        build(SamplerDefaults, {"noise_scale": wrong}, "defaults")
