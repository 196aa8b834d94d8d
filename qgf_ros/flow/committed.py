"""Keeps a walk to committed actions by overwriting: what real-time chunking does here (docs/adr/0016)."""

from __future__ import annotations

import torch
from torch import Tensor

from qgf_ros.flow.guidance import QFunction
from qgf_ros.flow.path import interpolate
from qgf_ros.flow.prefix import Prefix


class Overwriting:
    """Committed entries follow the line from their noise to their action, whatever the velocity says there. Ours."""

    def __init__(self, prefix: Prefix, device: torch.device) -> None:
        self._count = prefix.entries
        self._actions = torch.from_numpy(prefix.vector[: self._count].copy()).to(device)
        self._freedom = torch.from_numpy(prefix.freedom).to(device)

    def place(self, action: Tensor, noise: Tensor, time: float) -> Tensor:
        """Return `action` a_t (B, D) with the committed entries on the line from `noise`, equation (4)."""
        at = torch.full(action.shape[:1], time, dtype=action.dtype, device=action.device)
        line = interpolate(noise[:, : self._count], self._actions.expand(len(action), -1), at)
        return torch.cat([line, action[:, self._count :]], dim=1)

    def replace(self, action: Tensor) -> Tensor:
        """Return finished `action` (B, D) with the committed entries as they will be executed."""
        return torch.cat([self._actions.expand(len(action), -1), action[:, self._count :]], dim=1)

    def judge(self, q: QFunction) -> QFunction:
        """Return `q` of actions whose committed entries are what will be executed."""
        return lambda action: q(self.replace(action))

    def hold_back(self, guidance: Tensor) -> Tensor:
        """Return `guidance` (B, D) times one minus the soft mask: committed actions are never bent."""
        return guidance * self._freedom
