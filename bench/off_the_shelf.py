"""What ready-made tools give on the exported sampler: ONNX Runtime and OpenVINO beside our engines, call by call.

Needs `pip install openvino`, which the package itself does not. Figures and what follows: docs/adr/0015.

Run: python bench/off_the_shelf.py 4x512 [4x1024 ...] [--candidates 1] [--threads 1] [--rounds 50]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from cases import VECTOR, Case, FloatArray, make_checkpoint
from onnx import numpy_helper

from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision, Question
from qgf_ros.inference.engines.make import make_engine
from qgf_ros.inference.export import export_onnx

Ask = Callable[[], FloatArray]


def questions(case: Case) -> dict[str, Any]:
    """The graph's inputs for one whole walk."""
    observation, noise = case.question()
    walk = case.walk()
    return {
        "observation": observation,
        "noise": noise,
        "start": noise,
        "times": np.array(walk.times, np.float32),
        "weights": np.array(walk.weights, np.float32),
        "committed": np.zeros(VECTOR, np.float32),
        "fixed": np.zeros(VECTOR, bool),
        "freedom": np.ones(VECTOR, np.float32),
        "ask_critic": np.array(True),
        "estimator": np.array(0),
    }


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all bodies and branches in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def with_transposed_copies(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same function with a second, transposed copy of each kernel that is also read transposed.

    OpenVINO 2026.4 mixes the two up where one constant is read both ways, and gives wrong gradients without a word.
    """
    kernels = {weight.name: weight for weight in model.graph.initializer}
    for graph in graphs(model.graph):
        for node in graph.node:
            flags = [entry for entry in node.attribute if entry.name == "transB"]
            if not flags:
                continue
            copied = f"{node.input[1]}.transposed"
            if copied not in kernels:
                array = numpy_helper.to_array(kernels[node.input[1]]).T.copy()
                kernels[copied] = numpy_helper.from_array(array, copied)
                model.graph.initializer.append(kernels[copied])
            node.input[1] = copied
            flags[0].i = 0
    return model


def onnx_runtime(path: Path, given: dict[str, Any], threads: int, prepack: bool) -> Ask:
    """ONNX Runtime; without prepacking it keeps one copy of each kernel."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.disable_prepacking", str(int(not prepack)))
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda: np.asarray(session.run(["actions"], given)[0])


def open_vino(model: bytes, given: dict[str, Any], threads: int, precision: str) -> Ask:
    """OpenVINO's CPU plug-in, tuned for latency."""
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
    }
    core = openvino.Core()
    request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    return lambda: np.array(request.infer(given)["actions"])


def sides(case: Case, threads: int) -> dict[str, Ask]:
    """Everything that is compared, ready to ask; how long each took to load is printed."""
    checkpoint, given, walk = make_checkpoint(case), questions(case), case.walk()
    result: dict[str, Ask] = {}

    def add(name: str, make: Callable[[], Ask]) -> None:
        begun = time.perf_counter()
        result[name] = make()
        print(f"  {name}: ready in {time.perf_counter() - begun:.2f} s")

    def engine(name: EngineName, precision: Precision = Precision.FP32) -> Ask:
        made = make_engine(EngineConfig(name, precision, threads), checkpoint)
        return lambda: made.sample(Question(given["observation"], given["noise"], walk)).actions

    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.onnx"
        print(f"  exported: {export_onnx(checkpoint, path).size_bytes / 1e6:.1f} MB")
        doubled = with_transposed_copies(onnx.load(path)).SerializeToString()
        add("autograd", lambda: engine(EngineName.REFERENCE))
        add("torch written out", lambda: engine(EngineName.TORCH))
        add("cpu fp32", lambda: engine(EngineName.CPU))
        add("cpu bf16", lambda: engine(EngineName.CPU, Precision.BF16))
        add("ONNX Runtime", lambda: onnx_runtime(path, given, threads, prepack=True))
        add("ONNX Runtime, not prepacked", lambda: onnx_runtime(path, given, threads, prepack=False))
        add("OpenVINO fp32", lambda: open_vino(doubled, given, threads, "f32"))
        add("OpenVINO bf16", lambda: open_vino(doubled, given, threads, "bf16"))
        add("OpenVINO fp32 as exported", lambda: open_vino(path.read_bytes(), given, threads, "f32"))
    return result


def main() -> None:
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("nets", nargs="+", help="sizes as DEPTHxWIDTH")
    parser.add_argument("--candidates", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for net in arguments.nets:
        case = Case(net, arguments.candidates)
        print(f"{case.name}, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}")
        compared = sides(case, arguments.threads)
        expected = compared["autograd"]()
        errors = {name: float(np.abs(ask() - expected).max()) for name, ask in compared.items()}
        times: dict[str, list[float]] = {name: [] for name in compared}
        for _ in range(arguments.rounds):
            for name, ask in compared.items():
                begun = time.perf_counter()
                ask()
                times[name].append(1e3 * (time.perf_counter() - begun))
        for name, found in times.items():
            print(
                f"  {name:28} min {min(found):7.2f}  median {np.median(found):7.2f} ms  error {errors[name]:.1e}"
            )


if __name__ == "__main__":
    main()
