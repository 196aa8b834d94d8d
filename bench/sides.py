"""What can be timed, by name: each side answers the same question, an observation and noise, with actions (N, D).

Imports stay inside the functions, so that a worker process loads only what its side needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cases import Case

FloatArray = npt.NDArray[np.float32]
Ask = Callable[[FloatArray, FloatArray], FloatArray | None]


@dataclass(frozen=True)
class Side:
    """Something to time; `ask` gives the actions, or None where nothing is sampled (a floor)."""

    description: str
    ask: Ask


ENGINE_SIDES = {  # sampler name in the rows: engine and precision as a user names them
    "autograd": ("reference", "fp32"),
    "torch_fp32": ("torch", "fp32"),
    "cpu_fp32": ("cpu", "fp32"),
    "cpu_bf16": ("cpu", "bf16"),
    "onnx": ("onnx", "fp32"),
    "cuda_graph_fp32": ("cuda_graph", "fp32"),
    "cuda_graph_bf16": ("cuda_graph", "bf16"),
}
FLOOR_SIDES = {"floor_fp32": 4, "floor_bf16": 2}
SIDES = (*ENGINE_SIDES, "compile", "jax", *FLOOR_SIDES)


class SideMissing(Exception):
    """This side cannot be measured here; the sentence says why."""


def open_side(name: str, case: Case, threads: int, device: str) -> Side:
    """The side `name` ready for a case. Raises SideMissing or QgfError with the reason."""
    if name in FLOOR_SIDES:
        return _floor(case, threads, FLOOR_SIDES[name])
    if name == "jax":
        return _jax(case, device)
    if name == "compile":
        return _compiled(case, device)
    return _engine(name, case, threads, device)


def _engine(name: str, case: Case, threads: int, device: str) -> Side:
    import torch
    from cases import make_checkpoint

    from qgf_ros.inference.device import Device
    from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision, Question
    from qgf_ros.inference.engines.make import make_engine

    torch.set_num_threads(threads)
    engine_name, precision = ENGINE_SIDES[name]
    config = EngineConfig(EngineName(engine_name), Precision(precision), threads)
    engine = make_engine(config, make_checkpoint(case), Device(device))
    if not engine.description.startswith(engine_name):
        raise SideMissing(f"engine {engine_name} is not to be had here: {engine.description} came instead")
    walk = case.walk()
    return Side(
        engine.description,
        lambda observation, noise: engine.sample(Question(observation, noise, walk)).actions,
    )


def _jax(case: Case, device: str) -> Side:
    from cases import make_checkpoint

    try:
        import jax
        from jax_sampler import make_jax_sampler
    except ImportError as error:
        raise SideMissing(
            f"JAX cannot be imported ({error}): install the extra `bench`, or use make bench"
        ) from error
    found = jax.devices()[0].platform
    if (found == "cpu") != (device == "cpu"):
        raise SideMissing(f"JAX has no GPU here: it found {found}")
    checkpoint, walk = make_checkpoint(case), case.walk()
    arrays = {name: value.numpy() for name, value in checkpoint.networks.state_dict().items()}
    normalizer = checkpoint.normalizer
    sampler = make_jax_sampler(arrays, normalizer.mean, normalizer.scale, walk.times, case.weight)
    return Side(
        f"jax {jax.__version__} jit ({found})", lambda observation, noise: sampler(observation, noise).actions
    )


def _compiled(case: Case, device: str) -> Side:
    import torch
    from cases import make_checkpoint
    from compiled_torch import make_compiled_sampler

    sampler = make_compiled_sampler(make_checkpoint(case), case.walk(), torch.device(device))
    try:
        sampler(*case.question())
    except Exception as error:  # Inductor needs a compiler and raises what it likes
        raise SideMissing(f"torch.compile failed: {str(error).splitlines()[0]}") from error
    return Side(f"torch {torch.__version__} compile ({device})", sampler)


def _floor(case: Case, threads: int, bytes_each: int) -> Side:
    from cases import OBSERVED, VECTOR
    from floor import make_floor, walk_reading

    reading = walk_reading(case.hidden, OBSERVED, VECTOR, case.critics, case.steps, bytes_each)
    floor = make_floor(reading, threads)

    def ask(observation: FloatArray, noise: FloatArray) -> None:
        floor.read()

    return Side(f"{floor.description}, {reading.total_bytes / 1e6:.1f} MB", ask)
