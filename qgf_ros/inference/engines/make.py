"""Makes the engine that a user named."""

from __future__ import annotations

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.inference.device import Device, choose_device
from qgf_ros.inference.engines.engine import Engine, EngineConfig
from qgf_ros.inference.engines.reference import ReferenceEngine


def make_engine(config: EngineConfig, checkpoint: Checkpoint, device: Device = Device.AUTO) -> Engine:
    """The engine for a checkpoint.

    Raises:
        MissingGpuError: a GPU is asked for and there is none.
    """
    return ReferenceEngine(checkpoint, choose_device(device))
