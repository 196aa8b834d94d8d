"""Engine cuda_graph: recorded walks on a GPU, and what holds without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine_cases import SHAPES, assert_same, make_case, random_checkpoint
from needs import needs_gpu

from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.sampler import Estimator, SamplerConfig, Walk
from qgf_ros.inference.engines.cuda_graph import CudaGraphEngine
from qgf_ros.inference.engines.engine import Precision, Question
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.engines.static_sampler import MOST_STEPS

CPU = torch.device("cpu")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("estimator", Estimator)
@pytest.mark.parametrize("candidates", [1, 4, 16])
@pytest.mark.parametrize("with_prefix", [False, True])
@pytest.mark.parametrize("ends_after", [None, 1, 2, 4])
def test_recorded_walks_give_the_sample_of_the_specification(
    estimator: Estimator, candidates: int, with_prefix: bool, ends_after: int | None
) -> None:
    checkpoint = random_checkpoint(SHAPES[0], seed=1)
    specification = ReferenceEngine(random_checkpoint(SHAPES[0], seed=1), CPU)
    engine = CudaGraphEngine(checkpoint, torch.device("cuda"), Precision.FP32)
    for seed in range(3):  # the first walk records, the others replay
        case = make_case(
            SHAPES[0], seed, estimator, candidates, with_prefix=with_prefix, ends_after=ends_after
        )
        assert_same(case.ask(engine), case.ask(specification))


@pytest.mark.gpu
@needs_gpu
def test_a_replay_allocates_nothing_on_the_gpu() -> None:
    engine = CudaGraphEngine(random_checkpoint(SHAPES[0], seed=1), torch.device("cuda"), Precision.FP32)
    case = make_case(SHAPES[0], 0, Estimator.ONE_STEP, candidates=4)
    case.ask(engine)
    before = torch.cuda.memory_allocated()
    for _ in range(10):
        case.ask(engine)
    assert torch.cuda.memory_allocated() == before


def test_nothing_of_one_walk_is_left_in_the_next() -> None:
    engine = CudaGraphEngine(random_checkpoint(SHAPES[0], seed=1), CPU, Precision.FP32)
    first = make_case(SHAPES[0], 1, Estimator.ONE_STEP, candidates=4, with_prefix=True)
    other = make_case(SHAPES[0], 2, Estimator.ONE_STEP, candidates=4, with_prefix=True, ends_after=2)
    before = first.ask(engine)
    other.ask(engine)
    np.testing.assert_array_equal(first.ask(engine).actions, before.actions)


def test_an_answer_does_not_change_when_the_next_walk_is_sampled() -> None:
    engine = CudaGraphEngine(random_checkpoint(SHAPES[0], seed=1), CPU, Precision.FP32)
    sample = make_case(SHAPES[0], 1, Estimator.ONE_STEP, candidates=4).ask(engine)
    kept = sample.actions.copy()
    make_case(SHAPES[0], 2, Estimator.ONE_STEP, candidates=4).ask(engine)
    np.testing.assert_array_equal(sample.actions, kept)


def test_walks_longer_than_the_memory_made_for_them_are_refused() -> None:
    engine = CudaGraphEngine(random_checkpoint(SHAPES[0], seed=1), CPU, Precision.FP32)
    config = SHAPES[0]
    walk: Walk = SamplerConfig(MOST_STEPS + 1).walk()
    observation, noise = (
        np.zeros(config.observation_dim, np.float32),
        np.zeros((1, config.vector_dim), np.float32),
    )
    with pytest.raises(InvalidSetting, match=f"at most {MOST_STEPS} with engine cuda_graph"):
        engine.sample(Question(observation, noise, walk))
