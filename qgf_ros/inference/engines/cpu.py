"""Engine `cpu`: the whole guided walk in one call of a compiled library (native/), one copy of each weight. Imports no torch."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import InvalidSetting, ShapeMismatch
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator, Walk
from qgf_ros.inference.engines.engine import EngineConfig, Float32, Precision, Question, Sample, check_told
from qgf_ros.inference.engines.native.arrays import EMBEDDING_DIM, embed, hidden_widths, in_order
from qgf_ros.inference.engines.native.library import Answer, Request, load_library

MOST_THREADS = 8
MOST_MEMBERS = 16
_ESTIMATORS = (Estimator.ONE_STEP, Estimator.ONE_STEP_JACOBIAN, Estimator.NOISY)


@dataclass(frozen=True)
class CpuNetworks:
    """What the engine needs of a checkpoint: `weights` by the names of `Networks.state_dict()`, float32.

    `minimum`: members are aggregated by their minimum, else by their mean. `max_delay` as in `NetworkConfig`.
    """

    weights: Mapping[str, Float32]
    normalizer: Normalizer
    minimum: bool
    max_delay: int = 0


@dataclass(frozen=True)
class _Path:
    """A walk's arrays, as the library reads them."""

    walk: Walk
    times: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    embedding: Float32


class CpuEngine:
    """Samples on one or more cores. With several threads only matrix products are shared out; results do not change.

    Buffers grow with the largest number of candidates and steps seen; after that a call allocates nothing but its answer.
    """

    def __init__(self, networks: CpuNetworks, config: EngineConfig, level: str = "") -> None:
        """Copies the weights into the library's order. `level`: avx512, avx2 or portable; empty: the machine's best.

        Raises:
            InvalidSetting: too many threads or critics, or a level that this machine has not.
            MissingKernelError: there is no compiled library.
        """
        self._sampler: int | None = None
        self._library = load_library()
        weights = networks.weights
        self._normalizer = networks.normalizer
        self._observation_dim = len(networks.normalizer.mean)
        self._vector_dim = len(weights["policy.layers.out.bias"])
        self._max_delay = networks.max_delay
        members = len(weights["target_critic.layers.out.bias"])
        self._level = self._library.qgf_level(level.encode()).decode()
        if not self._level:
            raise InvalidSetting("level", level, "avx512, avx2 or portable, whichever this machine has")
        if not 1 <= config.threads <= MOST_THREADS:
            raise InvalidSetting("engine.threads", config.threads, f"a whole number from 1 to {MOST_THREADS}")
        if members > MOST_MEMBERS:
            raise InvalidSetting("network.num_critics", members, f"at most {MOST_MEMBERS} with engine cpu")
        self._config = config
        arrays = in_order(weights, self._observation_dim, self._vector_dim)
        # Rows of the policy's first kernel that are neither observation, action nor time flag committed rows.
        self._flags = len(arrays[0]) - self._observation_dim - self._vector_dim - EMBEDDING_DIM
        widths = hidden_widths(weights)
        inputs = (self._observation_dim, self._flags, self._vector_dim)
        options = (int(config.precision is Precision.BF16), int(networks.minimum))
        shape = np.array([*inputs, len(widths), members, *options, *widths], dtype=np.int32)
        addresses = np.array([array.ctypes.data for array in arrays], dtype=np.uintp)
        self._sampler = self._library.qgf_create(
            shape.ctypes.data, addresses.ctypes.data, config.threads, self._level.encode()
        )
        if self._sampler is None:
            raise MemoryError(
                "There is no memory for the weights of engine cpu, or no more threads can start."
            )
        self._path: _Path | None = None

    def __del__(self) -> None:
        """Ends the threads and frees the weights."""
        if self._sampler is not None:
            self._library.qgf_destroy(self._sampler)

    @property
    def description(self) -> str:
        """Which engine, precision, instructions and threads."""
        threads = "1 thread" if self._config.threads == 1 else f"{self._config.threads} threads"
        return f"cpu ({self._config.precision.value}, {self._level}, {threads})"

    @property
    def held_bytes(self) -> int:
        """Memory for weights and buffers."""
        return int(self._library.qgf_bytes(self._sampler))

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`.

        Raises:
            ShapeMismatch: observation, noise or prefix are of another size than the networks.
            InvalidSetting: a longer delay than the policy was trained with.
        """
        self._check(question)
        walk, prefix, go_on = question.walk, question.prefix, question.go_on
        path = self._path_of(walk)
        seen = self._seen(question.observation, prefix)
        noise = np.ascontiguousarray(question.noise, dtype=np.float32)
        committed = None if prefix is None else np.ascontiguousarray(prefix.vector, dtype=np.float32)
        freedom = None if prefix is None else prefix.freedom
        request = Request(
            seen.ctypes.data,
            noise.ctypes.data,
            path.times.ctypes.data,
            path.weights.ctypes.data,
            path.embedding.ctypes.data,
            None if committed is None else committed.ctypes.data,
            None if freedom is None else freedom.ctypes.data,
            walk.steps,
            walk.candidates,
            _ESTIMATORS.index(walk.estimator),
            0 if prefix is None else prefix.entries,
            int(self._flags > 0),
        )
        actions = np.empty((walk.candidates, self._vector_dim), dtype=np.float32)
        scores = np.empty(walk.candidates, dtype=np.float32)
        answer = Answer(actions.ctypes.data, scores.ctypes.data)
        steps = 0
        if go_on is not None:
            while steps < walk.steps and (steps == 0 or go_on(steps)):
                self._run(request, steps, steps + 1, None)
                steps += 1
        end = walk.steps if go_on is None else steps
        self._run(request, steps, end, answer)
        return Sample(actions, scores, answer.best, answer.q_first, answer.guidance_norm, end)

    def _run(self, request: Request, first: int, last: int, answer: Answer | None) -> None:
        given = None if answer is None else ctypes.byref(answer)
        if self._library.qgf_run(self._sampler, ctypes.byref(request), first, last, given):
            raise MemoryError(f"There is no memory for {request.candidates} candidates in engine cpu.")

    def _path_of(self, walk: Walk) -> _Path:
        if self._path is None or self._path.walk != walk:
            times = np.array(walk.times)
            self._path = _Path(walk, times, np.array(walk.weights), embed(times[:-1]))
        return self._path

    def _seen(self, observation: Float32, prefix: Prefix | None) -> Float32:
        """The observation, normalised, and flags of committed rows where the policy takes them."""
        normalised = self._normalizer.normalise(observation)
        if self._flags == 0:
            return np.ascontiguousarray(normalised)
        flags = np.zeros(self._flags, dtype=np.float32) if prefix is None else prefix.rows
        return np.concatenate([normalised, flags]).astype(np.float32)

    def _check(self, question: Question) -> None:
        observation, noise, walk, prefix = (
            question.observation,
            question.noise,
            question.walk,
            question.prefix,
        )
        if observation.shape != (self._observation_dim,):
            raise ShapeMismatch("observation", observation.shape, f"({self._observation_dim},)")
        if noise.shape != (walk.candidates, self._vector_dim):
            raise ShapeMismatch("noise", noise.shape, f"({walk.candidates}, {self._vector_dim})")
        if prefix is not None and prefix.committed.size != self._vector_dim:
            raise ShapeMismatch("prefix", prefix.committed.shape, f"{self._vector_dim} entries")
        check_told(prefix, self._max_delay)
