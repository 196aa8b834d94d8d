"""Opens what a user names as checkpoint: a folder, sampled by PyTorch's engines, or an exported file, which needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qgf_ros.contract.schema import Interface
from qgf_ros.errors import InvalidSetting, MissingTorchError
from qgf_ros.flow.grid import TimeGrid
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.inference.device import Device
from qgf_ros.inference.engines.engine import Engine, EngineConfig, EngineName
from qgf_ros.inference.engines.onnx import OnnxEngine
from qgf_ros.inference.policy import Aim

EXPORTED = ".onnx"


@dataclass(frozen=True)
class Opened:
    """A policy ready to sample, and what it says of itself; `max_delay` as in `NetworkConfig`. `aim` tells it a goal, where it takes one."""

    engine: Engine
    defaults: SamplerDefaults
    grid: TimeGrid
    max_delay: int
    aim: Aim | None = None


def open_policy(
    config: EngineConfig, path: Path, interface: Interface, device: Device = Device.AUTO
) -> Opened:
    """The policy at `path`, checked against `interface`. PyTorch is imported for a folder only.

    Raises:
        InvalidSetting: the engine does not take what `path` names, or the precision.
        CheckpointError, InterfaceMismatchError, MissingFileError: as `load_checkpoint` and `OnnxEngine`.
        MissingTorchError, MissingExtraError, MissingProviderError, MissingGpuError: what the engine needs is not there.
        GpuMemoryError: the GPU's memory, or the share of it that is allowed, does not hold the policy.
    """
    if path.suffix == EXPORTED:
        return _open_exported(config, path, interface, device)
    return _open_folder(config, path, interface, device)


def _open_exported(config: EngineConfig, path: Path, interface: Interface, device: Device) -> Opened:
    if config.name not in (EngineName.ONNX, EngineName.AUTO):
        raise InvalidSetting("engine", config.name.value, f"onnx or auto for the exported file {path}")
    engine = OnnxEngine(path, config, device)
    engine.check_interface(path, interface)
    exported = engine.exported
    return Opened(engine, exported.defaults, exported.grid, exported.max_delay)


def _open_folder(config: EngineConfig, path: Path, interface: Interface, device: Device) -> Opened:
    try:
        import torch
    except ImportError as error:
        raise MissingTorchError(path) from error
    from qgf_ros.checkpoint import load_checkpoint
    from qgf_ros.inference.engines.aimed import aim_of
    from qgf_ros.inference.engines.gpu_memory import GpuMemoryEngine, gpu_memory, limit_gpu_memory
    from qgf_ros.inference.engines.make import make_engine

    torch.set_num_threads(config.threads)
    limit_gpu_memory(config.gpu_memory_share)
    checkpoint = load_checkpoint(path, interface)
    with gpu_memory():
        made = make_engine(config, checkpoint, device)
    max_delay = checkpoint.networks.config.max_delay
    return Opened(GpuMemoryEngine(made), checkpoint.defaults, checkpoint.grid, max_delay, aim_of(made))
