"""Worker processes from the parent's side: started together, asked one at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
WARM, TIMED = 1, 2  # calls of a turn: one to wake threads and caches, then those that count


@dataclass(frozen=True)
class Seat:
    """Who sits in a worker: a side with so many threads on a device."""

    sampler: str
    threads: int
    device: str = "cpu"

    @property
    def name(self) -> str:
        """For progress and messages."""
        where = (
            f"{self.threads} thread{'s' if self.threads > 1 else ''}" if self.device == "cpu" else self.device
        )
        return f"{self.sampler} ({where})"


class Worker:
    """One process. State: the process, and why it is of no use, if so."""

    def __init__(self, seat: Seat, program: Sequence[str]) -> None:
        self.seat = seat
        self._process = subprocess.Popen(
            [sys.executable, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if os.environ.get("QGF_BENCH_QUIET", "1") == "1" else None,
            text=True,
            env=worker_environment(seat),
        )

    def send(self, request: dict[str, Any]) -> None:
        """Asks; `receive` gives the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The answer; a worker that died answers with why it is missing."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        said = self._process.stderr.read().strip() if self._process.stderr is not None else ""
        return {"missing": f"its process ended: {said.splitlines()[-1] if said else self._process.wait()}"}

    def turn(self) -> list[float]:
        """The milliseconds of one turn."""
        self.send({"turn": [WARM, TIMED]})
        spent: list[float] = self.receive()["ms"]
        return spent

    def gpu_figures(self) -> dict[str, float]:
        """Kernels a chunk and p99 beside a loaded GPU; nothing for a seat on the CPU."""
        if self.seat.device == "cpu":
            return {}
        self.send({"gpu": True})
        return self.receive()

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def worker_environment(seat: Seat) -> dict[str, str]:
    """Each library's thread count, and JAX on the device that is meant, in full float32."""
    paths = [str(BENCH.parent), str(BENCH), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMP_NUM_THREADS": str(seat.threads),
        "JAX_PLATFORMS": "cpu" if seat.device == "cpu" else "cuda",
        "JAX_DEFAULT_MATMUL_PRECISION": "highest",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


@contextmanager
def started(seats: Sequence[Seat], program: str = "worker.py") -> Iterator[list[Worker]]:
    """Workers for the seats, ended at the end."""
    workers = [
        Worker(
            seat,
            [
                str(BENCH / program),
                "--side",
                seat.sampler,
                "--threads",
                str(seat.threads),
                "--device",
                seat.device,
            ],
        )
        for seat in seats
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()
