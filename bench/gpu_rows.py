"""What only a GPU's rows have: how many kernels a chunk launches, and p99 while another process loads the GPU.

Not yet run: no GPU machine was at hand when it was written.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

LOAD = "import torch\na = torch.randn(4096, 4096, device='cuda')\nwhile True:\n    a = (a @ a).tanh()\n    torch.cuda.synchronize()\n"
LOADED_CALLS = 200


def kernels_of(ask: Callable[[], object]) -> int:
    """How many kernels one call runs, counted by PyTorch's profiler (CUPTI sees those of other libraries in the process too)."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    ask()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        ask()
        torch.cuda.synchronize()
    copies = ("memcpy", "memset")
    events = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return sum(not event.name.lower().startswith(copies) for event in events)


@contextmanager
def loaded_gpu() -> Iterator[None]:
    """Another process multiplies matrices on the GPU meanwhile."""
    load = subprocess.Popen([sys.executable, "-c", LOAD])
    try:
        yield
    finally:
        load.kill()
        load.wait()


def p99_under_load(turn: Callable[[int, int], list[float]]) -> float:
    """p99 (ms) of calls beside a loaded GPU; `turn` is a worker's."""
    import time

    with loaded_gpu():
        time.sleep(10.0)  # until it runs
        return float(np.percentile(turn(10, LOADED_CALLS), 99))
