"""Writes a checkpoint's guided sampler as an ONNX file, and holds the file to the checkpoint before it takes its place."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import ExportDiffersError, MissingExtraError
from qgf_ros.flow.prefix import Prefix
from qgf_ros.flow.sampler import Estimator, Walk
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.inference.engines.engine import Engine, Float32, Precision, Question
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.engines.torch_operations import torch_nets
from qgf_ros.inference.exported import Exported
from qgf_ros.networks import NetworkConfig

TOLERANCE = 2e-5  # the bar of every float32 engine, in actions of [-1, 1]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Export:
    """What was written: `error` is the largest difference of any action between file and checkpoint in `checks` walks."""

    path: Path
    size_bytes: int
    error: float
    checks: int


def export_onnx(checkpoint: Checkpoint, path: Path) -> Export:
    """Writes `path`, making its folder; an older file stands until the new one was found to be right.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        ExportDiffersError: ONNX Runtime does not give the checkpoint's chunks.
        NoGoalError: its critic must be told of a goal: a file is for one.
    """
    check_of_one_goal(checkpoint, "An exported file")
    try:
        import onnx
        import onnxruntime  # noqa: F401  asked for before the work, not after it
    except ImportError as error:
        raise MissingExtraError("Exporting", str(error.name), "onnx") from error
    from qgf_ros.inference.export_graph import sampler_graph

    config = checkpoint.networks.config
    exported = Exported(
        checkpoint.interface, checkpoint.defaults, checkpoint.grid, config.max_delay, checkpoint.provenance
    )
    model = sampler_graph(torch_nets(checkpoint, CPU, Precision.FP32, together=False))
    onnx.helper.set_model_props(model, exported.as_metadata())
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".onnx", dir=path.parent)
    os.close(handle)
    try:
        Path(part).write_bytes(model.SerializeToString())
        errors = differences(OnnxEngine(Path(part)), ReferenceEngine(checkpoint, CPU), config)
        if not max(errors) <= TOLERANCE:
            raise ExportDiffersError(path, max(errors), TOLERANCE)
        Path(part).chmod(0o644)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return Export(path, path.stat().st_size, max(errors), len(errors))


def differences(found: Engine, expected: Engine, config: NetworkConfig) -> list[float]:
    """The largest difference of actions in each of some walks: every estimator, one and four candidates, without and with
    a prefix, in uneven steps of which one is unguided."""
    draw = np.random.default_rng(0)
    results = []
    for estimator in Estimator:
        for candidates in (1, 4):
            for prefix in (None, _prefix(config, draw)):
                walk = Walk((0.0, 0.1, 0.4, 0.7, 1.0), (0.05, 0.0, 0.1, 0.05), estimator, candidates)
                observation = draw.standard_normal(config.observation_dim, dtype=np.float32)
                noise = draw.standard_normal((candidates, config.vector_dim), dtype=np.float32)
                question = Question(observation, noise, walk, prefix)
                answers = [engine.sample(question) for engine in (found, expected)]
                results.append(_largest(answers[0].actions - answers[1].actions))
    return results


def _prefix(config: NetworkConfig, draw: np.random.Generator) -> Prefix:
    rows = config.vector_dim // config.action_dim
    delay = min(config.max_delay or rows, max(1, rows // 3))
    committed = draw.uniform(-1.0, 1.0, (rows, config.action_dim)).astype(np.float32)
    mask = np.where(np.arange(rows) < delay, 1.0, np.linspace(0.5, 0.0, rows)).astype(np.float32)
    return Prefix(committed, mask, delay)


def _largest(difference: Float32) -> float:
    return float(np.abs(difference).max())
