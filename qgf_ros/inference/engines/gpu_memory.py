"""A GPU without memory is told in a sentence, at configure and while sampling; and this process takes no more than its share.

Imports torch, and so is imported only where a policy is opened that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from qgf_ros.errors import GpuMemoryError
from qgf_ros.inference.engines.engine import Engine, Question, Sample


class GpuMemoryEngine:
    """Another engine's samples; where the GPU has no memory left, an error that says what would help."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def description(self) -> str:
        """The other engine's."""
        return self._engine.description

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`. Raises GpuMemoryError."""
        with gpu_memory():
            return self._engine.sample(question)


@contextmanager
def gpu_memory() -> Iterator[None]:
    """Raises GpuMemoryError where what is done within runs out of the GPU's memory; gives back what was cached."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise GpuMemoryError(str(error)) from error


def limit_gpu_memory(share: float) -> None:
    """From now on PyTorch takes no more than `share` of each GPU's memory in this process."""
    for index in range(torch.cuda.device_count()):
        torch.cuda.set_per_process_memory_fraction(share, index)
