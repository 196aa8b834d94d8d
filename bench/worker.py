"""A process that holds one side and takes turns when the parent says so: JSON lines in, JSON lines out.

    python bench/worker.py --side jax --threads 2 --device cpu

Requests: {"open": {a case}}, {"turn": [warm-up calls, timed calls]} and, on a GPU, {"gpu": true}. It ends when its input ends.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

WARM_UP = 3  # calls after opening: compilation, caches, thread pools


def main() -> None:
    """Serves requests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    bind(arguments.threads)
    serve(SamplerWorker(arguments.side, arguments.threads, arguments.device))


def bind(threads: int) -> None:
    """Keeps this process to the first `threads` cores, before any library counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)


class Worker:
    """One side. State: what is open, as the call that is timed."""

    def __init__(self, name: str, threads: int, device: str) -> None:
        self.name, self.threads, self.device = name, threads, device
        self.ask: Callable[[], object] | None = None

    def open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Sets `ask`; the answer describes it, or says under `missing` why it cannot be."""
        raise NotImplementedError

    def turn(self, warm: int, timed: int) -> list[float]:
        """The milliseconds of `timed` calls after `warm` calls that do not count."""
        assert self.ask is not None, "open a case first"
        for _ in range(warm):
            self.ask()
        spent = []
        for _ in range(timed):
            began = time.perf_counter()
            self.ask()
            spent.append(1e3 * (time.perf_counter() - began))
        return spent


class SamplerWorker(Worker):
    """A sampler, or a floor."""

    def open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """A case of cases.py."""
        import torch
        from cases import Case
        from sides import SideMissing, open_side

        from qgf_ros.errors import QgfError

        gc.unfreeze()
        self.ask = None
        gc.collect()
        torch.set_num_threads(self.threads)
        case = Case(**wanted)
        try:
            side = open_side(self.name, case, self.threads, self.device)
        except (SideMissing, QgfError) as error:
            return {"missing": str(error)}
        question = case.question()
        for _ in range(WARM_UP):
            actions = side.ask(*question)
        self.ask = lambda: side.ask(*question)
        gc.collect()
        gc.freeze()
        gc.disable()
        return {
            "description": side.description,
            "actions": None if actions is None else actions.tolist(),
        }


def serve(worker: Worker) -> None:
    """Answers requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not get among the answers
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer_to(request, worker)), file=answers)


def answer_to(request: dict[str, Any], worker: Worker) -> dict[str, Any]:
    """One request's answer."""
    if "open" in request:
        return worker.open(request["open"])
    if "turn" in request:
        return {"ms": worker.turn(*request["turn"])}
    from gpu_rows import kernels_of, p99_under_load

    assert worker.ask is not None, "open a case first"
    return {"kernels": kernels_of(worker.ask), "p99_loaded_ms": p99_under_load(worker.turn)}


if __name__ == "__main__":
    main()
