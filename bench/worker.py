"""A process that holds one side and takes turns when the parent says so: JSON lines in, JSON lines out.

    python bench/worker.py --side jax --threads 2 --device cpu

Requests: {"open": {a case}} and {"turn": [warm-up calls, timed calls]}. It ends when its input ends.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sides import Side

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
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not get among the answers
    _bind(arguments.threads)
    worker = Worker(arguments.side, arguments.threads, arguments.device)
    for line in sys.stdin:
        print(json.dumps(worker.serve(json.loads(line))), file=answers)


def _bind(threads: int) -> None:
    """The first `threads` cores, before any library counts them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)


class Worker:
    """One side. State: the case that is open."""

    def __init__(self, side: str, threads: int, device: str) -> None:
        self._name, self._threads, self._device = side, threads, device
        self._side: Side | None = None

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        if "open" in request:
            return self._open(request["open"])
        warm, timed = request["turn"]
        return {"ms": self._turn(warm, timed)}

    def _open(self, wanted: dict[str, Any]) -> dict[str, Any]:
        import torch
        from cases import Case
        from sides import SideMissing, open_side

        from qgf_ros.errors import QgfError

        gc.unfreeze()
        self._side = None
        gc.collect()
        torch.set_num_threads(self._threads)
        case = Case(**wanted)
        try:
            side = open_side(self._name, case, self._threads, self._device)
        except (SideMissing, QgfError) as error:
            return {"missing": str(error)}
        question = case.question()
        for _ in range(WARM_UP):
            actions = side.ask(*question)
        self._side, self._question = side, question
        gc.collect()
        gc.freeze()
        gc.disable()
        return {
            "description": side.description,
            "actions": None if actions is None else actions.tolist(),
        }

    def _turn(self, warm: int, timed: int) -> list[float]:
        assert self._side is not None, "open a case first"
        ask, question = self._side.ask, self._question
        for _ in range(warm):
            ask(*question)
        spent = []
        for _ in range(timed):
            began = time.perf_counter()
            ask(*question)
            spent.append(1e3 * (time.perf_counter() - began))
        return spent


if __name__ == "__main__":
    main()
