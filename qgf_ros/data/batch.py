"""From windows of numpy arrays to a training batch on a device."""

from __future__ import annotations

import torch
from torch import Tensor

from qgf_ros.data.chunks import Array, Windows
from qgf_ros.datatypes import Batch


def to_batch(windows: Windows, device: torch.device) -> Batch:
    """Return the batch of `windows` on `device`: of all running quantities, the last column."""

    def tensor(array: Array) -> Tensor:
        return torch.tensor(array, device=device)

    return Batch(
        observations=tensor(windows.observations),
        actions=tensor(windows.actions),
        next_observations=tensor(windows.next_observations[:, -1]),
        rewards=tensor(windows.rewards[:, -1]),
        masks=tensor(windows.masks[:, -1]),
        valid=tensor(windows.valid[:, -1]),
    )
