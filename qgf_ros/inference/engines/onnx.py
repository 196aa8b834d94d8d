"""Engine `onnx`: an exported policy in ONNX Runtime. Imports no torch: the robot needs none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qgf_ros.bounds import WEIGHTS_BYTES, read_file
from qgf_ros.contract.load import differences
from qgf_ros.contract.schema import Interface
from qgf_ros.errors import (
    CheckpointError,
    InterfaceMismatchError,
    InvalidSetting,
    MissingExtraError,
    MissingProviderError,
)
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Walk
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import (
    EngineConfig,
    EngineName,
    Float32,
    GoOn,
    Precision,
    Question,
    Sample,
    check_told,
)
from qgf_ros.inference.exported import ESTIMATORS, Exported, read_metadata
from qgf_ros.inference.onnx_file import check_onnx

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CONFIG = EngineConfig(EngineName.ONNX)
OUTPUTS = ("actions", "scores", "best", "q_first", "guidance_norm", "action", "velocity")
INPUTS = {
    "observation",
    "noise",
    "start",
    "times",
    "weights",
    "committed",
    "fixed",
    "freedom",
    "ask_critic",
    "estimator",
}
CPU, CUDA, TENSORRT = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt"))
# The first provider that can takes a node of the graph, so each list ends with those that always can.
_PROVIDERS = {Device.CPU: [CPU], Device.CUDA: [CUDA, CPU], Device.TENSORRT: [TENSORRT, CUDA, CPU]}


class OnnxEngine:
    """A policy that `qgf export` wrote. The whole walk is one call; where it may be cut short, each step is one."""

    def __init__(self, path: Path, config: EngineConfig = CONFIG, device: Device = Device.CPU) -> None:
        """Loads the file.

        Raises:
            InvalidSetting: another precision than that of the file's weights, FP32.
            MissingFileError, FileTooLarge: there is no such file, or it is longer than any of ours.
            MissingExtraError: onnxruntime is not installed.
            MissingProviderError: the installed ONNX Runtime cannot use the device.
            CheckpointError: the file is no exported policy.
        """
        if config.precision is not Precision.FP32:
            raise InvalidSetting("precision", config.precision.value, "fp32 with engine onnx")
        threads = config.threads
        self._session = _load(path, threads, device)
        self.exported: Exported = read_metadata(path, _metadata(path, self._session))
        self._length = _vector_length(path, self._session, self.exported.interface)
        where = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        self._words = f"{where}, {'1 thread' if threads == 1 else f'{threads} threads'}"

    @property
    def description(self) -> str:
        """Which engine, what ONNX Runtime computes on, and threads."""
        return f"onnx (fp32, {self._words})"

    def check_interface(self, path: Path, interface: Interface) -> None:
        """Raises InterfaceMismatchError where the policy was trained under another interface."""
        stored = self.exported.interface
        if stored.digest != interface.digest:
            what = f"Exported policy {path.name}"
            raise InterfaceMismatchError(
                what, interface.digest, stored.digest, differences(interface, stored)
            )

    def sample(self, question: Question) -> Sample:
        """See `Engine.sample`."""
        noise, walk, go_on = question.noise, question.walk, question.go_on
        check_told(question.prefix, self.exported.max_delay)
        given = {"observation": question.observation, "noise": noise} | self._kept(question.prefix)
        given["estimator"] = np.array(ESTIMATORS.index(walk.estimator))
        if go_on is None:
            found = self._run(given, noise, walk.times, walk.weights, walk.asks_critic)
            return _sample(found, walk.steps)
        return self._step_by_step(given, walk, go_on)

    def _step_by_step(self, given: dict[str, Any], walk: Walk, go_on: GoOn) -> Sample:
        """One call a step, then, where the critic is asked, one of no steps that scores."""
        times, action = walk.times, given["noise"]
        found: list[dict[str, Any]] = []
        while len(found) < walk.steps and (not found or go_on(len(found))):
            k = len(found)
            found.append(self._run(given, action, times[k : k + 2], walk.weights[k : k + 1], False))
            action = found[-1]["action"]
        answer = found[-1]["actions"]
        last = self._run(given, answer, (1.0,), (), True) if walk.asks_critic else found[-1]
        guided = [step for step, weight in zip(found, walk.weights, strict=False) if weight != 0.0]
        norms = [step["guidance_norm"] for step in guided]
        mean = np.mean(norms, axis=0) if norms else found[-1]["guidance_norm"]
        return _sample(last | {"q_first": found[0]["q_first"], "guidance_norm": mean}, len(found))

    def _run(
        self,
        given: dict[str, Any],
        start: Float32,
        times: Sequence[float],
        weights: Sequence[float],
        ask_critic: bool,
    ) -> dict[str, Any]:
        inputs = given | {
            "start": start,
            "times": np.array(times, np.float32),
            "weights": np.array(weights, np.float32),
            "ask_critic": np.array(ask_critic),
        }
        return dict(zip(OUTPUTS, self._session.run(OUTPUTS, inputs), strict=True))

    def _kept(self, prefix: Prefix | None) -> dict[str, Any]:
        if prefix is None:
            nothing = np.zeros(self._length, np.float32)
            return {"committed": nothing, "fixed": nothing > 0.0, "freedom": nothing + np.float32(1.0)}
        fixed = np.arange(self._length) < prefix.entries
        return {"committed": prefix.vector, "fixed": fixed, "freedom": prefix.freedom}


def _sample(found: dict[str, Any], steps: int) -> Sample:
    best = int(found["best"])
    return Sample(
        actions=found["actions"],
        scores=found["scores"],
        best=best,
        q_first=float(found["q_first"][best]),
        guidance_norm=float(found["guidance_norm"][best]),
        steps=steps,
    )


def _metadata(path: Path, session: InferenceSession) -> dict[str, str]:
    try:
        return dict(session.get_modelmeta().custom_metadata_map)
    except UnicodeDecodeError as error:
        raise CheckpointError(path, "its metadata is not text") from error


def _vector_length(path: Path, session: InferenceSession, interface: Interface) -> int:
    """D, after the graph's inputs and outputs were found to be a sampler's for this interface."""
    found = {entry.name: entry.shape for entry in session.get_inputs()}
    outputs = {entry.name for entry in session.get_outputs()}
    widths = [interface.action_dim * rows for rows in (1, interface.chunk_length)]
    is_ours = found.keys() == INPUTS and outputs >= set(OUTPUTS)
    if not is_ours or found["observation"] != [interface.observation_dim]:
        raise CheckpointError(path, "its graph is no sampler of its interface")
    if found["committed"] not in [[width] for width in widths]:
        accepted = " or ".join(map(str, widths))
        raise CheckpointError(
            path, f"its chunks are {found['committed']} long, and its interface's {accepted}"
        )
    return int(found["committed"][0])


def _load(path: Path, threads: int, device: Device) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("Engine onnx", "onnxruntime", "onnx") from error
    content = read_file(path, WEIGHTS_BYTES)
    check_onnx(path, content)
    offered = onnxruntime.get_available_providers()
    if device is Device.AUTO:
        device = Device.CUDA if CUDA in offered else Device.CPU
    if _PROVIDERS[device][0] not in offered:
        raise MissingProviderError(device.value, [name.removesuffix("ExecutionProvider") for name in offered])
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(
        "session.load_model_format", "ONNX"
    )  # what was checked, not what it may look like
    # The sampler is as fast without, and ONNX Runtime would compute what depends on no input while it loads, however large it is.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=_PROVIDERS[device])
    except Exception as error:  # its own classes are not public, and differ between releases
        words = " ".join(str(error).split())
        raise CheckpointError(path, f"ONNX Runtime does not take it: {words}") from error
