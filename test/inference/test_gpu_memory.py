"""A GPU without memory is told in one sentence with what would help; PyTorch keeps to its share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from needs import needs_gpu
from stalling_engine import StraightEngine

from qgf_ros.errors import GpuMemoryError
from qgf_ros.flow.sampler import SamplerConfig
from qgf_ros.inference.engines.engine import Question, Sample
from qgf_ros.inference.engines.gpu_memory import GpuMemoryEngine, gpu_memory, limit_gpu_memory

TOLD = "CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has a total capacity of 1 GiB of which 2 MiB is free."
WALK = SamplerConfig(4).walk()


class FullEngine:
    """Has no memory left."""

    description = "full"

    def sample(self, question: Question) -> Sample:
        raise torch.OutOfMemoryError(TOLD)


def test_without_memory_sampling_ends_with_a_sentence_that_says_what_would_help() -> None:
    engine = GpuMemoryEngine(FullEngine())
    with pytest.raises(GpuMemoryError) as caught:
        engine.sample(Question(np.zeros(3, np.float32), np.zeros((1, 4), np.float32), WALK))
    words = "The GPU has no memory left for the policy (CUDA out of memory): end what else uses it, raise gpu_memory_share"
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_with_memory_samples_are_those_of_the_engine_itself() -> None:
    question = Question(np.zeros(3, np.float32), np.ones((2, 4), np.float32), WALK)
    guarded = GpuMemoryEngine(StraightEngine()).sample(question)
    plain = StraightEngine().sample(question)
    np.testing.assert_array_equal(guarded.actions, plain.actions)
    assert GpuMemoryEngine(StraightEngine()).description == "straight"


@pytest.mark.gpu
@needs_gpu
def test_no_more_than_its_share_of_a_gpu_is_taken() -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    limit_gpu_memory(0.1)
    try:
        with pytest.raises(GpuMemoryError), gpu_memory():
            torch.zeros(total // 5, dtype=torch.uint8, device="cuda")
        torch.zeros(total // 50, dtype=torch.uint8, device="cuda")
    finally:
        limit_gpu_memory(1.0)
