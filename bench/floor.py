"""The floor of a sampler on a CPU: the time that it takes only to read the weights that it must read, in its order.

A guided walk for one sample reads per step the policy, all critics forward, and one critic backward; the observation's rows of the
first layers once; and the critics once more for the score. Nothing is computed. The floor is the best of several readers.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).with_name("floor_reader.cpp")
READERS = ("plain", "unrolled", "prefetching", "four streams")
TRIAL_CALLS = 20


@dataclass(frozen=True)
class Reading:
    """Sizes of the weight buffers in bytes, and the order in which a walk reads them (indices into `sizes`)."""

    sizes: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def total_bytes(self) -> int:
        """What one walk reads."""
        return sum(self.sizes[index] for index in self.order)


def walk_reading(
    hidden: tuple[int, ...], observed: int, vector: int, critics: int, steps: int, bytes_each: int
) -> Reading:
    """The reading of one guided walk of one sample; `bytes_each` is 4 for float32 and 2 for bfloat16.

    Biases and scales are left out (less than one part in a hundred), and so is the time's share of the first layer, which
    may be computed once for all chunks.
    """
    sizes: list[int] = []

    def add(*shapes: tuple[int, int]) -> list[int]:
        sizes.extend(rows * columns * bytes_each for rows, columns in shapes)
        return list(range(len(sizes) - len(shapes), len(sizes)))

    inner = list(pairwise(hidden))
    policy_once, policy = add((observed, hidden[0])), add((vector, hidden[0]), *inner, (hidden[-1], vector))
    once, walks = policy_once, []
    for _ in range(critics):
        once = once + add((observed, hidden[0]))
        walks.append(add((vector, hidden[0]), *inner, (hidden[-1], 1)))
    forward = [index for walk in walks for index in walk]
    step = policy + forward + walks[-1][::-1]
    return Reading(tuple(sizes), tuple(once + step * steps + forward))


class CompiledFloor:
    """Readers in C++ over huge and ordinary pages; `read` uses the one that was fastest when it was made."""

    def __init__(self, reading: Reading, threads: int, compiler: str) -> None:
        self._library = compile_reader(compiler)
        sizes = np.array(reading.sizes, np.uint64)
        order = np.array(reading.order, np.int32)
        open_ = self._library.floor_open
        open_.restype, self._library.floor_read.restype = ctypes.c_void_p, ctypes.c_uint64
        opened = [
            open_(
                sizes.ctypes.data_as(ctypes.c_void_p),
                len(sizes),
                order.ctypes.data_as(ctypes.c_void_p),
                len(order),
                threads,
                huge,
            )
            for huge in (0, 1)
        ]
        choices = [(page, reader) for page in range(2) for reader in self.readers]
        times = {choice: self._trial(opened[choice[0]], choice[1]) for choice in choices}
        page, self._reader = min(choices, key=lambda choice: times[choice])
        self._opened = opened[page]
        self.description = f"{READERS[self._reader]} reader in C++, {'huge' if page else 'ordinary'} pages"

    @property
    def readers(self) -> range:
        """The readers that there are."""
        return range(self._library.floor_readers())

    def read(self) -> int:
        """Reads everything once; the sum keeps the compiler from leaving it out."""
        return self.read_with(self._reader)

    def read_with(self, reader: int) -> int:
        """As `read`, with another reader."""
        return int(self._library.floor_read(ctypes.c_void_p(self._opened), reader))

    def _trial(self, opened: int, reader: int) -> float:
        spent = []
        for _ in range(TRIAL_CALLS):
            began = time.perf_counter()
            self._library.floor_read(ctypes.c_void_p(opened), reader)
            spent.append(time.perf_counter() - began)
        return min(spent)


class NumpyFloor:
    """Without a compiler: numpy's sum over the buffers, on one thread. Slower than a real floor, and said so."""

    def __init__(self, reading: Reading) -> None:
        self._buffers = [np.ones(size // 8, np.uint64) for size in reading.sizes]
        self._order = reading.order
        self.description = "numpy's sum on one thread (no C++ compiler): not the lowest floor"

    def read(self) -> int:
        """Reads everything once."""
        return sum(int(self._buffers[index].sum()) for index in self._order)


def make_floor(reading: Reading, threads: int) -> CompiledFloor | NumpyFloor:
    """The fastest reader that this machine can build."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    return NumpyFloor(reading) if compiler is None else CompiledFloor(reading, threads, compiler)


def compile_reader(compiler: str) -> ctypes.CDLL:
    """The shared library of floor_reader.cpp, built for this machine."""
    folder = Path(tempfile.mkdtemp(prefix="qgf-floor-"))
    target = folder / "floor_reader.so"
    flags = ["-O3", "-march=native", "-std=c++20", "-shared", "-fPIC", "-pthread"]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(target)], check=True, timeout=120.0)
    library = ctypes.CDLL(str(target))
    shutil.rmtree(folder)
    return library
