"""Makes the engine that a user named."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.errors import InvalidSetting, MissingGpuError, MissingKernelError
from qgf_ros.flow.sampler import Slope
from qgf_ros.inference.aim import check_of_one_goal
from qgf_ros.inference.device import Device, choose_device
from qgf_ros.inference.engines.aimed import AimedEngine
from qgf_ros.inference.engines.cpu import CpuEngine, CpuNetworks
from qgf_ros.inference.engines.cuda_graph import CudaGraphEngine
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName, Precision
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.inference.engines.reference import ReferenceEngine
from qgf_ros.inference.engines.torch_engine import TorchEngine
from qgf_ros.inference.export import export_onnx
from qgf_ros.networks import Aggregation


def make_engine(config: EngineConfig, checkpoint: Checkpoint, device: Device = Device.AUTO) -> Engine:
    """The engine for a checkpoint; AUTO takes cuda_graph where a GPU is asked for by name, else cpu.

    Where the library of engine cpu was not built, engine torch stands in and says so. Engine onnx is exported first. A checkpoint
    of many goals gives an `AimedEngine`, which must be told of one before it samples.

    Raises:
        MissingGpuError: a GPU is asked for and there is none.
        InvalidSetting: more threads than the engine takes, or a precision or a slope of the critic that it has not.
    """
    if checkpoint.networks.config.goal_dim > 0:
        return AimedEngine(checkpoint, partial(make_engine, config, device=device))
    if config.name is EngineName.ONNX:
        return _onnx_engine(config, checkpoint, device)
    chosen = choose_device(device)
    match config.name:
        case EngineName.CUDA_GRAPH if chosen.type == "cpu":
            raise MissingGpuError(str(torch.__version__), "engine", config.name.value)
        case EngineName.CUDA_GRAPH:
            return CudaGraphEngine(checkpoint, chosen, config.precision)
        case EngineName.AUTO if device is Device.CUDA:
            return CudaGraphEngine(checkpoint, chosen, config.precision)
        case EngineName.AUTO if checkpoint.defaults.slope is Slope.PROBABILITY:
            instead = "Engine cpu has the gradient of the logit alone, and the checkpoint states that of the probability."
            return TorchEngine(checkpoint, choose_device(Device.CPU), config.precision, instead=instead)
        case EngineName.AUTO | EngineName.CPU:
            return _cpu_engine(config, checkpoint)
        case EngineName.TORCH:
            return TorchEngine(checkpoint, chosen, config.precision)
    if config.precision is not Precision.FP32:
        raise InvalidSetting("precision", config.precision.value, "fp32 with engine reference")
    return ReferenceEngine(checkpoint, chosen)


def _onnx_engine(config: EngineConfig, checkpoint: Checkpoint, device: Device) -> Engine:
    with TemporaryDirectory() as folder:
        path = export_onnx(checkpoint, Path(folder) / "policy.onnx").path
        return OnnxEngine(path, config, device)


def cpu_networks(checkpoint: Checkpoint) -> CpuNetworks:
    """What engine cpu needs of a checkpoint; arrays share the checkpoint's memory.

    Raises NoGoalError where there is no goal yet, InvalidSetting where guidance shall follow the probability: the engine has the logit's gradient alone.
    """
    check_of_one_goal(checkpoint, "Engine cpu")
    if checkpoint.defaults.slope is not Slope.LOGIT:
        slope = checkpoint.defaults.slope.value
        raise InvalidSetting(
            "defaults.slope", slope, "logit with engine cpu; engines torch and reference have both"
        )
    config = checkpoint.networks.config
    weights = {name: value.cpu().numpy() for name, value in checkpoint.networks.state_dict().items()}
    is_minimum = config.aggregation is Aggregation.MIN
    return CpuNetworks(weights, checkpoint.normalizer, is_minimum, config.max_delay)


def _cpu_engine(config: EngineConfig, checkpoint: Checkpoint) -> Engine:
    try:
        return CpuEngine(cpu_networks(checkpoint), config)
    except MissingKernelError as missing:
        return TorchEngine(checkpoint, choose_device(Device.CPU), config.precision, instead=str(missing))
