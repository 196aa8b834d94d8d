"""Engines by name: what a user gets, and what is refused."""

from __future__ import annotations

import pytest
import torch
from engine_cases import SHAPES, random_checkpoint

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting, MissingGpuError
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import EngineConfig, EngineName, Precision, check_delay
from qgf_ros.inference.engines.make import make_engine

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return random_checkpoint(SHAPES[0], seed=0)


@pytest.mark.parametrize("name", [EngineName.REFERENCE, EngineName.TORCH, EngineName.ONNX])
def test_an_engine_is_made_by_its_name_and_says_it(name: EngineName, checkpoint: Checkpoint) -> None:
    if name is EngineName.ONNX:
        pytest.importorskip("onnx", reason="needs onnx: pip install 'qgf_ros[onnx]'")
    made = make_engine(EngineConfig(name), checkpoint, Device.CPU)
    assert made.description.startswith(f"{name.value} (")


def test_auto_without_a_gpu_is_the_same_as_engine_cpu(checkpoint: Checkpoint) -> None:
    words = [
        make_engine(EngineConfig(name), checkpoint, Device.CPU).description
        for name in (EngineName.AUTO, EngineName.CPU)
    ]
    assert words[0] == words[1]


@without_gpu
def test_a_cuda_graph_without_a_gpu_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(
        MissingGpuError, match=r"Parameter engine is cuda_graph, but PyTorch .* no NVIDIA GPU"
    ):
        make_engine(EngineConfig(EngineName.CUDA_GRAPH), checkpoint)


@without_gpu
def test_device_cuda_without_a_gpu_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(MissingGpuError, match=r"Parameter device is cuda, but PyTorch .* no NVIDIA GPU"):
        make_engine(EngineConfig(), checkpoint, Device.CUDA)


def test_tensorrt_is_for_exported_files_only(checkpoint: Checkpoint) -> None:
    with pytest.raises(InvalidSetting, match="auto, cpu or cuda for every engine but onnx"):
        make_engine(EngineConfig(), checkpoint, Device.TENSORRT)


def test_the_specification_is_float32(checkpoint: Checkpoint) -> None:
    with pytest.raises(
        InvalidSetting, match="precision is 'bf16', but it must be fp32 with engine reference"
    ):
        make_engine(EngineConfig(EngineName.REFERENCE, Precision.BF16), checkpoint, Device.CPU)


def test_a_policy_that_is_told_takes_delays_as_long_as_it_was_trained_for_and_another_any() -> None:
    for delay, longest in ((0, 2), (2, 2), (9, 0)):
        check_delay(delay, longest)
    with pytest.raises(InvalidSetting, match="delay is 3, but it must be at most 2"):
        check_delay(3, 2)
