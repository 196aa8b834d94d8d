"""Which device PyTorch computes on, by a name that a user writes."""

from __future__ import annotations

from enum import Enum

import torch

from qgf_ros.errors import MissingGpuError


class Device(Enum):
    """AUTO takes the GPU where PyTorch sees one."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def choose_device(wanted: Device) -> torch.device:
    """The device to use.

    Raises:
        MissingGpuError: CUDA is wanted and PyTorch sees no GPU.
    """
    if wanted is Device.CUDA and not torch.cuda.is_available():
        raise MissingGpuError(str(torch.__version__))
    if wanted is Device.CPU or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")
