"""Which device an engine computes on, by a name that a user writes. PyTorch is asked only where it is used."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from qgf_ros.errors import InvalidSetting, MissingGpuError

if TYPE_CHECKING:
    import torch


class Device(Enum):
    """AUTO takes the GPU where there is one that the engine can use. TENSORRT is for engine onnx alone."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"


def choose_device(wanted: Device) -> torch.device:
    """The device for PyTorch.

    Raises:
        MissingGpuError: CUDA is wanted and PyTorch sees no GPU.
        InvalidSetting: TENSORRT is wanted.
    """
    import torch

    if wanted is Device.TENSORRT:
        raise InvalidSetting("device", wanted.value, "auto, cpu or cuda for every engine but onnx")
    if wanted is Device.CUDA and not torch.cuda.is_available():
        raise MissingGpuError(str(torch.__version__))
    if wanted is Device.CPU or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")
