"""Engine `cuda_graph`: the written-out sampler, recorded once and replayed, copies from and to the host included.

It has not been run on a GPU yet: its functions are held to the specification on the CPU, where they run unrecorded
(docs/adr/0015-one-written-out-sampler.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator, Walk
from qgf_ros.inference.engines.engine import GoOn, Precision, Question, Sample, check_told
from qgf_ros.inference.engines.static_sampler import MOST_STEPS, StaticSampler
from qgf_ros.inference.engines.torch_operations import TorchOperations, torch_nets

WARM_UPS = 3
Part = tuple[object, ...]


@dataclass
class _Program:
    """A sampler's memory and the graphs that were recorded on it."""

    sampler: StaticSampler
    graphs: dict[Part, torch.cuda.CUDAGraph] = field(default_factory=dict)


class CudaGraphEngine:
    """Samples on a GPU. Each number of candidates, estimator, and with or without a prefix, has memory and graphs of its own.

    A graph is recorded when a walk of its kind is first asked for, which takes tens of milliseconds: ask for all kinds
    before the robot moves. Whole walks are one graph; those that may be cut short are one graph a step.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device, precision: Precision) -> None:
        """Takes the networks to `device`. On a CPU nothing is recorded: for tests."""
        self._device, self._precision = device, precision
        self._nets = torch_nets(checkpoint, device, precision, together=True)
        self._ops = TorchOperations(branches=False).to(device)
        self._longest = checkpoint.networks.config.max_delay
        self._programs: dict[tuple[int, Estimator, bool], _Program] = {}
        if device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = False  # its ten bits are not float32

    @property
    def description(self) -> str:
        """Which engine, precision and device."""
        return f"cuda_graph ({self._precision.value}, {self._device})"

    @torch.inference_mode()
    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`.

        Raises:
            InvalidSetting: more steps than MOST_STEPS.
        """
        walk, prefix, go_on = question.walk, question.prefix, question.go_on
        check_told(prefix, self._longest)
        if walk.steps > MOST_STEPS:
            accepted = f"at most {MOST_STEPS} with engine cuda_graph"
            raise InvalidSetting("denoise_steps", walk.steps, accepted)
        program = self._program(walk, prefix)
        self._record(program, walk, whole=go_on is None)
        _fill(program.sampler, question)
        steps = walk.steps
        if go_on is None:
            self._replay(program, _whole(walk))
        else:
            steps = self._step_by_step(program, walk, go_on)
        self._wait()
        return _sample(program.sampler, walk, steps)

    def _step_by_step(self, program: _Program, walk: Walk, go_on: GoOn) -> int:
        self._replay(program, ("begin",))
        done = 0
        while done < walk.steps and (done == 0 or go_on(done)):
            self._replay(program, _step(walk, done))
            self._wait()  # so that `go_on` looks at the clock when the step is done, not when it was launched
            done += 1
        if done < walk.steps:
            program.sampler.stop_at(1.0 - walk.times[done])
        self._replay(program, ("finish", walk.asks_critic))
        return done

    def _program(self, walk: Walk, prefix: Prefix | None) -> _Program:
        key = walk.candidates, walk.estimator, prefix is not None
        if key not in self._programs:
            self._programs[key] = _Program(StaticSampler(self._ops, self._nets, self._device, *key))
        return self._programs[key]

    def _record(self, program: _Program, walk: Walk, whole: bool) -> None:
        """Records what the walk needs and is not there yet. Must come before its inputs: warming up spoils the memory."""
        if self._device.type != "cuda":
            return
        parts = {_step(walk, k) for k in range(walk.steps)} | {("begin",), ("finish", walk.asks_critic)}
        for part in {_whole(walk)} if whole else parts:
            if part not in program.graphs:
                program.graphs[part] = _recorded(_work(program.sampler, part))

    def _replay(self, program: _Program, part: Part) -> None:
        if self._device.type == "cuda":
            program.graphs[part].replay()
        else:
            _work(program.sampler, part)()

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()


def _step(walk: Walk, index: int) -> Part:
    return "step", walk.weights[index] != 0.0, index == 0


def _whole(walk: Walk) -> Part:
    return "walk", walk.asks_critic, *(weight != 0.0 for weight in walk.weights)


def _work(sampler: StaticSampler, part: Part) -> Callable[[], None]:
    """What a part does, as a function without arguments."""

    def work() -> None:
        match part:
            case ("begin",):
                sampler.begin()
            case ("step", bool(is_guided), bool(is_first)):
                sampler.step(is_guided, is_first)
            case ("finish", bool(asks_critic)):
                sampler.finish(asks_critic)
            case ("walk", bool(asks_critic), *guided):
                sampler.begin()
                for index, weighs in enumerate(guided):
                    sampler.step(bool(weighs), index == 0)
                sampler.finish(asks_critic)

    return work


def _recorded(work: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """The graph of what `work` launches, after it was warmed up on a stream of its own, as PyTorch asks for."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


def _fill(sampler: StaticSampler, question: Question) -> None:
    given, walk, prefix = sampler.given.on_host, question.walk, question.prefix
    given["observation"][0], given["noise"][:] = question.observation, question.noise
    given["times"][: walk.steps] = walk.times[:-1]
    given["lengths"][: walk.steps] = np.diff(walk.times)
    given["weights"][: walk.steps] = walk.weights
    given["rest"][0] = 0.0
    if prefix is not None:
        given["committed"][:], given["freedom"][:] = prefix.vector, prefix.freedom
        given["fixed"][:] = np.arange(prefix.vector.size) < prefix.entries
        given["rows"][0] = prefix.rows[: given["rows"].shape[1]]


def _sample(sampler: StaticSampler, walk: Walk, steps: int) -> Sample:
    found = {name: value.copy() for name, value in sampler.answer.on_host.items()}
    scores = found["scores"][:, 0]
    best = int(scores.argmax()) if walk.asks_critic else 0
    guided = sum(weight != 0.0 for weight in walk.weights[:steps])
    return Sample(
        actions=found["actions"],
        scores=scores,
        best=best,
        q_first=float(found["q_first"][best, 0]),
        guidance_norm=float(found["norm"][best, 0]) / guided if guided else 0.0,
        steps=steps,
    )
